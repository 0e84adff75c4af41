"""Claims, tied to the test that shows them, and figures, which a build computes."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator, Mapping, Sequence

from docutils import nodes
from sphinx.util.docutils import ReferenceRole, SphinxRole

from evergreen.problem import Problem


class claim(nodes.Inline, nodes.TextElement):  # noqa: N801
    """A claim on a page; its attribute `test` names the test."""


class measured(nodes.Inline, nodes.TextElement):  # noqa: N801
    """A figure on a page; its attribute `figure` names it."""


class ClaimRole(ReferenceRole):
    """The role in ``{proven}`text <test>` ``."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the claim."""
        node = claim(self.rawtext, self.title, test=self.target if self.has_explicit_title else "")
        self.set_source_info(node)
        return [node], []


class MeasuredRole(SphinxRole):
    """The role in ``{measured}`tests` ``."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the figure's place."""
        node = measured(self.rawtext, figure=self.text)
        self.set_source_info(node)
        return [node], []


@dataclasses.dataclass(frozen=True)
class Claim:
    """A sentence of a page, and the test that is to show it."""

    page: str
    """The page's source file, relative to the folder that holds `conf.py`."""
    line: int
    """The line of the page on which the claim's paragraph starts."""
    text: str
    """The words that are tied."""
    test: str
    """The test's name as the page gives it."""


@dataclasses.dataclass(frozen=True)
class Figure:
    """A place on a page for a figure."""

    page: str
    """The page's source file, relative to the folder that holds `conf.py`."""
    line: int
    """The line of the page on which the figure's paragraph starts."""
    name: str
    """The figure's name as the page gives it."""


def functions_of(tests: Sequence[str], name: str) -> list[str]:
    """Return the test functions that a name means, as node IDs without parameters.

    Args:
        tests: node IDs.
        name: a function's name, or the end of a node ID from a `/` or a `::` on.
    """
    functions = {test.partition("[")[0] for test in tests}
    return sorted(
        each for each in functions if each == name or each.endswith((f"::{name}", f"/{name}"))
    )


def check_claims(claims: Sequence[Claim], tests: Sequence[str]) -> Iterator[Problem]:
    """Yield a problem for each claim that names no passing test, or more than one."""
    for each in claims:
        functions = functions_of(tests, each.test) if each.test else []
        if len(functions) == 1:
            continue
        if functions:
            kind, what = "claim-ambiguous", f"{each.test!r} is a name of {', '.join(functions)}"
            remedy = "Write more of the test's path, from a '/' on"
        elif not each.test:
            kind, what = "claim-unknown", f"the claim {each.text!r} names no test"
            remedy = "Write it as {proven}`words <name_of_the_test>`"
        else:
            names = sorted({test.partition("[")[0].rpartition("::")[2] for test in tests})
            close = difflib.get_close_matches(each.test, names, n=3)
            kind, what = "claim-unknown", f"no test of the name {each.test!r} ran and passed"
            remedy = f"Name one that does{', such as ' if close else ''}{' or '.join(close)}"
        yield Problem(each.page, each.line, kind, what, remedy)


def check_figures(figures: Sequence[Figure], known: Mapping[str, str]) -> Iterator[Problem]:
    """Yield a problem for each figure that nothing computes."""
    for figure in figures:
        if figure.name not in known:
            yield Problem(
                figure.page,
                figure.line,
                "figure-unknown",
                f"nothing computes a figure {figure.name!r}",
                f"The figures are {', '.join(known)}",
            )
