"""What is wrong, where, and what to do about it."""

from __future__ import annotations

import dataclasses
import textwrap


@dataclasses.dataclass(frozen=True)
class Problem:
    """One thing that keeps a page from being published."""

    path: str
    """The file at fault, relative to the folder that holds `conf.py`."""
    line: int | None
    """The line in that file, counted from 1; None when the whole file is meant."""
    kind: str
    """A stable name for this sort of problem, such as `block-unprovable`."""
    what: str
    """What is wrong, as one sentence without a full stop."""
    remedy: str
    """What to do about it, as one sentence without a full stop."""
    detail: str = ""
    """What helps to see why: a difference, a traceback."""

    @property
    def location(self) -> str:
        """`path:line`, at line 1 when the whole file is meant."""
        return f"{self.path}:{self.line or 1}"

    @property
    def message(self) -> str:
        """What is wrong, what to do about it, and the detail indented below; without the place."""
        detail = textwrap.indent(self.detail.rstrip(), "    ")
        return f"{self.what}. {self.remedy}." + (f"\n{detail}" if detail else "")
