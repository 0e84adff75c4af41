"""Recording: which lines run, noted by the code that runs them.

coverage.py's tracer, which records the tests of the examples, is called for every line of every
library too. That takes as long as the tests themselves, and of the executed blocks there are many.
What SlipCover has changed is as fast as before. It cannot tell one test from another: that is for
whoever records each in a process of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import CodeType
from typing import Self

from slipcover import FileMatcher, ImportManager, Slipcover


class Recording:
    """Records the modules that are imported while it is entered, and what it is told to follow."""

    def __init__(self, folders: Iterable[Path]) -> None:
        """Record the modules in some folders."""
        # Else it would leave out what a comment says is not to be covered.
        self._recorder = Slipcover(exclude_lines=[])
        self._imports = ImportManager(self._recorder, FileMatcher(sources=folders))

    def __enter__(self) -> Self:
        """Begin to record what is imported."""
        self._imports.__enter__()
        return self

    def __exit__(self, *of_exception: object) -> None:
        """Record no more of what is imported."""
        self._imports.__exit__(*of_exception)

    def follow(self, code: CodeType) -> CodeType:
        """Return code that does the same, and notes its lines."""
        return self._recorder.instrument(code)

    def lines(self) -> dict[str, list[int]]:
        """Return the lines that have run, by the name of their file."""
        files = self._recorder.get_coverage()["files"]
        return {name: file["executed_lines"] for name, file in files.items()}
