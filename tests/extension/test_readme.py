"""The extension's README: its start works, and it has every option, message and figure."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import evergreen
import pytest
from bs4 import BeautifulSoup
from evergreen.figures import Figures, compute_figures

if TYPE_CHECKING:
    from conftest import Project

FOLDER = Path(evergreen.__file__).parent
README = (FOLDER / "README.md").read_text(encoding="utf-8")
MESSAGES = README.partition("\n## Messages\n")[2]
# A file's name on a line of its own, and its content.
FILE = re.compile(r"^`(\S+)`\n\n(`{3,})\w+\n(.*?)\n\2$", re.DOTALL | re.MULTILINE)
KIND = re.compile("[a-z]+(-[a-z]+)+")


def test_the_start_is_a_proven_site(tmp_path: Path):
    files = {name: text for name, _, text in FILE.findall(README)}
    assert len(files) == 5
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n", encoding="utf-8")
    shutil.copytree(FOLDER, tmp_path / "docs/_ext/evergreen")
    build, mutants = re.findall(r"^\$ python (.*)$", README, re.MULTILINE)
    done = _run(build, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    page = BeautifulSoup((tmp_path / "_build/html/index.html").read_text("utf-8"), "lxml")
    summaries = [summary.get_text() for summary in page.select("details.evidence summary")]
    assert summaries == ["Proven by 2 tests", "Proven by 1 test"]
    assert [claim.get_text() for claim in page.select(".claim")] == ["adds two numbers✓"]
    assert _run(mutants, tmp_path).stdout.strip().startswith("8 mutants: 8 killed, ")


def _run(arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments.split()],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "docs/_ext")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_option_is_listed_with_its_default():
    app = mock.Mock()
    evergreen.setup(app)
    declared = {call.args[0]: call.args[1] for call in app.add_config_value.call_args_list}
    listed = dict(re.findall(r"^\| `(evergreen_\w+)` \| `(.*?)` \|", README, re.MULTILINE))
    assert {name: ast.literal_eval(value) for name, value in listed.items()} == declared


def _kinds() -> set[str]:
    """Return the names of all sorts of problem that are in the code."""
    kinds: set[str] = set()
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_problem = isinstance(node, ast.Call) and (
                getattr(node.func, "id", "") in ("Problem", "problem", "Refusal")
            )
            is_kind = isinstance(node, ast.Assign) and "kind" in ast.dump(node.targets[0])
            if is_problem or is_kind:
                values = [getattr(each, "value", None) for each in ast.walk(node)]
                kinds.update(
                    each for each in values if isinstance(each, str) and KIND.fullmatch(each)
                )
    return kinds


def test_every_message_has_an_entry_with_an_example():
    headings = re.findall(r"^### (.*)$", MESSAGES, re.MULTILINE)
    assert headings == sorted(_kinds())
    for entry in MESSAGES.split("\n### ")[1:]:
        heading, example, *rest = entry.split("\n\n")
        assert example.startswith("> "), heading
        assert rest, heading


def test_every_figure_is_listed():
    figures = compute_figures([], mock.Mock(count_statements=lambda _: 0), [], None)
    assert isinstance(figures, Figures)
    section = README.partition("\n## Figures\n")[2].partition("\n## ")[0]
    for name in figures:
        assert f"`{name}`" in section


@pytest.mark.parametrize("is_within", [True, False])
def test_a_message_leads_to_its_entry(
    project: Project, monkeypatch: pytest.MonkeyPatch, is_within: bool
):
    readme = FOLDER / "README.md"
    if is_within:
        folder = shutil.copytree(FOLDER, project.folder / "ext/evergreen")
        monkeypatch.setattr("evergreen.build.__file__", str(folder / "build.py"))
        readme = Path("ext/evergreen/README.md")
    project.page("bad.md", "# A page\n\n    x = 1\n")
    (warning,) = project.build(
        evergreen_prove=False, exclude_patterns=["ext", "examples"]
    ).warnings
    assert f"\n    See {readme}#block-unprovable" in warning
