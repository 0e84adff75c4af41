"""Ways to damage a copy of the project, one at a time.

A sabotage changes the copy, and returns what the check has to print: the place at fault, and words
from which a writer can mend it.
"""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

GUIDE = "docs/howto/manage-stored-state.md"
LISTING = "docs/reference/examples/stored-state.md"
INDEX = "docs/explanation/index.md"
CHARM = "examples/stored-state/src/charm.py"
CHARM_TEST = "examples/stored-state/tests/unit/test_charm.py"
PEER_CHARM = "examples/peer-data/src/charm.py"
PEER_TEST = "examples/peer-data/tests/unit/test_charm.py"

Sabotage = Callable[[Path], list[str]]
"""Damages the project in a folder; returns what the check has to print."""


def edit(folder: Path, file: str, old: str, new: str) -> int:
    """Replace the first occurrence of a text, and return its line."""
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{file} has no {old!r}: choose another text to damage"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def rewrite(folder: Path, pattern: str, replace: Callable[[re.Match[str]], str]) -> re.Match[str]:
    """Replace the first match of a pattern in the guide, and return the match."""
    path = folder / GUIDE
    text = path.read_text(encoding="utf-8")
    match = re.search(pattern, text, re.MULTILINE)
    assert match is not None, f"{GUIDE} has no {pattern!r}: choose another text to damage"
    path.write_text(text[: match.start()] + replace(match) + text[match.end() :], encoding="utf-8")
    return match


def append(folder: Path, file: str, text: str) -> int:
    """Append a text after an empty line, and return the line on which it starts."""
    path = folder / file
    before = path.read_text(encoding="utf-8")
    path.write_text(f"{before}\n{text}\n", encoding="utf-8")
    return before.count("\n") + 2


def replaces(name: str, file: str, old: str, new: str, *printed: str) -> Any:
    """Return a parameter, a sabotage: one text in a file replaced by another."""

    def sabotage(folder: Path) -> list[str]:
        line = edit(folder, file, old, new)
        return [text.replace("LINE", str(line)) for text in printed]

    return pytest.param(sabotage, id=name)


def assert_noticed(
    folder: Path, done: subprocess.CompletedProcess[str], expected: list[str]
) -> None:
    """Assert that a check failed, printed what it has to, and left no site that is not proven."""
    assert done.returncode != 0, "the check did not notice"
    assert not (folder / "_build/html").exists() or "No site" not in done.stdout
    for text in expected:
        assert text in done.stdout, done.stdout
