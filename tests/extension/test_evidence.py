"""Which test ran which lines and read which files is recorded, and kept whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from coverage import CoverageData
from evergreen.evidence import AT_IMPORT, Evidence, Proof, Run, read_lines
from evergreen.group import Code, Group, Step
from evergreen.manifest import PageTests
from evergreen.proof import Unit, judge

if TYPE_CHECKING:
    from conftest import Project

PROOF = Proof(
    "a",
    {
        "test_x.py::test": Run("passed", {"x.py": [1, 2]}, ["x.yaml"]),
        AT_IMPORT: Run("passed", {}, []),
    },
)
VERSIONS = {"Python": "3.11.9", "lantern": "1.2"}


# The file.


def test_what_was_kept_is_read_again(tmp_path: Path):
    path = tmp_path / "evidence.json"
    Evidence(path).add({"x": PROOF}, VERSIONS)
    evidence = Evidence(path)
    assert evidence.proofs == {"x": PROOF}
    assert evidence.versions == VERSIONS


def test_the_file_says_how_each_test_ended_and_with_what(tmp_path: Path):
    path = tmp_path / "evidence.json"
    Evidence(path).add({"x": PROOF}, VERSIONS)
    assert json.loads(path.read_text()) == {
        "versions": {"Python": "3.11.9", "lantern": "1.2"},
        "proofs": {
            "x": {
                "digest": "a",
                "tests": {
                    "test_x.py::test": {
                        "outcome": "passed",
                        "lines": {"x.py": [1, 2]},
                        "read": ["x.yaml"],
                    },
                    "": {"outcome": "passed", "lines": {}, "read": []},
                },
            }
        },
    }


def test_what_is_added_replaces_what_was_known_of_the_same_unit(tmp_path: Path):
    path = tmp_path / "evidence.json"
    evidence = Evidence(path)
    evidence.add({"x": PROOF, "y": PROOF}, VERSIONS)
    evidence.add({"x": Proof("b", {})}, VERSIONS)
    assert evidence.proofs == Evidence(path).proofs == {"x": Proof("b", {}), "y": PROOF}


def test_what_is_gone_or_has_changed_is_no_evidence(tmp_path: Path):
    path = tmp_path / "evidence.json"
    Evidence(path).add({"same": PROOF, "changed": PROOF, "gone": PROOF}, VERSIONS)
    evidence = Evidence(path)
    evidence.forget_all_but({"same": "a", "changed": "b", "new": "a"})
    assert evidence.proofs == {"same": PROOF}
    evidence.add({}, VERSIONS)
    assert Evidence(path).proofs == {"same": PROOF}


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b'{"versions": {}, "proofs": {"x": {"digest": "a", "tests"',
        b"\xff",
        b"[]",
        b'{"versions": {}, "proofs": {"x": "a"}}',
        b'{"versions": {}, "proofs": {"x": {"digest": "a"}}}',
        b'{"versions": {}, "proofs": {"x": {"digest": "a", "tests": {"t": {"lines": {}}}}}}',
        b'{"versions": 1, "proofs": {"x": {"digest": "a", "tests": {}}}}',
        # As it was before it told of versions, and of outcomes.
        b'{"x": {"digest": "a", "tests": {"t": {"lines": {}, "read": []}}}}',
        b'{"proofs": {"x": {"digest": "a", "tests": {}}}}',
    ],
)
def test_a_file_that_cannot_be_read_is_evidence_of_nothing(tmp_path: Path, content: bytes | None):
    path = tmp_path / "evidence.json"
    if content is not None:
        path.write_bytes(content)
    evidence = Evidence(path)
    assert (evidence.proofs, evidence.versions) == ({}, {})


def test_a_file_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "evidence.json"
    Evidence(path).add({"x": PROOF}, VERSIONS)

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="full"):
        Evidence(path).add({"y": PROOF}, VERSIONS)
    assert Evidence(path).proofs == {"x": PROOF}
    assert list(tmp_path.iterdir()) == [path]


# What coverage.py recorded.


def test_lines_are_told_apart_by_test(tmp_path: Path):
    data = CoverageData(str(tmp_path / "data"))
    file = str(tmp_path / "examples/x.py")
    for context, lines in {
        "": [1, 2],
        "t.py::test[a (b)|run]|setup": [3],
        "t.py::test[a (b)|run]|run": [3, 5],
        "t.py::test[a (b)|run]|teardown": [6],
        # In a process that a test started.
        "t.py::test[a (b)|run] (call)": [7],
    }.items():
        data.set_context(context)
        data.add_lines({file: lines})
    data.write()
    assert read_lines(tmp_path / "data", tmp_path) == {
        AT_IMPORT: {"examples/x.py": [1, 2]},
        "t.py::test[a (b)|run]": {"examples/x.py": [3, 5, 6, 7]},
    }


def test_where_nothing_ran_there_is_no_line(tmp_path: Path):
    assert read_lines(tmp_path / "gone", tmp_path) == {}


# Real runs.

SUMS = """\
import sys
from pathlib import Path

FACTOR = 1


def add(a, b):
    return (a + b) * FACTOR


def settings():
    return Path(__file__).with_name("settings.yaml").read_text()


if __name__ == "__main__":
    print(add(*map(int, sys.argv[1:])))
"""
TESTS = """\
import os
import subprocess
import sys
from pathlib import Path

import pytest
import sums


@pytest.fixture
def total():
    yield sums.add(1, 1)
    sums.settings()


