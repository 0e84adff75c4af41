"""A page: what Sphinx read of it, as far as the guarantee is concerned."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence

from evergreen.block import Block, Embedded, Executed, Terminal
from evergreen.claims import Claim, Figure
from evergreen.doctests import group_blocks
from evergreen.group import Code, Group
from evergreen.manifest import PageTests
from evergreen.problem import Problem
from evergreen.statements import Statement, read_statements

FRONT_MATTER_KEY = "examples"
DEFAULT_GROUP = "default"


@dataclasses.dataclass(frozen=True)
class Page:
    """The blocks of one page and what is wrong with them."""

    path: str
    """The page's source file, relative to the folder that holds `conf.py`."""
    embedded: tuple[Embedded, ...]
    """The blocks taken from files."""
    groups: tuple[Group, ...]
    """The executed blocks in their groups."""
    sessions: tuple[Terminal, ...]
    """The terminal sessions."""
    problems: tuple[Problem, ...]
    """What is wrong with the page taken by itself."""
    examples: Mapping[str, str]
    """The example that each group uses, from the front matter."""
    claims: tuple[Claim, ...]
    """The sentences that are tied to a test."""
    figures: tuple[Figure, ...]
    """The places for what a build computes."""
    statements: tuple[tuple[Code, tuple[Statement, ...]], ...]
    """The statements of each executed block that is published, in the order of the groups."""

    @property
    def tests(self) -> PageTests:
        """What is run on the page."""
        return PageTests(
            groups=self.groups,
            sessions=tuple(session for session in self.sessions if session.shows_output),
            session_example=self.examples.get(DEFAULT_GROUP, ""),
        )


def read_page(
    path: str,
    blocks: Sequence[Block | Problem],
    front_matter: object,
    known: Sequence[str],
    claims: Sequence[Claim] = (),
    figures: Sequence[Figure] = (),
) -> Page:
    """Put together what a page holds.

    Args:
        path: the page's source file, relative to the folder that holds `conf.py`.
        blocks: its blocks and what is wrong with them, in the page's order.
        front_matter: the value of the front matter's key `examples`: a mapping from group to
            example, or such a mapping as JSON text (MyST gives it so, and in a field of
            reStructuredText it is written so, as a literal); None when it is missing.
        known: the names of the examples there are.
        claims: its claims.
        figures: its figures.
    """
    problems = [block for block in blocks if isinstance(block, Problem)]
    executed = [block for block in blocks if isinstance(block, Executed)]
    sessions = [block for block in blocks if isinstance(block, Terminal)]
    examples, front_matter_problems = _read_front_matter(path, front_matter, known)
    groups, group_problems = group_blocks(executed, path, examples)
    problems += front_matter_problems + group_problems
    # Where each group starts: an included file has a path of its own.
    places = {group.name: (group.codes[0].path, group.codes[0].line) for group in groups}
    for session in sessions:
        if session.shows_output:
            places.setdefault(DEFAULT_GROUP, (session.page, session.line))
    for name, place in places.items():
        if name not in examples and not front_matter_problems:
            problems.append(
                Problem(
                    *place,
                    "front-matter",
                    f"the front matter of {path} does not say which example the group {name!r}"
                    " uses",
                    _how_to_name(path, name, known),
                )
            )
    return Page(
        path=path,
        embedded=tuple(block for block in blocks if isinstance(block, Embedded)),
        groups=tuple(groups),
        sessions=tuple(sessions),
        problems=tuple(problems),
        examples=examples,
        claims=tuple(claims),
        figures=tuple(figures),
        statements=tuple(
            (step.code, _statements_of(step.code)) for group in groups for step in group.steps
        ),
    )


def _statements_of(code: Code) -> tuple[Statement, ...]:
    try:
        return tuple(read_statements("\n" * (code.line - 1) + code.text))
    except SyntaxError:
        # It will be shown to be wrong, or to be expected, when it is run.
        return ()


def _how_to_name(path: str, group: str, known: Sequence[str]) -> str:
    lines = f"'{FRONT_MATTER_KEY}:' and below it '  {group}: NAME' in the front matter"
    if path.endswith(".rst"):
        lines = f"':{FRONT_MATTER_KEY}: ``{json.dumps({group: 'NAME'})}``' first on the page"
    return f"Write {lines}; the examples are {', '.join(known) or 'none yet'}"


def _read_front_matter(
    path: str, value: object, known: Sequence[str]
) -> tuple[dict[str, str], list[Problem]]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            pass
    if value is None:
        return {}, []
    if not isinstance(value, Mapping) or not all(isinstance(n, str) for n in value.values()):
        what = f"the front matter's '{FRONT_MATTER_KEY}' is no mapping from group to example"
        remedy = _how_to_name(path, DEFAULT_GROUP, known)
        return {}, [Problem(path, 1, "front-matter", what, remedy)]
    return dict(value), [
        Problem(
            path,
            1,
            "front-matter",
            f"the front matter names the example {name!r}, and there is none of that name",
            _how_to_name(path, group, known),
        )
        for group, name in value.items()
        if name not in known
    ]
