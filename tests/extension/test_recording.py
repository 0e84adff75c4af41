"""What runs is recorded, and what is prepared counts only once it has run."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from evergreen.isolation import Ending, Tell, isolate
from evergreen.recording import Recording
from slipcover import Slipcover

ONE = "def f(x):\n    return x\n\n\ny = f(1)\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a folder to import from, with a module; what is imported is forgotten."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "lantern.py").write_text(ONE)
    before = set(sys.modules)
    yield tmp_path
    for name in sys.modules.keys() - before:
        del sys.modules[name]


def imported(recording: Recording, *names: str) -> dict[str, list[int]]:
    """Return what is recorded, by the name of the file, when a fork imports some modules."""

    def action(tell: Tell) -> None:
        with recording:
            for name in names:
                importlib.import_module(name)
        tell(recording.lines())

    ((lines),) = isolate(action, 60).told
    return {Path(name).name: ran for name, ran in lines.items()}


def test_what_is_prepared_is_recorded_as_ever(folder: Path):
    recording = Recording([folder])
    before = imported(recording, "lantern")
    recording.prepare([str(folder / "lantern.py")])
    assert imported(recording, "lantern") == before == {"lantern.py": [1, 2, 5]}


def test_what_is_prepared_and_does_not_run_has_no_lines(folder: Path):
    (folder / "lens.py").write_text("1 / 0\n")
    recording = Recording([folder])
    recording.prepare([str(folder / "lantern.py"), str(folder / "lens.py")])
    assert recording.lines() == {}
    assert "lens" not in sys.modules
    assert imported(recording) == {}
    assert imported(recording, "lantern") == {"lantern.py": [1, 2, 5]}


def test_what_is_prepared_is_not_changed_again(folder: Path, monkeypatch: pytest.MonkeyPatch):
    recording = Recording([folder])
    recording.prepare([str(folder / "lantern.py")])
    monkeypatch.setattr(Slipcover, "instrument", None)
    recording.prepare([str(folder / "lantern.py")])
    assert imported(recording, "lantern") == {"lantern.py": [1, 2, 5]}


def test_a_file_that_is_another_by_now_is_recorded_as_it_is(folder: Path):
    recording = Recording([folder])
    recording.prepare([str(folder / "lantern.py")])
    (folder / "lantern.py").write_text(f"\n{ONE}z = f(2)\n")
    assert imported(recording, "lantern") == {"lantern.py": [2, 3, 6, 7]}


def test_files_of_one_content_are_told_apart(folder: Path):
    (folder / "lens.py").write_text(ONE)
    recording = Recording([folder])
    recording.prepare([str(folder / "lantern.py")])
    assert imported(recording, "lens") == {"lens.py": [1, 2, 5]}


@pytest.mark.parametrize("content", [None, b"x = = 1", b"\xff", b"\0"])
def test_what_cannot_be_prepared_is_left_to_the_import(folder: Path, content: bytes | None):
    if content is not None:
        (folder / "lens.py").write_bytes(content)
    recording = Recording([folder])
    recording.prepare([str(folder / "lens.py"), str(folder / "lantern.py")])
    assert imported(recording, "lantern") == {"lantern.py": [1, 2, 5]}

    def action(tell: Tell) -> None:
        with recording, contextlib.suppress(ImportError, SyntaxError, ValueError):
            importlib.import_module("lens")
            tell("it has been imported")

    assert isolate(action, 60) == Ending((), is_late=False)
