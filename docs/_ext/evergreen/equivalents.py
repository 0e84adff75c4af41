"""Equivalents: mutants that no test can notice, as they behave as what they replace."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterable
from pathlib import Path

from evergreen.example import Example
from evergreen.mutant import Mutant

EQUIVALENTS_NAME = "mutants.toml"
"""The file's name, in the folder of an example."""

_KEYS = {"file", "symbol", "before", "after", "reason"}


@dataclasses.dataclass(frozen=True)
class Equivalent:
    """One such mutant, and why."""

    path: str
    """The file that lists it, relative to the folder that holds `conf.py`."""
    file: str
    """The changed file, relative to the folder that holds `conf.py`."""
    symbol: str
    """The class or function around the change."""
    before: str
    """The lines that it changes, without indentation."""
    after: str
    """The same lines, changed."""
    reason: str
    """Why it behaves as before."""
    number: int = 1
    """Which one it is, counted from 1, of all that read alike in the same symbol."""

    def is_about(self, mutant: Mutant) -> bool:
        """Tell whether it is this mutant."""
        return (self.file, self.symbol, self.before, self.after, self.number) == (
            mutant.file,
            mutant.symbol,
            mutant.mutation.before,
            mutant.mutation.after,
            mutant.number,
        )


def read_equivalents(examples: Iterable[Example], project: Path) -> list[Equivalent]:
    """Read what the examples list: tables `[[equivalent]]` with the fields of `Equivalent`.

    Raises:
        ValueError: when a file cannot be read, or an entry lacks something; the message names it.
    """
    equivalents: list[Equivalent] = []
    for example in examples:
        path = example.folder / EQUIVALENTS_NAME
        if not path.exists():
            continue
        name = path.relative_to(project).as_posix()
        try:
            entries = tomllib.loads(path.read_text(encoding="utf-8")).get("equivalent", [])
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"{name}: not a TOML file: {error}") from error
        for entry in entries:
            if set(entry) - {"number"} != _KEYS:
                raise ValueError(
                    f"{name}: an entry needs {', '.join(sorted(_KEYS))}, and it may have a"
                    f" number; this one has {', '.join(sorted(entry))}"
                )
            if not entry["reason"].strip():
                raise ValueError(f"{name}: the entry of {entry['before']!r} gives no reason")
            folder = example.folder.relative_to(project).as_posix()
            equivalents.append(Equivalent(name, **{**entry, "file": f"{folder}/{entry['file']}"}))
    return equivalents
