"""Which tests stand behind a published block, and which published lines have none."""

from __future__ import annotations

import dataclasses
import fnmatch
import functools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from evergreen.block import Embedded
from evergreen.evidence import AT_IMPORT, Proof
from evergreen.page import Page
from evergreen.problem import Problem
from evergreen.statements import Statement, read_statements


@dataclasses.dataclass(frozen=True)
class Backing:
    """What stands behind one embedded block."""

    tests: tuple[str, ...]
    """The node IDs of the passing tests that ran its lines, or read its file."""
    statements: int
    """The number of statements that it shows; 0 when it is not Python."""
    note: str = ""
    """What to say of the tests, when they ran its lines against a stand-in."""


class Attribution:
    """Tells from recorded runs which tests ran what."""

    def __init__(
        self, proofs: Mapping[str, Proof], project: Path, stand_ins: Mapping[str, str]
    ) -> None:
        """Take proofs by the path of their unit, and what to say of those against a stand-in.

        Args:
            proofs: how everything was proven, by the path of its unit.
            project: the folder of `conf.py`, from which the proofs name their files.
            stand_ins: what to say of files that are run against a stand-in for what they are
                meant for, by a pattern of their paths.
        """
        self._project = project
        self._stand_ins = stand_ins
        self._text = functools.cache(self._read_text)
        self._statements = functools.cache(self._read_statements)
        self._users = functools.cache(self._find_users)
        # By file: the tests that ran each line, and those that read the file.
        self._ran: dict[str, dict[int, set[str]]] = {}
        self._read: dict[str, set[str]] = {}
        for proof in proofs.values():
            for test, run in proof.tests.items():
                for file, lines in run.lines.items():
                    of_file = self._ran.setdefault(file, {})
                    for line in lines:
                        of_file.setdefault(line, set()).add(test)
                for file in run.read:
                    self._read.setdefault(file, set()).add(test)

    def backing_of(self, block: Embedded) -> Backing:
        """Return what stands behind a block."""
        note = self._note(block.file)
        if not _is_python(block.file):
            return Backing(_sorted(self._read.get(block.file, ())), 0, note)
        shown = self._shown(block)
        # What a block shows of functions says more than the lines that any import runs.
        in_functions = [statement for statement in shown if statement.is_in_function]
        tests = (self._tests_of(block.file, each) for each in in_functions or shown)
        return Backing(_sorted(set().union(*tests)), len(shown), note)

    def is_proven_code(self, file: str) -> bool:
        """Tell whether a file is of Python, and is not run against a stand-in."""
        return _is_python(file) and not self._note(file)

    def tests_of_line(self, file: str, line: int) -> tuple[str, ...]:
        """Return the node IDs of the tests that ran a line, or the statement it belongs to."""
        statement = self._statement_at(file, line)
        if statement is not None:
            return _sorted(self._tests_of(file, statement))
        # The head of a `case` or an `except` is no statement of its own.
        return _sorted(set(self._ran.get(file, {}).get(line, ())) - {AT_IMPORT})

    def is_run_at_import(self, file: str, line: int) -> bool:
        """Tell whether a line is of a statement that runs when its file is imported."""
        statement = self._statement_at(file, line)
        return statement is not None and not statement.is_in_function

    def unproven(self, block: Embedded) -> Iterator[Problem]:
        """Yield a problem for a block of which a line has no test.

        What a stand-in runs has a problem only when no line of the block has one: a stand-in
        cannot take the code to all that it is there for.
        """
        if self._note(block.file) and self.backing_of(block).tests:
            return
        if not _is_python(block.file):
            if not self._read.get(block.file):
                yield Problem(
                    block.page,
                    block.line,
                    "evidence-unread",
                    f"no passing test reads {block.file}",
                    "Write a test that does, or do not show the file",
                )
            return
        shown = self._shown(block)
        if not shown and not self._ran.get(block.file):
            # It may show a docstring alone.
            yield Problem(
                block.page,
                block.line,
                "evidence-none",
                f"no passing test imports {block.file}",
                "Write a test that does, or do not show the file",
            )
        elif lines := [each.first_line for each in shown if not self._tests_of(block.file, each)]:
            yield Problem(
                block.page,
                block.line,
                "evidence-none",
                f"no passing test runs {_line_numbers(lines)} of {block.file}:"
                f" {self._text(block.file)[lines[0] - 1].strip()!r}",
                "Write a test that does, or drop what nothing needs",
            )
        for line in _beside_heads(shown):
            text = self._text(block.file)[line - 1].strip()
            yield _crowded(block.page, block.line, f"line {line} of {block.file}", text)

    def unproven_in(self, page: Page) -> Iterator[Problem]:
        """Yield a problem for each executed block of a page of which a line did not run."""
        for code, statements in page.statements:
            ran = self._ran.get(code.path, {})
            lines = [
                each.first_line
                for each in statements
                if not any(line in ran for line in range(each.first_line, each.last_line + 1))
            ]
            texts = code.text.splitlines()
            if lines:
                text = texts[lines[0] - code.line].strip()
                yield Problem(
                    code.path,
                    lines[0],
                    "evidence-none",
                    f"the block runs, and {_line_numbers(lines)} of it does not: {text!r}",
                    "Have the block, or a later one, run it; or drop what nothing needs",
                )
            for line in _beside_heads(statements):
                yield _crowded(code.path, line, "the line", texts[line - code.line].strip())

    def count_statements(self, pages: Iterable[Page]) -> int:
        """Return the number of proven statements that pages publish, each counted once."""
        embedded: set[tuple[str, int]] = set()
        executed = 0
        for page in pages:
            for block in page.embedded:
                if self.is_proven_code(block.file):
                    embedded.update((block.file, each.first_line) for each in self._shown(block))
            executed += sum(len(statements) for _, statements in page.statements)
        return len(embedded) + executed

    def _note(self, file: str) -> str:
        notes = (
            note for pattern, note in self._stand_ins.items() if fnmatch.fnmatch(file, pattern)
        )
        return next(notes, "")

    def _statement_at(self, file: str, line: int) -> Statement | None:
        statements = reversed(self._statements(file))
        return next((s for s in statements if s.first_line <= line <= s.last_line), None)

    def _shown(self, block: Embedded) -> list[Statement]:
        return [
            statement
            for statement in self._statements(block.file)
            if block.first_line <= statement.first_line <= block.last_line
        ]

    def _tests_of(self, file: str, statement: Statement) -> set[str]:
        tests = self._ran_by(file, statement)
        own = tests - {AT_IMPORT}
        if statement.is_in_function and own:
            return own
        # What runs at import, such as a decorator, is shown right by the tests that use what was
        # imported.
        return self._users(file) if tests else set()

    def _ran_by(self, file: str, statement: Statement) -> set[str]:
        ran = self._ran.get(file, {})
        lines = range(statement.first_line, statement.last_line + 1)
        return set().union(*(ran.get(line, ()) for line in lines))

    def _find_users(self, file: str) -> set[str]:
        in_functions = (each for each in self._statements(file) if each.is_in_function)
        users = set().union(*(self._ran_by(file, each) for each in in_functions))
        anyone = set().union(*self._ran.get(file, {}).values())
        return users - {AT_IMPORT} or anyone - {AT_IMPORT}

    def _read_text(self, file: str) -> list[str]:
        return (self._project / file).read_text(encoding="utf-8").splitlines()

    def _read_statements(self, file: str) -> list[Statement]:
        return read_statements("\n".join(self._text(file)))


def _beside_heads(statements: Iterable[Statement]) -> list[int]:
    return sorted({each.first_line for each in statements if each.is_beside_head})


def _crowded(path: str, line: int, where: str, text: str) -> Problem:
    return Problem(
        path,
        line,
        "evidence-crowded",
        f"{where} has a statement beside the head that it belongs to, and which of the two a test"
        f" ran is not known: {text!r}",
        "Write it on a line of its own",
    )


def _is_python(file: str) -> bool:
    return PurePosixPath(file).suffix == ".py"


def _sorted(tests: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(tests))


def _line_numbers(lines: list[int]) -> str:
    if len(lines) == 1:
        return f"line {lines[0]}"
    return f"lines {', '.join(map(str, lines[:-1]))} and {lines[-1]}"
