"""Each published line has the tests that ran it, and one without a test is told."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from evergreen.attribution import Attribution, Backing
from evergreen.block import Embedded, Executed
from evergreen.evidence import AT_IMPORT, Proof, Run
from evergreen.page import Page, read_page

FILE = "examples/sums/src/sums.py"
SUMS = """\
import sys

FACTOR = 1


def add(a, b):
    if a is None:
        return b
    return (
        a
        + b
    )


def subtract(a, b):
    return a - b


if __name__ == "__main__":
    print(add(1, 2))
"""
CONSTANTS = "examples/sums/src/constants.py"
SETTINGS = "examples/sums/settings.yaml"
AT_START = [1, 3, 6, 15, 19]
RAN = {
    AT_IMPORT: {FILE: AT_START},
    "t.py::test_add": {FILE: [7, 10]},
    "t.py::test_none": {FILE: [7, 8]},
    "t.py::test_other": {},
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in {FILE: SUMS, CONSTANTS: "A = 1\nB = 2\n", SETTINGS: "a: 1\n"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def attribute(
    project: Path,
    ran: Mapping[str, Mapping[str, list[int]]],
    read: Mapping[str, list[str]] | None = None,
    stand_ins: Mapping[str, str] | None = None,
) -> Attribution:
    """Return what two units, between which the tests are divided, are evidence of."""
    tests = {test: Run("passed", lines, (read or {}).get(test, ())) for test, lines in ran.items()}
    names = list(tests)
    proofs = {
        str(number): Proof("", {name: tests[name] for name in names[number::2]})
        for number in range(2)
    }
    return Attribution(proofs, project, stand_ins or {})


def block(first: int, last: int, file: str = FILE) -> Embedded:
    return Embedded("pages/x.md", 7, file, first, last, None, "")


def told(attribution: Attribution, shown: Embedded) -> list[tuple[str, str, str]]:
    return [(each.location, each.kind, each.what) for each in attribution.unproven(shown)]


# Files of Python.


@pytest.mark.parametrize(
    ("lines", "tests", "statements"),
    [
        # Lines of a function: who ran any of them.
        ((7, 8), ["t.py::test_add", "t.py::test_none"], 2),
        ((8, 8), ["t.py::test_none"], 1),
        ((9, 12), ["t.py::test_add"], 1),
        # What the block shows of functions counts before the lines that any import runs.
        ((1, 12), ["t.py::test_add", "t.py::test_none"], 6),
        # Lines that run at import: who uses what the file has.
        ((1, 3), ["t.py::test_add", "t.py::test_none"], 2),
        ((6, 6), ["t.py::test_add", "t.py::test_none"], 1),
        # A statement is shown where it starts.
        ((10, 13), [], 0),
    ],
)
def test_a_block_has_the_tests_that_ran_what_it_shows(
    project: Path, lines: tuple[int, int], tests: list[str], statements: int
):
    attribution = attribute(project, RAN)
    assert attribution.backing_of(block(*lines)) == Backing(tuple(tests), statements)
    assert told(attribution, block(*lines)) == []


@pytest.mark.parametrize(
    ("ran", "lines", "what"),
    [
        (RAN, (6, 17), f"no passing test runs line 16 of {FILE}: 'return a - b'"),
        # At import, Python comes no further than the guard.
        (RAN, (15, 20), f"no passing test runs lines 16 and 20 of {FILE}: 'return a - b'"),
        (
            {**RAN, "t.py::test_add": {}},
            (1, 20),
            f"no passing test runs lines 9, 16 and 20 of {FILE}: 'return ('",
        ),
        # Nobody uses what was imported.
        (
            {AT_IMPORT: {FILE: AT_START}},
            (1, 3),
            f"no passing test runs lines 1 and 3 of {FILE}: 'import sys'",
        ),
        # Nobody imports the file.
        ({}, (6, 6), f"no passing test runs line 6 of {FILE}: 'def add(a, b):'"),
    ],
)
def test_a_line_without_a_test_is_told_by_page_file_and_line(
    project: Path,
    ran: Mapping[str, Mapping[str, list[int]]],
    lines: tuple[int, int],
    what: str,
):
    attribution = attribute(project, ran)
    assert told(attribution, block(*lines)) == [("pages/x.md:7", "evidence-none", what)]


def test_a_file_of_words_alone_has_to_be_imported(project: Path):
    (project / CONSTANTS).write_text('"""Words."""\n')
    words = block(1, 1, CONSTANTS)
    assert told(attribute(project, RAN), words) == [
        ("pages/x.md:7", "evidence-none", f"no passing test imports {CONSTANTS}")
    ]
    assert told(attribute(project, {**RAN, AT_IMPORT: {CONSTANTS: [1]}}), words) == []


def test_a_line_of_which_a_part_may_not_have_run_is_told(project: Path):
    (project / CONSTANTS).write_text("x = 1\nif x > 1: y = x\n")
    ran = {"t.py::test": {CONSTANTS: [1, 2]}}
    (problem,) = told(attribute(project, ran), block(1, 2, CONSTANTS))
    assert problem[:2] == ("pages/x.md:7", "evidence-crowded")
    assert problem[2].startswith(f"line 2 of {CONSTANTS} has a statement beside the head")
    assert told(attribute(project, ran), block(1, 1, CONSTANTS)) == []


def test_what_runs_at_import_is_known(project: Path):
    attribution = attribute(project, RAN)
    at_import = [line for line in range(1, 21) if attribution.is_run_at_import(FILE, line)]
    assert at_import == [1, 3, 6, 15, 19, 20]


def test_the_guard_of_a_command_is_proven_by_a_test_that_calls_the_command(project: Path):
    command = {"t.py::test_command": {FILE: [*AT_START, 20, 7, 9]}}
    attribution = attribute(project, {**RAN, **command})
    assert told(attribution, block(19, 20)) == []
    assert "t.py::test_command" in attribution.backing_of(block(19, 20)).tests


def test_a_function_that_is_called_at_import_has_the_tests_that_use_its_file(project: Path):
    attribution = attribute(project, {**RAN, AT_IMPORT: {FILE: [*AT_START, 16]}})
    expected = Backing(("t.py::test_add", "t.py::test_none"), 1)
    assert attribution.backing_of(block(16, 16)) == expected
    assert told(attribution, block(16, 16)) == []


def test_a_file_without_functions_has_the_tests_that_ran_it(project: Path):
    attribution = attribute(project, {AT_IMPORT: {}, "t.py::test": {CONSTANTS: [1, 2]}})
    assert attribution.backing_of(block(1, 2, CONSTANTS)) == Backing(("t.py::test",), 2)
    assert told(attribution, block(1, 2, CONSTANTS)) == []


# Other files.


def test_a_file_that_is_not_python_has_the_tests_that_read_it(project: Path):
    attribution = attribute(project, RAN, {"t.py::test_other": [SETTINGS], "t.py::test_add": []})
    assert attribution.backing_of(block(1, 1, SETTINGS)) == Backing(("t.py::test_other",), 0)
    assert told(attribution, block(1, 1, SETTINGS)) == []


def test_a_file_that_no_test_reads_is_told(project: Path):
    assert told(attribute(project, RAN), block(1, 1, SETTINGS)) == [
        ("pages/x.md:7", "evidence-unread", f"no passing test reads {SETTINGS}")
    ]


@pytest.mark.parametrize("file", [FILE, SETTINGS])
def test_what_runs_against_a_stand_in_has_a_note_and_needs_a_test_for_each_block(
    project: Path, file: str
):
    read = {"t.py::test_add": [SETTINGS]}
    notes = {"examples/other/*": "Another.", f"*/{Path(file).name}": "A stand-in.", "*": "Any."}
    shown = block(1, 1, file)
    proven = attribute(project, RAN, read).backing_of(shown)
    noted = attribute(project, RAN, read, stand_ins=notes)
    assert proven.tests
    assert noted.backing_of(shown) == dataclasses.replace(proven, note="A stand-in.")
    assert told(noted, shown) == []
    assert told(attribute(project, {}, stand_ins=notes), shown) != []


# Executed blocks.


def page(*texts: str, path: str = "pages/x.md", embedded: Sequence[Embedded] = ()) -> Page:
    """Return a page of executed blocks that stand ten lines apart."""
    executed = [
        Executed(path, 10 * number, "testcode", ("default",), text)
        for number, text in enumerate(texts, start=1)
    ]
    return read_page(path, [*embedded, *executed], {"default": "sums"}, ["sums"])


def test_executed_blocks_that_ran_are_proven(project: Path):
    ran = {"pages/x.md::default": {"pages/x.md": [10, 11, 20]}}
    shown = page("def f():\n    return (\n        1\n    )", "f()")
    assert list(attribute(project, ran).unproven_in(shown)) == []


def test_a_line_that_a_block_does_not_run_is_told_at_its_place(project: Path):
    ran = {"pages/x.md::default": {"pages/x.md": [10, 20, 21]}}
    shown = page(
        "def f():\n    # words\n    return 1", "if x:\n    y = 1\nelse:\n    y = 2\n    z = 1"
    )
    first, second = attribute(project, ran).unproven_in(shown)
    assert (first.location, first.kind) == ("pages/x.md:12", "evidence-none")
    assert first.what == "the block runs, and line 12 of it does not: 'return 1'"
    assert second.location == "pages/x.md:23"
    assert second.what == "the block runs, and lines 23 and 24 of it does not: 'y = 2'"


def test_a_block_that_does_not_compile_is_left_to_who_runs_it(project: Path):
    assert list(attribute(project, {}).unproven_in(page("x = = 1"))) == []


# Lines of their own.


@pytest.mark.parametrize(
    ("line", "tests"),
    [
        (7, ("t.py::test_add", "t.py::test_none")),
        # A statement may go on over several lines, and coverage.py names one of them.
        (12, ("t.py::test_add",)),
        (16, ()),
    ],
)
def test_a_line_has_the_tests_that_ran_its_statement(
    project: Path, line: int, tests: tuple[str, ...]
):
    assert attribute(project, RAN).tests_of_line(FILE, line) == tests


def test_the_head_of_a_handler_has_the_tests_that_ran_it(project: Path):
    (project / FILE).write_text("try:\n    f()\nexcept A:\n    g()\nexcept B:\n    h()\n")
    ran = {
        AT_IMPORT: {FILE: [1, 2, 3]},
        "t.py::test_a": {FILE: [1, 2, 3, 4]},
        "t.py::test_b": {FILE: [1, 2, 3, 5, 6]},
    }
    attribution = attribute(project, ran)
    assert attribution.tests_of_line(FILE, 3) == ("t.py::test_a", "t.py::test_b")
    assert attribution.tests_of_line(FILE, 5) == ("t.py::test_b",)


# Counting.


def test_each_published_statement_is_counted_once(project: Path):
    attribution = attribute(project, RAN, stand_ins={CONSTANTS: "A stand-in."})
    first = [block(1, 8), block(1, 2, CONSTANTS), block(1, 1, SETTINGS)]
    pages = [
        page("x = 1\ny = 2", "z = 3", embedded=first),
        page("x = 1", path="pages/y.md", embedded=[block(7, 12)]),
    ]
    assert attribution.count_statements(pages) == 6 + 3 + 1
