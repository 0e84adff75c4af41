"""What the Sphinx side tells the pytest side: a JSON file made from the doctrees."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

from evergreen.block import Command, Terminal
from evergreen.files import write_whole
from evergreen.group import Group

MANIFEST_NAME = "evergreen-manifest.json"
"""The file's name, in the folder of the doctrees."""


@dataclasses.dataclass(frozen=True)
class PageTests:
    """What is run on one page."""

    groups: tuple[Group, ...]
    """The groups of executed blocks."""
    sessions: tuple[Terminal, ...]
    """The terminal sessions that show output."""
    session_example: str
    """The example in a copy of which the sessions are run; empty when there is none."""

    def __bool__(self) -> bool:
        """Whether there is anything to run."""
        return bool(self.groups or self.sessions)


@dataclasses.dataclass(frozen=True)
class Manifest:
    """The pages with something to run, and what is to be run this time."""

    pages: Mapping[str, PageTests]
    """By the page's source file, relative to the folder that holds `conf.py`."""
    tests: tuple[str, ...] = ()
    """Files and folders to give to pytest; empty for those of its command line."""

    def write(self, path: Path) -> None:
        """Write the manifest to a file."""
        write_whole(path, json.dumps(dataclasses.asdict(self)))

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Return the manifest that `write` wrote."""
        data = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            pages={
                page: PageTests(
                    groups=tuple(map(Group.from_data, tests["groups"])),
                    sessions=tuple(
                        Terminal(
                            session["page"],
                            session["line"],
                            tuple(Command(**command) for command in session["commands"]),
                        )
                        for session in tests["sessions"]
                    ),
                    session_example=tests["session_example"],
                )
                for page, tests in data["pages"].items()
            },
            tests=tuple(data["tests"]),
        )
