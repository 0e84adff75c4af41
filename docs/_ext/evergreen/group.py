"""A group of executed blocks: what runs as one test."""

from __future__ import annotations

import dataclasses
import doctest
from collections.abc import Mapping
from typing import Any

FLAGS = doctest.ELLIPSIS | doctest.DONT_ACCEPT_TRUE_FOR_1 | doctest.DONT_ACCEPT_BLANKLINE
"""How outputs are compared, unless a block says otherwise; exceptions' messages too, in full."""


@dataclasses.dataclass(frozen=True)
class Code:
    """Code to run, and the place it is published at."""

    path: str
    """The file it stands in, relative to the folder that holds `conf.py`."""
    line: int
    """The line of that file on which it starts."""
    text: str
    """The code."""


@dataclasses.dataclass(frozen=True)
class Step:
    """A `testcode` and what it has to print."""

    code: Code
    """The code."""
    output: str = ""
    """What it has to print, or the traceback it has to end with; empty for nothing."""
    flags: int = FLAGS
    """`doctest`'s flags for the comparison."""


@dataclasses.dataclass(frozen=True)
class Group:
    """Blocks of one page that run one after the other in one namespace."""

    page: str
    """The page's source file, relative to the folder that holds `conf.py`."""
    name: str
    """The group's name; Sphinx calls the unnamed one `default`."""
    example: str
    """The example whose modules the blocks import."""
    setup: tuple[Code, ...]
    """The `testsetup` blocks."""
    steps: tuple[Step, ...]
    """The `testcode` blocks in order."""
    cleanup: tuple[Code, ...]
    """The `testcleanup` blocks."""

    @property
    def codes(self) -> tuple[Code, ...]:
        """All of the group's code, in the order in which it runs."""
        return (*self.setup, *(step.code for step in self.steps), *self.cleanup)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Group:
        """Return the group that `dataclasses.asdict` gave."""
        return cls(
            page=data["page"],
            name=data["name"],
            example=data["example"],
            setup=tuple(Code(**code) for code in data["setup"]),
            steps=tuple(
                Step(Code(**step["code"]), step["output"], step["flags"]) for step in data["steps"]
            ),
            cleanup=tuple(Code(**code) for code in data["cleanup"]),
        )


def matches_anything(output: str) -> bool:
    """Tell whether an expected output, or what is expected of an exception, is only `...`."""
    message = expected_message(output)
    shown = output if message is None else message.partition(":")[2] or message
    return "..." in shown and not shown.replace("...", "").strip()


def expected_message(output: str) -> str | None:
    """Return the last line of an expected traceback, or None when no exception is expected."""
    # A private name of the standard library, which sphinx.ext.doctest and pytest-sphinx use too:
    # what counts as a traceback is to be the same for all three.
    match = doctest.DocTestParser._EXCEPTION_RE.match(output)  # type: ignore[attr-defined]
    return match.group("msg") if match else None
