"""What a build computes about itself."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Collection, Iterator, Mapping, Sequence

from evergreen.attribution import Attribution
from evergreen.page import Page
from evergreen.tally import Tally

NOT_MEASURED = "not measured for this build"
"""Stands for a figure that is known of another state of the site, or of none."""
_VERSION_OF = "version of "


class Figures(Mapping[str, str]):
    """Figures by name; `version of X` is the version of the installed distribution X."""

    def __init__(self, counts: Mapping[str, int | None]) -> None:
        self._counts = counts

    def __getitem__(self, name: str) -> str:
        """Return a figure as text.

        Raises:
            KeyError: when nothing computes it, or no such distribution is installed.
        """
        if name == f"{_VERSION_OF}Python":
            return platform.python_version()
        if name.startswith(_VERSION_OF):
            try:
                return importlib.metadata.version(name.removeprefix(_VERSION_OF))
            except importlib.metadata.PackageNotFoundError as error:
                raise KeyError(name) from error
        count = self._counts[name]
        return NOT_MEASURED if count is None else f"{count:,}"

    def __iter__(self) -> Iterator[str]:
        """Yield the names that are always there."""
        yield from self._counts
        yield f"{_VERSION_OF}Python"

    def __len__(self) -> int:
        """Return the number of the names that are always there."""
        return len(self._counts) + 1


def compute_figures(
    pages: Collection[Page], attribution: Attribution, tests: Sequence[str], tally: Tally | None
) -> Figures:
    """Return the figures of a site.

    Args:
        pages: what was read of each page.
        attribution: what stands behind the blocks.
        tests: the node IDs of the tests that passed.
        tally: what became of the mutants of this site, if that is known.
    """
    return Figures(
        {
            "pages": len(pages),
            "embedded blocks": sum(len(page.embedded) for page in pages),
            "executed blocks": sum(len(group.steps) for page in pages for group in page.groups),
            "terminal sessions": sum(len(page.sessions) for page in pages),
            "statements": attribution.count_statements(pages),
            "tests": len(tests),
            "claims": sum(len(page.claims) for page in pages),
            "mutants": tally and tally.mutants,
            "mutants killed": tally and tally.killed,
            "mutants equivalent": tally and tally.equivalent,
            "mutants free": tally and tally.free,
            "mutants survived": tally and tally.survived,
        }
    )
