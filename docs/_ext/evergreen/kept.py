"""A folder that is put back as it was."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path


class Kept:
    """A folder as it was."""

    def __init__(self, folder: Path) -> None:
        """Copy the folder, to a place beside it."""
        self._folder = folder
        self._current = Path.cwd()
        self._copy = folder.with_name(f"{folder.name}.kept")
        shutil.rmtree(self._copy, ignore_errors=True)
        shutil.copytree(folder, self._copy, symlinks=True)
        self._state = dict(_state_of(folder))

    def restore(self) -> None:
        """Put the folder back as it was, if that is needed."""
        if dict(_state_of(self._folder)) != self._state:
            shutil.rmtree(self._folder)
            shutil.copytree(self._copy, self._folder, symlinks=True)
            # The current folder may be another one than the one that is gone.
            os.chdir(self._current)
            self._state = dict(_state_of(self._folder))


def _state_of(folder: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    for path, folders, files in os.walk(folder):
        for name in (*folders, *files):
            file = Path(path, name)
            status = file.lstat()
            yield str(file), (status.st_size, status.st_mtime_ns)
