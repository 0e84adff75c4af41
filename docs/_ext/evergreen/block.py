"""The kinds of block that a page may publish."""

from __future__ import annotations

import dataclasses

from evergreen.group import FLAGS


@dataclasses.dataclass(frozen=True)
class Embedded:
    """A block that shows lines of a file, taken from that file when the page is built."""

    page: str
    """The page's source file, relative to the folder that holds `conf.py`."""
    line: int
    """The line of the page on which the block stands."""
    file: str
    """The file shown, relative to the folder that holds `conf.py`."""
    first_line: int
    """The first line shown, counted from 1."""
    last_line: int
    """The last line shown, included."""
    caption: str | None
    """The file to paste the block into, as the page names it."""
    anchor: str
    """The block's own address on its page, without the `#`."""


@dataclasses.dataclass(frozen=True)
class Executed:
    """A block that is run where it stands, or the output that one has to print."""

    page: str
    """The page's source file (or the file it includes), relative to `conf.py`'s folder."""
    line: int
    """The line of that file on which the block's text starts."""
    role: str
    """`testsetup`, `testcode`, `testoutput` or `testcleanup`."""
    groups: tuple[str, ...]
    """The groups the block belongs to; `*` stands for all of the page."""
    text: str
    """The code, or the expected output."""
    flags: int = FLAGS
    """`doctest`'s flags for the comparison of an output."""


@dataclasses.dataclass(frozen=True)
class Command:
    """One command of a terminal session, and what it prints."""

    line: int
    """The line of the page on which the command stands."""
    text: str
    """The command, continuation lines joined."""
    output: str
    """What the page says it prints; empty when the page shows nothing."""


@dataclasses.dataclass(frozen=True)
class Terminal:
    """A terminal session."""

    page: str
    """The page's source file, relative to the folder that holds `conf.py`."""
    line: int
    """The line of the page on which the block's text starts."""
    commands: tuple[Command, ...]
    """The commands in order."""

    @property
    def shows_output(self) -> bool:
        """Whether the page says what any of the commands prints."""
        return any(command.output for command in self.commands)


Block = Embedded | Executed | Terminal
