"""A mutant: a published place changed in one way, and the tests that ought to notice."""

from __future__ import annotations

import dataclasses
import functools
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from evergreen.attribution import Attribution
from evergreen.evidence import AT_IMPORT, Proof
from evergreen.files import digest_of_texts
from evergreen.group import Code, Group, expected_message
from evergreen.mutation import (
    Mutation,
    diff_of,
    mutate,
    mutate_assertions,
    mutate_literals,
    mutate_output,
)
from evergreen.page import Page


@dataclasses.dataclass(frozen=True)
class StepPlace:
    """The place of an executed block: the page's group, and which of its `testcode` it is."""

    page: str
    """The page's source file, relative to the folder that holds `conf.py`."""
    group: str
    """The group's name."""
    example: str
    """The example that the group uses."""
    index: int
    """Its number among the group's steps, counted from 0."""
    is_output: bool
    """Whether the `testoutput` is meant, not the code."""


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One change of something that is published."""

    place: str
    """`page:line` at which it is published."""
    file: str
    """The changed file, relative to the folder that holds `conf.py`."""
    line: int
    """The line of the file on which the change begins, counted from 1."""
    text: str
    """What is changed: the text of a file, or of an executed block."""
    mutation: Mutation
    """The change."""
    tests: tuple[str, ...]
    """The node IDs of the tests that ran the line, in the order in which to try them."""
    step: StepPlace | None = None
    """Where the change is made, when it is made in an executed block."""
    number: int = 1
    """Which one it is, counted from 1, of all that read alike in the same symbol."""

    @property
    def symbol(self) -> str:
        """What the change is in: a class, a function, a group of a page; or nothing."""
        if self.step is None:
            return self.mutation.symbol
        output = "output" if self.step.is_output else ""
        return " ".join(filter(None, [self.step.group, output, self.mutation.symbol]))

    @property
    def name(self) -> str:
        """A name that stays as long as the lines that it changes do."""
        number = "" if self.number == 1 else f" ({self.number})"
        change = f"{self.mutation.before} -> {self.mutation.after}"
        return f"{self.file}: {self.symbol}: {change}{number}"

    @property
    def diff(self) -> str:
        """The change as a unified diff."""
        return diff_of(self.file, self.text, self.mutation.text)

    def digest(self, digests: Iterable[str]) -> str:
        """Return a digest of the change, and of what is to be noticed by something."""
        step = "" if self.step is None else repr(dataclasses.astuple(self.step))
        return digest_of_texts(self.file, step, self.mutation.text, *digests)


def find_mutants(
    pages: Iterable[Page],
    proofs: Mapping[str, Proof],
    attribution: Attribution,
    project: Path,
) -> list[Mutant]:
    """Return the mutants of all that is published and runs here.

    In the lines of a file that pages show, everything is changed that acts; in those of a file
    that holds tests, what an assertion compares: a test has no tests but that it fails. In an
    executed block, each literal is changed, and each word or number of its output.
    """
    pages = sorted(pages, key=lambda page: page.path)
    tests = [test for proof in proofs.values() for test in proof.tests if test != AT_IMPORT]
    holding_tests = {test.partition("::")[0] for test in tests}
    order = functools.partial(_in_order, pages={page.path for page in pages}, proofs=proofs)
    mutants: list[Mutant] = []
    for file, lines in _published(pages, attribution).items():
        text = (project / file).read_text(encoding="utf-8")
        is_test = file in holding_tests
        for mutation in mutate_assertions(text) if is_test else mutate(text):
            if mutation.line in lines:
                covering = order(attribution.tests_of_line(file, mutation.line))
                if attribution.is_run_at_import(file, mutation.line):
                    # Whoever imports it may notice, last those of whom no more is known.
                    covering += order(_importers(file, pages, proofs).difference(covering))
                place = lines[mutation.line]
                mutants.append(Mutant(place, file, mutation.line, text, mutation, covering))
    for page in pages:
        for group in page.groups:
            mutants += _mutants_of_group(group, project)
    return list(_number_alike(mutants))


def _importers(file: str, pages: Iterable[Page], proofs: Mapping[str, Proof]) -> set[str]:
    """Return the tests of a file's example, and the groups of blocks that use the example."""
    for unit, proof in proofs.items():
        folder = PurePosixPath(unit).parent
        if unit.endswith("/pyproject.toml") and PurePosixPath(file).is_relative_to(folder):
            groups = (group for page in pages for group in page.groups)
            own = (f"{each.page}::{each.name}" for each in groups if each.example == folder.name)
            return {*proof.tests, *own} - {AT_IMPORT}
    return set()


def _number_alike(mutants: Iterable[Mutant]) -> Iterator[Mutant]:
    alike: Counter[str] = Counter()
    for mutant in mutants:
        alike[mutant.name] += 1
        yield dataclasses.replace(mutant, number=alike[mutant.name])


def _published(pages: Iterable[Page], attribution: Attribution) -> dict[str, dict[int, str]]:
    """Return where each line is published first: by file, by line."""
    published: dict[str, dict[int, str]] = {}
    for page in pages:
        for block in page.embedded:
            if attribution.is_proven_code(block.file):
                lines = published.setdefault(block.file, {})
                for line in range(block.first_line, block.last_line + 1):
                    lines.setdefault(line, f"{block.page}:{block.line}")
    return published


def _in_order(
    tests: Iterable[str], pages: Collection[str], proofs: Mapping[str, Proof]
) -> tuple[str, ...]:
    """Put an example's own tests first, then pages, then what starts processes of its own."""
    ranks = {
        test: 1 if unit in pages else 0 if unit.endswith("/pyproject.toml") else 2
        for unit, proof in proofs.items()
        for test in proof.tests
    }
    return tuple(sorted(tests, key=lambda test: (ranks[test], test)))


def _mutants_of_group(group: Group, project: Path) -> Iterator[Mutant]:
    test = (f"{group.page}::{group.name}",)
    for index, step in enumerate(group.steps):
        code, output = step.code, step.output
        place = StepPlace(group.page, group.name, group.example, index, is_output=False)
        for mutation in mutate_literals(code.text):
            line = code.line + mutation.line - 1
            published = f"{code.path}:{line}"
            yield Mutant(published, code.path, line, code.text, mutation, test, place)
        first = _line_of_output(code, output, project)
        place = dataclasses.replace(place, is_output=True)
        for mutation in mutate_output(output, expected_message(output)):
            line = first + mutation.line - 1
            published = f"{code.path}:{line}"
            yield Mutant(published, code.path, line, output, mutation, test, place)


def _line_of_output(code: Code, output: str, project: Path) -> int:
    """Return the line on which an output starts: the first after the code that reads so."""
    after = code.line + code.text.count("\n")
    lines = (project / code.path).read_text(encoding="utf-8").splitlines()
    wanted = output.partition("\n")[0].strip()
    numbers = (
        number for number, line in enumerate(lines[after:], after + 1) if line.strip() == wanted
    )
    return next(numbers, code.line)
