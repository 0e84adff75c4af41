"""In GitHub Actions, each warning becomes a note on its line."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from evergreen.github import Annotator

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Project

PAGE = "# A page\n\n    x = 1 % 2\n"


def test_a_problem_is_a_note_on_its_line(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.chdir(project.folder)
    project.page("bad.md", PAGE)
    # A warning of Sphinx's own gives the whole path.
    project.page("warns.md", "# A page\n\n```{unheard-of}\n```\n")
    project.build(evergreen_prove=False)
    notes = [line for line in capsys.readouterr().err.splitlines() if line.startswith("::")]
    ours, other = sorted(notes)
    assert ours.startswith(
        "::error file=pages/bad.md,line=3::a literal block that nothing proves: 'x = 1 %25 2'. "
    )
    assert other.startswith("::error file=pages/warns.md,line=3::Unknown directive type")


def test_there_is_no_note_elsewhere(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    project.page("bad.md", PAGE)
    project.build(evergreen_prove=False)
    assert "::error" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("location", "note"),
    [
        ("pages/x.md:3", "::error file=pages/x.md,line=3::one%0Atwo\n"),
        ("pages/x.md:", "::error file=pages/x.md::one%0Atwo\n"),
        ("pages/x.md", "::error file=pages/x.md::one%0Atwo\n"),
        (None, ""),
    ],
)
def test_a_place_may_have_no_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    location: str | None,
    note: str,
):
    monkeypatch.chdir(tmp_path)
    record = logging.makeLogRecord({"msg": "%s\ntwo", "args": ("one",), "location": location})
    assert Annotator(tmp_path).filter(record)
    assert capsys.readouterr().err == note
