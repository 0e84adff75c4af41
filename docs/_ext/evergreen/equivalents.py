"""What an example lists of its mutants: those that no test has to notice, each with the reason."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from evergreen.example import Example
from evergreen.mutant import Mutant

EQUIVALENTS_NAME = "mutants.toml"
"""The file's name, in the folder of an example."""

_KEYS = {"file", "symbol", "before", "after", "reason"}
_KEYS_OF_FREE = {"changes", "reason"}


@dataclasses.dataclass(frozen=True)
class Equivalent:
    """A mutant that behaves as what it replaces, and why."""

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


@dataclasses.dataclass(frozen=True)
class Free:
    """Literals of executed blocks that may be others, and why."""

    path: str
    """The file that lists them, relative to the folder that holds `conf.py`."""
    example: str
    """The example that the blocks use."""
    change: str
    """A part of their lines as the mutants have them."""
    reason: str
    """Why they may be others."""

    def is_about(self, mutant: Mutant) -> bool:
        """Tell whether a mutant is a change of one of these literals."""
        step = mutant.step
        return (
            step is not None
            and not step.is_output
            and step.example == self.example
            and self.change in mutant.mutation.after
        )


def read_listed(examples: Iterable[Example], project: Path) -> tuple[list[Equivalent], list[Free]]:
    """Read what the examples list.

    That is tables `[[equivalent]]`, with the fields of `Equivalent`, and `[[free]]`, whose
    `changes` are for one `Free` each.

    Raises:
        ValueError: when a file cannot be read, or an entry lacks something; the message names it.
    """
    equivalents: list[Equivalent] = []
    free: list[Free] = []
    for example in examples:
        path = example.folder / EQUIVALENTS_NAME
        if not path.exists():
            continue
        name = path.relative_to(project).as_posix()
        try:
            tables = tomllib.loads(path.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"{name}: not a TOML file: {error}") from error
        folder = example.folder.relative_to(project).as_posix()
        for entry in tables.get("equivalent", []):
            if set(entry) - {"number"} != _KEYS:
                raise ValueError(
                    f"{name}: an entry needs {', '.join(sorted(_KEYS))}, and it may have a"
                    f" number; this one has {', '.join(sorted(entry))}"
                )
            _check_reason(name, entry, entry["before"])
            equivalents.append(Equivalent(name, **{**entry, "file": f"{folder}/{entry['file']}"}))
        for entry in tables.get("free", []):
            if set(entry) != _KEYS_OF_FREE or not isinstance(entry["changes"], list):
                raise ValueError(
                    f"{name}: an entry of what is free needs a list of changes and a reason; this"
                    f" one has {', '.join(sorted(entry))}"
                )
            _check_reason(name, entry, entry["changes"])
            free += [
                Free(name, example.name, change, entry["reason"]) for change in entry["changes"]
            ]
    return equivalents, free


def _check_reason(name: str, entry: Mapping[str, str], what: object) -> None:
    if not entry["reason"].strip():
        raise ValueError(f"{name}: the entry of {what!r} gives no reason")