@pytest.mark.parametrize("n", [1, 2])
def test_add(n):
    assert sums.add(n, n) == 2 * n


def test_fixture(total):
    assert total == 2


def test_command():
    done = subprocess.check_output([sys.executable, sums.__file__, "1", "2"], text=True)
    assert done == "3\\n"


def test_reads(monkeypatch, tmp_path):
    (tmp_path / "written.txt").write_text("not of the example")
    (tmp_path / "written.txt").read_text()
    monkeypatch.chdir(Path(sums.__file__).parent)
    open("relative.txt").close()
    os.close(os.open(b"bytes.txt", os.O_RDONLY))
    open("written.txt", "w").close()
    with open(os.open("number.txt", os.O_RDONLY)):
        pass


def test_nothing():
    pass
"""
ADD = [8]
SETTINGS = [12]


@pytest.fixture(scope="module")
def proofs(make_project: Callable[[], Project]) -> dict[str, Proof]:
    """Return how an example, a page of it, and a further proof were proven."""
    project = make_project()
    project.write({"examples/sums/src/sums.py": SUMS, "examples/sums/tests/test_sums.py": TESTS})
    for name in ("settings.yaml", "relative.txt", "bytes.txt", "number.txt"):
        project.write({f"examples/sums/src/{name}": "words"})
    project.write(
        {
            "proofs/test_it.py": """\
                from pathlib import Path

                def test_it():
                    folder = Path(__file__).parents[1] / "examples/sums"
                    (folder / "src/settings.yaml").read_text()
                    (folder / "src/relative.txt").read_text()
                """
        }
    )
    path = "pages/x.md"
    code = "from sums import add\n\ndef unused():\n    pass\n\nadd(1, 2)"
    project.write({path: "\n" * 6 + code})
    groups = tuple(
        Group(path, name, "sums", (), (Step(Code(path, 7, text)),), ())
        for name, text in {"default": code, "next": code, "last": "import sys"}.items()
    )
    pages = {path: PageTests(groups, (), "")}
    units = [
        Unit("sums", "sums", ("examples/sums/tests",), "", subjects=("examples/sums",)),
        Unit(path, path, (path,), "", subjects=("examples/sums", path), is_page=True),
        Unit(
            *("proof", "proof", ("proofs/test_it.py",), ""),
            subjects=("proofs/test_it.py", "examples/sums/src/settings.yaml"),
        ),
    ]
    results = project.run_tests(pages, units)
    proofs, problems = judge(units, results)
    assert problems == []
    return proofs


def _ran(proofs: dict[str, Proof], unit: str, test: str, file: str) -> list[int]:
    return list(proofs[unit].tests[test].lines.get(file, ()))


SOURCE = "examples/sums/src/sums.py"


@pytest.mark.parametrize(
    ("test", "lines"),
    [
        (AT_IMPORT, [1, 2, 4, 7, 11, 15]),
        ("examples/sums/tests/test_sums.py::test_add[1]", ADD),
        ("examples/sums/tests/test_sums.py::test_add[2]", ADD),
        ("examples/sums/tests/test_sums.py::test_fixture", [*ADD, *SETTINGS]),
        ("examples/sums/tests/test_sums.py::test_command", [1, 2, 4, 7, *ADD, 11, 15, 16]),
        ("examples/sums/tests/test_sums.py::test_nothing", []),
    ],
)
def test_each_test_has_the_lines_that_it_ran(
    proofs: dict[str, Proof], test: str, lines: list[int]
):
    assert _ran(proofs, "sums", test, SOURCE) == lines


def test_a_test_runs_its_own_lines(proofs: dict[str, Proof]):
    file = "examples/sums/tests/test_sums.py"
    assert _ran(proofs, "sums", f"{file}::test_nothing", file) == [42]


@pytest.mark.parametrize("group", ["default", "next"])
def test_a_page_runs_lines_of_its_own_and_of_its_example(proofs: dict[str, Proof], group: str):
    test = f"pages/x.md::{group}"
    assert _ran(proofs, "pages/x.md", test, SOURCE) == [1, 2, 4, 7, *ADD, 11, 15]
    assert _ran(proofs, "pages/x.md", test, "pages/x.md") == [7, 9, 12]


def test_a_group_has_no_lines_of_what_only_those_before_it_import(proofs: dict[str, Proof]):
    assert proofs["pages/x.md"].tests["pages/x.md::last"].lines == {"pages/x.md": [7]}


@pytest.mark.parametrize(
    ("unit", "test", "files"),
    [
        ("sums", "examples/sums/tests/test_sums.py::test_add[1]", []),
        ("sums", "examples/sums/tests/test_sums.py::test_fixture", ["settings.yaml"]),
        (
            "sums",
            "examples/sums/tests/test_sums.py::test_reads",
            ["bytes.txt", "number.txt", "relative.txt"],
        ),
        # What a proof does not say that it is about may change unnoticed.
        ("proof", "proofs/test_it.py::test_it", ["settings.yaml"]),
    ],
)
def test_each_test_has_the_files_that_it_read(
    proofs: dict[str, Proof], unit: str, test: str, files: list[str]
):
    assert proofs[unit].tests[test].read == [f"examples/sums/src/{name}" for name in files]


def test_evidence_goes_through_its_file(proofs: dict[str, Proof], tmp_path: Path):
    path = tmp_path / "evidence.json"
    Evidence(path).add(proofs, VERSIONS)
    assert Evidence(path).proofs == proofs
    assert list(json.loads(path.read_text())["proofs"]) == ["pages/x.md", "proof", "sums"]
