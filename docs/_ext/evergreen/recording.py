"""Recording: which lines run, noted by the code that runs them.

coverage.py's tracer, which records the tests of the examples, is called for every line of every
library too. That takes as long as the tests themselves, and of the executed blocks there are many.
What SlipCover has changed is as fast as before. It cannot tell one test from another: that is for
whoever records each in a process of its own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from types import CodeType
from typing import Self

from slipcover import FileMatcher, ImportManager, Slipcover


class Recording:
    """Records the modules that are imported while it is entered, and what it is told to follow."""

    def __init__(self, folders: Iterable[Path]) -> None:
        """Record the modules in some folders."""
        self._recorder = _Recorder()
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

    def prepare(self, files: Iterable[str]) -> None:
        """Do here, for all forks to come, what they would do before they run a module.

        Nothing is run here, and nothing counts as run or imported.

        Args:
            files: the modules, in Python.
        """
        for file in set(files) - self._recorder.prepared.keys():
            # What cannot be read now is for those to tell of who import it.
            with contextlib.suppress(OSError, SyntaxError, ValueError):
                code = compile(Path(file).read_bytes(), file, "exec", dont_inherit=True)
                self._recorder.prepared[file] = code, self.follow(code)

    def lines(self) -> dict[str, list[int]]:
        """Return the lines that have run, by the name of their file."""
        files = self._recorder.get_coverage()["files"]
        return {name: ran for name, file in files.items() if (ran := file["executed_lines"])}


class _Recorder(Slipcover):
    """Takes what is prepared of a file, as long as the file is the same."""

    def __init__(self) -> None:
        # Else it would leave out what a comment says is not to be covered.
        super().__init__(exclude_lines=[])
        self.prepared: dict[str, tuple[CodeType, CodeType]] = {}

    def instrument(self, co: CodeType, parent: CodeType | None = None) -> CodeType:
        code, changed = self.prepared.get(co.co_filename, (None, co))
        return changed if co == code else super().instrument(co, parent)
