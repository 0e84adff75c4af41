"""Files: digests of their contents, and writing them whole."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader finds the old text or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def digest_of_texts(*texts: str) -> str:
    """Return a digest of some texts, in order."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def digest_of_files(paths: Iterable[Path]) -> str:
    """Return a digest of the names and contents of files, and of all files in folders.

    What tools leave behind (hidden folders, bytecode) is passed over.
    """
    digest = hashlib.sha256()
    for path in paths:
        for file in sorted(_content(path)):
            digest.update(f"{file.relative_to(path.parent)}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _content(path: Path) -> Iterable[Path]:
    if path.is_file():
        yield path
    for folder, subfolders, names in os.walk(path):
        subfolders[:] = [
            name for name in subfolders if name != "__pycache__" and not name.startswith(".")
        ]
        yield from (Path(folder, name) for name in names if not name.endswith(".pyc"))
