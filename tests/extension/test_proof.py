"""What is proven and what is not: by digests, by results, and by real runs of pytest."""

from __future__ import annotations

import dataclasses
import os
import platform
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import coverage
import pytest
from evergreen.evidence import AT_IMPORT, Run
from evergreen.group import Code, Group, Step
from evergreen.manifest import PageTests
from evergreen.proof import (
    Result,
    Unit,
    digest_of_environment,
    judge,
    versions_of,
)
from evergreen.runner import RunEnded, Runner

if TYPE_CHECKING:
    from conftest import Project

EXAMPLE = Unit("example sums", "examples/sums/pyproject.toml", ("examples/sums/tests",), "a")
PAGE = Unit("pages/x.md", "pages/x.md", ("pages/x.md",), "b", is_page=True)


def result(test: str, outcome: str = "passed", message: str = "") -> Result:
    return Result(test, outcome, test.partition("::")[0], 7, message, "")


# Judging.


def test_a_unit_is_proven_when_all_its_tests_passed():
    results = [result("examples/sums/tests/test_a.py::test"), result("pages/x.md::default")]
    proofs, problems = judge([EXAMPLE, PAGE], results)
    assert problems == []
    assert {path: (proof.digest, list(proof.tests)) for path, proof in proofs.items()} == {
        EXAMPLE.path: ("a", ["examples/sums/tests/test_a.py::test", AT_IMPORT]),
        PAGE.path: ("b", ["pages/x.md::default", AT_IMPORT]),
    }


def test_what_a_unit_does_not_speak_of_is_no_evidence():
    unit = dataclasses.replace(EXAMPLE, subjects=("examples/sums", "pages/part.md"))
    lines = {"examples/sums/a.py": [1], "examples/sums-more/a.py": [1], "pages/part.md": [3]}
    read = ("examples/sums/a.txt", "examples/other/a.txt")
    name = "examples/sums/tests/test_a.py::test"
    results = [
        dataclasses.replace(result(name), lines=lines, read=read),
        # One from each process.
        dataclasses.replace(result(AT_IMPORT), lines={"examples/sums/a.py": [2]}),
        dataclasses.replace(result(AT_IMPORT), lines={"examples/sums/a.py": [3], "x.py": [1]}),
    ]
    proofs, _ = judge([unit], results)
    assert proofs[unit.path].tests == {
        name: Run(
            "passed",
            {"examples/sums/a.py": [1], "pages/part.md": [3]},
            ["examples/sums/a.txt"],
        ),
        AT_IMPORT: Run("passed", {"examples/sums/a.py": [2, 3]}, []),
    }


def test_a_unit_without_a_test_is_not_proven():
    # A folder whose name begins alike is another one.
    proofs, problems = judge([EXAMPLE], [result("examples/sums/tests-more/test_a.py::test")])
    assert proofs == {}
    assert [(each.path, each.kind) for each in problems] == [(EXAMPLE.path, "proof-none")]
    assert "no test was found for example sums" in problems[0].message


@pytest.mark.parametrize("outcome", ["failed", "skipped"])
def test_one_test_that_did_not_pass_is_enough(outcome: str):
    bad = result("examples/sums/tests/test_a.py::test_one", outcome, "no such thing")
    proofs, problems = judge([EXAMPLE], [bad, result("examples/sums/tests/test_a.py::test_two")])
    assert proofs == {}
    (problem,) = problems
    assert problem.location == "examples/sums/tests/test_a.py:7"
    assert "examples/sums/tests/test_a.py::test_one (example sums)" in problem.message
    assert "no such thing" in problem.message


def test_tests_that_fail_alike_are_one_problem():
    names = [f"examples/sums/tests/test_a.py::test_{name}" for name in ("one", "two", "three")]
    results = [
        dataclasses.replace(result(names[0], "failed", "no"), detail="a traceback\n"),
        dataclasses.replace(result(names[1], "failed", "yes"), detail="another"),
        dataclasses.replace(result(names[2], "failed", "no"), detail="the same\n"),
    ]
    _, problems = judge([EXAMPLE], results)
    assert [each.detail for each in problems] == [
        f"a traceback\nThe same in:\n  {names[2]}",
        "another",
    ]
    assert names[0] in problems[0].what


def test_blocks_that_fail_alike_are_a_problem_each():
    page = result("pages/x.md::default", "failed", "no")
    results = [page, dataclasses.replace(page, test="pages/x.md::other", line=9)]
    _, problems = judge([PAGE], results)
    assert [each.line for each in problems] == [7, 9]


def test_a_page_waits_for_the_tests_of_its_example():
    examples = [
        Unit(f"example {name}", f"{name}/pyproject.toml", (f"{name}/tests",), "", subjects=(name,))
        for name in ("sound", "broken")
    ]
    pages = [
        Unit(path, path, (path,), "", is_page=True, subjects=(example, path))
        for path, example in {"fails.md": "broken", "also-fails.md": "sound"}.items()
    ]
    results = [
        result("fails.md::default", "failed"),
        result("also-fails.md::default", "failed"),
        result("sound/tests/test_a.py::test"),
        result("broken/tests/test_a.py::test", "failed"),
    ]
    proofs, problems = judge([*pages, *examples], results)
    assert list(proofs) == ["sound/pyproject.toml"]
    assert {each.path for each in problems} == {"broken/tests/test_a.py", "also-fails.md"}


# What every proof rests on.


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "lantern"
    folder.mkdir()
    (folder / "__init__.py").write_text("x = 1\n")
    (tmp_path / "lens.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


@pytest.mark.parametrize("file", ["__init__.py", "new.py", "../lens.py"])
def test_a_library_that_changes_changes_the_digest(library: Path, file: str):
    before = digest_of_environment(["lantern", "lens"], [])
    (library / file).write_text("x = 2\n")
    assert digest_of_environment(["lantern", "lens"], []) != before


def test_what_is_installed_changes_the_digest(library: Path):
    before = digest_of_environment([], [])
    (library.parent / "lens-2.dist-info").mkdir()
    assert digest_of_environment([], []) != before


def test_bytecode_does_not_change_the_digest(library: Path):
    before = digest_of_environment(["lantern"], [])
    (library / "__pycache__").mkdir()
    (library / "__pycache__" / "lantern.cpython-311.pyc").touch()
    assert digest_of_environment(["lantern"], []) == before


@pytest.mark.parametrize("name", ["not_installed", "not_installed.part"])
def test_a_library_that_is_not_installed_is_named(name: str):
    with pytest.raises(ValueError, match=f"evergreen_libraries names '{name}'"):
        digest_of_environment([name], [])


def test_versions_are_those_of_python_and_of_what_brings_the_libraries(library: Path):
    # One library is a part of a distribution of another name, one of none.
    assert versions_of(["_pytest", "coverage.data", library.name]) == {
        "Python": platform.python_version(),
        "pytest": pytest.__version__,
        "coverage": coverage.__version__,
    }


# Real runs.

OTHER = {
    "examples/other/pyproject.toml": '[tool.pytest]\npythonpath = ["src"]\n',
    "examples/other/src/sums.py": "def add(a, b):\n    return b + a + 0.5\n",
    "examples/other/tests/conftest.py": """\
        import pytest
        import sums

        @pytest.fixture
        def total():
            return sums.add(1, 2)
        """,
    "examples/other/tests/test_sums.py": """\
        def test_add(total):
            import sums
            assert total == sums.add(1, 2) == 3.5
        """,
    "examples/other/tests/test_gone.py": "import gone\n",
    "examples/other/tests/test_skipped.py": "import pytest\npytest.importorskip('gone')\n",
    "examples/other/tests/test_more.py": """\
        import pytest

        @pytest.fixture
        def broken():
            raise ValueError

        @pytest.fixture
        def breaks():
            yield
            raise ValueError

        def test_set_up(broken):
            pass

        def test_tear_down(breaks, record_property):
            record_property("anything", 1)

        def test_skipped():
            pytest.skip()

        @pytest.mark.xfail(strict=False)
        def test_expected_to_fail():
            pass
        """,
}


@pytest.fixture(params=[1, 2])
def processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what is proven divided among one process or two."""
    monkeypatch.setattr("os.cpu_count", lambda: request.param)
    monkeypatch.setattr("evergreen.runner.PAGES_PER_PROCESS", 1)


def run(project: Project, *blocks: str) -> dict[str, str]:
    """Prove the examples, and pages of one block each; return the outcome of each test."""
    pages: dict[str, PageTests] = {}
    for number, text in enumerate(blocks):
        page = f"pages/{number}.md"
        project.write({page: text})
        group = Group(page, "default", "sums", (), (Step(Code(page, 1, text)),), ())
        pages[page] = PageTests((group,), (), "")
    units = [Unit(path, path, (path,), "") for path in ("examples", *pages)]
    results = project.run_tests(pages, units)
    return {each.test: each.outcome for each in results if each.test != AT_IMPORT}


@pytest.mark.usefixtures("processes")
def test_each_test_is_run_with_its_own_modules_and_reported(project: Project):
    project.write(OTHER)
    block = "import sums\nassert sums.add(1, 2) == 3\n"
    assert run(project, block) == {
        "examples/other/tests/test_gone.py": "failed",
        "examples/other/tests/test_more.py::test_expected_to_fail": "skipped",
        "examples/other/tests/test_more.py::test_set_up": "failed",
        "examples/other/tests/test_more.py::test_skipped": "skipped",
        "examples/other/tests/test_more.py::test_tear_down": "failed",
        "examples/other/tests/test_skipped.py": "skipped",
        "examples/other/tests/test_sums.py::test_add": "passed",
        "examples/sums/tests/test_sums.py::test_add": "passed",
        "pages/0.md::default": "passed",
    }


def test_only_what_was_asked_for_is_run(project: Project):
    project.write(OTHER)
    unit = Unit("a test", "", ("examples/other/tests/test_sums.py",), "")
    results = project.run_tests({}, [unit])
    tests = [each.test for each in results]
    assert tests == [AT_IMPORT, "examples/other/tests/test_sums.py::test_add"]


def test_what_is_not_there_is_not_run(project: Project):
    unit = Unit("example gone", "", ("examples/gone/tests",), "")
    assert project.run_tests({}, [unit]) == []


ENDINGS = [
    "os._exit(0)",
    "os.kill(os.getpid(), 9)",
    "raise KeyboardInterrupt",
    "pytest.exit('', 0)",
]


@pytest.mark.usefixtures("processes")
def test_a_block_that_ends_its_process_ends_no_other(project: Project):
    blocks = [f"import os, pytest\n{ending}" for ending in ENDINGS]
    outcomes = run(project, "x = 1", *blocks, "x = 2")
    last = len(blocks) + 1
    assert outcomes == {
        "examples/sums/tests/test_sums.py::test_add": "passed",
        **{f"pages/{number}.md::default": "failed" for number in range(last + 1)},
        "pages/0.md::default": "passed",
        f"pages/{last}.md::default": "passed",
    }


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("ending", ENDINGS)
def test_an_example_that_ends_the_run_proves_nothing_and_is_named(project: Project, ending: str):
    test = f"import os\nimport pytest\n\ndef test():\n    {ending}\n"
    project.write({"examples/sums/tests/test_ending.py": test})
    with pytest.raises(RunEnded, match=r"^examples/sums/tests/test_ending\.py::test$"):
        run(project, "x = 1")


def test_an_example_that_ends_the_run_when_it_is_imported_is_named(project: Project):
    project.write({"examples/sums/tests/test_ending.py": "import os\n\nos._exit(0)\n"})
    with pytest.raises(RunEnded, match=r"^examples/sums/tests/test_ending\.py$"):
        run(project)


def test_a_pytest_that_does_not_start_proves_nothing(project: Project):
    project.write({"pyproject.toml": "[tool.pytest]\nminversion = '99'\n"})
    with pytest.raises(RunEnded, match=r"^its start$"):
        run(project)


# Time.


def test_what_a_test_leaves_running_keeps_nobody_waiting(project: Project):
    test = "import threading\n\n\ndef test():\n"
    test += "    threading.Thread(target=threading.Event().wait).start()\n"
    project.write({"examples/sums/tests/test_leaves.py": test})
    assert run(project)["examples/sums/tests/test_leaves.py::test"] == "passed"


ENDLESS = """\
import time

import pytest


@pytest.fixture
def endless():
    time.sleep(60)


def test_waits(endless):
    pass


def test_ends():
    pass
"""


def test_a_test_that_takes_too_long_fails_and_the_rest_goes_on(project: Project):
    project.write({"examples/sums/tests/test_endless.py": ENDLESS})
    project.write({"examples/sums/tests/test_import.py": "while True:\n    pass\n"})
    units = [Unit("examples", "", ("examples",), "")]
    # Long enough for the others, however busy the machine.
    results = project.run_tests({}, units, 3)
    late = "Failed: it has not ended after 3 seconds (evergreen_time_limit)"
    assert {each.test: each.message for each in results} == {
        AT_IMPORT: "",
        "examples/sums/tests/test_endless.py::test_ends": "",
        "examples/sums/tests/test_endless.py::test_waits": late,
        "examples/sums/tests/test_import.py": late,
        "examples/sums/tests/test_sums.py::test_add": "",
    }


def test_a_test_that_does_not_give_way_ends_the_run(
    project: Project, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("evergreen.runner._SECONDS_TO_GIVE_WAY", 0.5)
    deaf = "import signal\nimport time\n\n\ndef test():\n"
    deaf += "    signal.signal(signal.SIGALRM, signal.SIG_IGN)\n    time.sleep(60)\n"
    project.write({"examples/sums/tests/test_deaf.py": deaf})
    units = [Unit("examples", "", ("examples",), "")]
    with pytest.raises(RunEnded, match=r"^examples/sums/tests/test_deaf\.py::test$"):
        project.run_tests({}, units, 0.5)
    assert 'test_deaf.py", line 7 in test' in capfd.readouterr().err


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("seconds", [60.0, 0.5])
def test_what_is_stopped_leaves_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seconds: float
):
    """A test that does not give way is ended with its process."""
    # What has a build start fast is not ended with whoever asked for it.
    monkeypatch.setattr("sys.executable", f"{sys.prefix}/bin/python")
    monkeypatch.setattr("evergreen.runner._SECONDS_TO_END", seconds)
    is_deaf = seconds < 1
    note = tmp_path / "process"
    text = "import os, signal, time\n"
    text += "signal.signal(signal.SIGINT, signal.SIG_IGN)\n" if is_deaf else ""
    text += f"open({str(note)!r}, 'w').write(f'{{os.getpid()}} {{os.getppid()}}\\n')\n"
    text += "time.sleep(600)\n"
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Runner(project.folder, project.folder / "examples", (), 60) as runner:
        if is_deaf:
            project.write({"examples/sums/tests/test_endless.py": text})
            runner.give([EXAMPLE], {})
        else:
            page = "pages/x.md"
            project.write({page: text})
            group = Group(page, "default", "sums", (), (Step(Code(page, 1, text)),), ())
            runner.give([PAGE], {page: PageTests((group,), (), "")})
        while not (note.exists() and note.read_text().endswith("\n")):
            time.sleep(0.05)
    # The fork in which a block runs, and pytest; or pytest alone.
    processes = list(map(int, note.read_text().split()))[: 1 if is_deaf else 2]
    assert not any(map(is_running, processes))
    assert list(tmp_path.iterdir()) == [note]


def test_the_project_s_settings_of_pytest_hold_for_the_examples(project: Project):
    project.write({"pyproject.toml": '[tool.pytest]\nfilterwarnings = ["error"]\n'})
    test = "import warnings\n\ndef test():\n    warnings.warn('old', DeprecationWarning)\n"
    project.write({"examples/sums/tests/test_old.py": test})
    outcomes = run(project)
    assert outcomes["examples/sums/tests/test_old.py::test"] == "failed"


def test_options_in_the_environment_choose_no_tests(
    project: Project, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PYTEST_ADDOPTS", "--deselect examples/sums --collect-only")
    assert run(project) == {"examples/sums/tests/test_sums.py::test_add": "passed"}


@pytest.mark.parametrize("patch", ["", "fork, _exit"])
def test_a_coverage_py_that_measures_sphinx_takes_no_evidence_away(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, patch: str
):
    settings = tmp_path / "settings.ini"
    settings.write_text(f"[run]\npatch = {patch}\n")
    monkeypatch.setenv("COVERAGE_PROCESS_START", str(settings))
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    monkeypatch.setenv("COVERAGE_FILE", str(tmp_path / "data"))
    page, text = "pages/x.md", "from sums import add\nadd(1, 2)\n"
    project.write({page: text})
    group = Group(page, "default", "sums", (), (Step(Code(page, 1, text)),), ())
    results = project.run_tests(
        {page: PageTests((group,), (), "")},
        [Unit("examples", "", ("examples",), ""), Unit(page, page, (page,), "", is_page=True)],
    )
    lines = {each.test: each.lines for each in results}
    source = "examples/sums/src/sums.py"
    assert 2 in lines["examples/sums/tests/test_sums.py::test_add"][source]
    assert 2 in lines[f"{page}::default"][source]
    assert lines[f"{page}::default"][page] == [1, 2]
    assert list(tmp_path.iterdir()) == [settings]
