"""By hand, pytest collects examples and pages as their writer expects."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from evergreen.block import Command, Terminal
from evergreen.group import Code, Group, Step
from evergreen.manifest import Manifest, PageTests

pytest_plugins = ["pytester"]

SETTINGS = """\
[tool.pytest]
addopts = ["-p", "evergreen.pytest_plugin", "-p", "no:cacheprovider", "--import-mode=importlib"]
evergreen_pages = "pages"
strict = true
"""
PYPROJECT = '[tool.pytest]\npythonpath = ["src"]\ntestpaths = ["tests/unit"]\n'
EXAMPLES = {
    "pyproject.toml": SETTINGS,
    **{
        f"examples/{name}/{path}": text
        for name in ("one", "two")
        for path, text in {
            "pyproject.toml": PYPROJECT,
            "src/mixed.py": f"NAME = {name!r}\n",
            "tests/conftest.py": "import mixed\nimport pytest\n\n"
            "@pytest.fixture\ndef name():\n    return mixed.NAME\n",
            "tests/unit/test_mixed.py": "import mixed\nfrom unittest import mock\n\n"
            f"def test(name):\n    assert name == mixed.NAME == {name!r}\n"
            "    with mock.patch('mixed.NAME', 'other'):\n"
            "        assert mixed.NAME == 'other'\n",
            "tests/integration/test_deploy.py": "import mixed\nimport gone\n\ndef test(): pass\n",
        }.items()
    },
    "tests/test_site.py": "import pytest\n\ndef test():\n"
    "    with pytest.raises(ModuleNotFoundError):\n        import mixed\n",
}
LATE_CONFTEST = """\
import pytest

@pytest.fixture
def name():
    import mixed
    return mixed.NAME
"""
PAGE = "pages/x.md"


@pytest.fixture
def write(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """Return a function that writes files into the folder in which pytester runs pytest."""

    def write(files: dict[str, str]) -> None:
        for name, text in files.items():
            path = pytester.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    write(EXAMPLES)
    return write


def passed(reports: pytest.HookRecorder) -> list[str]:
    """Return the tests that were run; all have passed."""
    calls = reports.listoutcomes()[0]
    reports.assertoutcome(passed=len(calls))
    return [report.nodeid for report in calls]


@pytest.mark.parametrize("arguments", [[], ["examples", "tests"], ["tests", "examples"]])
def test_modules_of_one_name_do_not_mix(pytester: pytest.Pytester, write, arguments: list[str]):
    tests = [
        "examples/one/tests/unit/test_mixed.py::test",
        "examples/two/tests/unit/test_mixed.py::test",
        "tests/test_site.py::test",
    ]
    assert sorted(passed(pytester.inline_run(*arguments))) == tests


def test_without_pages_there_is_nothing_to_hand_to_workers(pytester: pytest.Pytester, write):
    done = pytester.runpytest_inprocess("-p", "xdist", "-n", "1", "tests")
    done.assert_outcomes(passed=1)


def test_other_tests_of_examples_run_for_those_who_name_them(pytester: pytest.Pytester, write):
    named = ["examples/one/tests/integration/test_deploy.py", "examples/two/tests/integration"]
    test = "import mixed\n\ndef test(name):\n    assert mixed.NAME == name\n"
    for name in ("one", "two"):
        write({f"examples/{name}/tests/integration/test_deploy.py": test})
        write({f"examples/{name}/tests/conftest.py": LATE_CONFTEST})
    assert passed(pytester.inline_run(*named)) == [
        "examples/one/tests/integration/test_deploy.py::test",
        "examples/two/tests/integration/test_deploy.py::test",
    ]


def manifest(write, *, steps: tuple[Step, ...] = (), sessions: tuple[Terminal, ...] = ()) -> str:
    """Write a page, and the manifest that has it run with the first example; return its name."""
    groups = (Group(PAGE, "default", "one", (), steps, ()),) if steps else ()
    Manifest({PAGE: PageTests(groups, sessions, "one")}).write(Path("manifest.json"))
    write({PAGE: "", "pages/no-tests.md": "", "other/page.md": ""})
    return "manifest.json"


def test_pages_are_collected_from_the_manifest(pytester: pytest.Pytester, write):
    step = Step(Code(PAGE, 7, "import mixed\nprint(mixed.NAME)"), "one\n")
    name = manifest(write, steps=(step,))
    reports = pytester.inline_run("--evergreen-manifest", name, "pages", "other")
    assert passed(reports) == ["pages/x.md::default"]
    (report,) = reports.listoutcomes()[0]
    assert report.location == (PAGE, 6, "group default")


def test_a_failing_block_is_shown_with_its_line(pytester: pytest.Pytester, write):
    name = manifest(write, steps=(Step(Code(PAGE, 7, "x = 1\nprint(x)"), "2\n"),))
    done = pytester.runpytest_inprocess("--evergreen-manifest", name, "pages")
    done.stdout.fnmatch_lines(
        [
            "pages/x.md:7: the output differs from what the page shows",
            "Diff*",
            "    - 2",
            "    + 1",
        ]
    )


def test_a_terminal_session_has_no_settings_of_the_pytest_that_runs_it(
    pytester: pytest.Pytester, write
):
    settings = "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1\n"
    session = Terminal(PAGE, 3, (Command(4, "env | grep ^PYTEST_", settings),))
    name = manifest(write, sessions=(session,))
    done = pytester.runpytest_inprocess("--evergreen-manifest", name, "pages")
    done.assert_outcomes(passed=1)


def test_what_a_page_shows_is_ended_when_it_takes_too_long(pytester: pytest.Pytester, write):
    steps = (Step(Code(PAGE, 3, "x = 1")), Step(Code(PAGE, 7, "while x:\n    pass\n")))
    session = Terminal(PAGE, 11, (Command(12, "true", ""), Command(13, "printf so; sleep 60", "")))
    name = manifest(write, steps=steps, sessions=(session,))
    limit = "evergreen_time_limit=0.5"
    done = pytester.runpytest_inprocess("--evergreen-manifest", name, "-o", limit, "pages")
    done.stdout.fnmatch_lines(
        [
            f"{PAGE}:7: the block has not ended after 0.5 seconds (evergreen_time_limit)",
            f"{PAGE}:13: 'printf so; sleep 60' has not ended after 0.5 seconds*",
            "so",
        ]
    )
    done.assert_outcomes(failed=2)


# The report.

TEST = """\
import pathlib

import pytest


@pytest.fixture
def breaks():
    yield
    raise ValueError("on several\\nlines")


def test_breaks(breaks):
    pass


def test_skipped():
    pytest.skip("not today")


@pytest.mark.xfail
def test_expected():
    raise ValueError


def test_reads(monkeypatch):
    folder = pathlib.Path(__file__).parent
    (folder / "settings.yaml").read_text()
    (folder / "written.yaml").write_text("")
    pathlib.Path("pyproject.toml").read_text()
"""
FAILING = {
    "raises": ("def f():\n    1 / 0\n\nf()", 8, "ZeroDivisionError: division by zero"),
    "syntax": ("x = = 1", 7, "SyntaxError: invalid syntax"),
    "output": ("print(1)", 7, "the block prints something, and no testoutput shows it"),
    "skips": ("import pytest\npytest.skip('not today')", 8, "Skipped: not today"),
    "exits": ("import pytest\npytest.exit('now', 0)", 8, "_pytest.outcomes.Exit: now"),
    "interrupts": ("x = 1\nraise KeyboardInterrupt", 8, "KeyboardInterrupt"),
    "imports": ("import broken", 7, "ZeroDivisionError: division by zero"),
    "imports too": ("x = 1\nimport broken", 8, "ZeroDivisionError: division by zero"),
    "ends": ("import os\nos._exit(0)", 7, "the block ends the process that runs it"),
}
SESSIONS = {
    3: ("echo one", "two\n", "'echo one' prints other than the page shows"),
    4: ("false", "two\n", "'false' ends with status 1"),
    5: ("exit 0", "two\n", "'exit 0' ends the shell"),
}


@pytest.fixture
def report(pytester: pytest.Pytester, write, monkeypatch: pytest.MonkeyPatch):
    """Return a function that runs what a manifest asks for, and reads the report."""
    # The plugin sets them, for the processes of its own pytest.
    monkeypatch.setenv("COVERAGE_PROCESS_START", "")
    monkeypatch.setenv("COVERAGE_PROCESS_CONFIG", "")

    def report(manifest: Manifest, *arguments: str) -> dict[str, list[dict[str, Any]]] | None:
        manifest.write(Path("manifest.json"))
        options = ["--evergreen-manifest", "manifest.json", "--evergreen-report", "report.json"]
        pytester.inline_run(*options, *arguments, no_reraise_ctrlc=True)
        assert "COVERAGE_PROCESS_CONFIG" not in os.environ
        if not Path("report.json").exists():
            return None
        results: dict[str, list[dict[str, Any]]] = {}
        for result in json.loads(Path("report.json").read_text()):
            results.setdefault(result["test"], []).append(result)
        return results

    return report


def test_how_each_test_ended_is_reported(write, report):
    folder = "examples/one/tests/unit"
    write({f"{folder}/test_report.py": TEST, f"{folder}/settings.yaml": "a: 1"})
    skipped = "import pytest\npytest.importorskip('gone')\n"
    write({"tests/proofs/test_skipped.py": skipped, PAGE: "", "pages/other.md": ""})
    asked_for = (folder, "examples/two/tests/integration", "tests/proofs/test_skipped.py")
    results = report(Manifest({}, asked_for), "--continue-on-collection-errors")
    ended = {
        test: [(each["outcome"], each["path"], each["line"], each["message"]) for each in of_test]
        for test, of_test in results.items()
    }
    file, gone = f"{folder}/test_report.py", "examples/two/tests/integration/test_deploy.py"
    assert ended == {
        f"{folder}/test_mixed.py::test": [("passed", f"{folder}/test_mixed.py", 4, "")],
        f"{file}::test_breaks": [
            ("passed", file, 12, ""),
            ("failed", file, 12, "ValueError: on several"),
        ],
        f"{file}::test_skipped": [("skipped", file, 16, "Skipped: not today")],
        f"{file}::test_expected": [("skipped", file, 20, "it is marked xfail")],
        f"{file}::test_reads": [("passed", file, 25, "")],
        gone: [("failed", gone, None, "ModuleNotFoundError: No module named 'gone'")],
        "tests/proofs/test_skipped.py": [
            (
                *("skipped", "tests/proofs/test_skipped.py", None),
                "Skipped: could not import 'gone': No module named 'gone'",
            )
        ],
    }


@pytest.fixture
def run_work(pytester: pytest.Pytester, write, monkeypatch: pytest.MonkeyPatch):
    """Return a function that runs what a build hands over, and reads the report if there is one.

    Without an end, as if the build had ended first.
    """
    monkeypatch.setenv("COVERAGE_PROCESS_START", "")
    monkeypatch.setenv("COVERAGE_PROCESS_CONFIG", "")

    def run(*work: Manifest, has_end: bool = True) -> list[dict[str, Any]] | None:
        for number, manifest in enumerate(work):
            manifest.write(Path(f"work-{number}.json"))
        records = b"".join(number.to_bytes(4, "big") for number in range(len(work)))
        reading, writing = os.pipe()
        os.write(writing, records + b"\xff" * 4 * has_end)
        os.close(writing)
        report = Path("process", "report.json")
        options = [f"--evergreen-work={reading}", f"--evergreen-report={pytester.path / report}"]
        pytester.inline_run(*options, "--continue-on-collection-errors")
        os.close(reading)
        return json.loads(report.read_text()) if report.exists() else None

    return run


def work_on(*paths: str) -> Manifest:
    """Return what has a page run, or tests."""
    groups = {
        path: Group(path, "default", "one", (), (Step(Code(path, 1, "import mixed")),), ())
        for path in paths
        if path.endswith(".md")
    }
    return Manifest({page: PageTests((group,), (), "") for page, group in groups.items()}, paths)


@pytest.mark.parametrize("is_measured", [True, False])
def test_what_a_build_hands_over_is_run_in_turn(
    write, run_work, monkeypatch: pytest.MonkeyPatch, is_measured: bool
):
    contexts: list[str] = []

    class Measuring:
        def switch_context(self, context: str) -> None:
            contexts.append(context)

    measuring = Measuring() if is_measured else None
    monkeypatch.setattr("coverage.Coverage.current", lambda: measuring)
    pages = ["pages/a.md", "pages/b.md", "pages/more/c.md"]
    write(dict.fromkeys([*pages, "pages/not-asked-for.md"], ""))
    tests = work_on("examples/one/tests/unit", "examples/two/tests/integration")
    results = run_work(tests, *map(work_on, pages))
    assert results is not None
    assert [(each["test"], each["outcome"]) for each in results] == [
        ("examples/two/tests/integration/test_deploy.py", "failed"),
        ("examples/one/tests/unit/test_mixed.py::test", "passed"),
        *((f"{page}::default", "passed") for page in pages),
    ]
    # What runs while pytest collects is no part of the last test.
    assert contexts == [""] * 4 * is_measured


def test_without_a_build_nothing_more_is_run(write, run_work):
    write({"pages/a.md": ""})
    assert run_work(work_on("pages/a.md"), has_end=False) is None


def test_files_that_are_read_are_noted(pytester: pytest.Pytester, write, report):
    write({"examples/one/settings.yaml": "", "examples/one/bytes.yaml": "", "other.yaml": ""})
    notes: list[str] = []

    class Opens:
        """A hook for `sys.audit` is not measured, and so is called by hand besides."""

        def pytest_runtest_call(self, item: pytest.Item) -> None:
            plugin: Any = item.config.pluginmanager.get_plugin("evergreen-session")
            for path in (
                "examples/one/settings.yaml",
                b"examples/one/bytes.yaml",
                3,
                "other.yaml",
            ):
                plugin.note_opened("open", (path, "r", os.O_RDONLY))
            plugin.note_opened("open", ("examples/one/written.yaml", "w", os.O_WRONLY))
            plugin.note_opened("import", ("examples/one/imported.yaml",))
            notes.append(item.nodeid)

    manifest = Manifest({}, ("examples/one/tests/unit",))
    manifest.write(Path("manifest.json"))
    options = ["--evergreen-manifest", "manifest.json", "--evergreen-report", "report.json"]
    pytester.inline_run(*options, plugins=[Opens()])
    (result,) = json.loads(Path("report.json").read_text())
    assert notes == [result["test"]]
    assert result["read"] == ["examples/one/bytes.yaml", "examples/one/settings.yaml"]


def test_a_page_is_left_out_when_one_of_its_examples_is_broken(write, report):
    other, folder = "pages/y.md", "examples/two/tests/unit"
    write({f"{folder}/test_fails.py": "def test():\n    assert False\n", PAGE: "", other: ""})
    group, of_other = (
        Group(page, "default", "one", (), (Step(Code(page, 1, "x = 1")),), ())
        for page in (PAGE, other)
    )
    session = Terminal(other, 3, (Command(3, "echo one", "one\n"),))
    pages = {
        PAGE: PageTests((group,), (), ""),
        other: PageTests((of_other,), (session,), "two"),
    }
    results = report(Manifest(pages, (*pages, folder)))
    assert {test: each["outcome"] for test, (each,) in results.items()} == {
        f"{folder}/test_fails.py::test": "failed",
        f"{folder}/test_mixed.py::test": "passed",
        f"{PAGE}::default": "passed",
        f"{other}::default": "skipped",
        f"{other}::terminal session at line 3": "skipped",
    }


def test_how_each_block_ended_is_reported_at_its_line(write, report):
    groups = [
        Group(PAGE, name, "one", (), (Step(Code(PAGE, 7, text)),), ())
        for name, (text, _, _) in FAILING.items()
    ]
    code = Code(PAGE, 7, "x = 1")
    groups.append(Group(PAGE, "passes", "one", (code,), (Step(code),), (code,)))
    raises = Code(PAGE, 9, "int('x')")
    message = "Traceback (most recent call last):\n    ...\nValueError: invalid\n"
    groups.append(Group(PAGE, "message", "one", (), (Step(raises, message),), ()))
    sessions = [
        Terminal(PAGE, line, (Command(line, "true", ""), Command(line + 1, command, output)))
        for line, (command, output, _) in SESSIONS.items()
    ]
    passing = Terminal(PAGE, 9, (Command(9, "echo one", "one\n"),))
    tests = PageTests(tuple(groups), (*sessions, passing), "one")
    write({PAGE: "", "pages/no-tests.md": "", "examples/one/src/broken.py": "x = 1\n1 / 0\n"})
    results = report(Manifest({PAGE: tests}, (PAGE,)))
    ended = {
        test.removeprefix(f"{PAGE}::"): (each["outcome"], each["line"], each["message"])
        for test, (each,) in results.items()
    }
    assert ended == {
        **{name: ("failed", line, message) for name, (_, line, message) in FAILING.items()},
        "message": ("failed", 9, "the output differs from what the page shows"),
        "passes": ("passed", 7, ""),
        "terminal session at line 9": ("passed", 9, ""),
        **{
            f"terminal session at line {line}": ("failed", line + 1, message)
            for line, (_, _, message) in SESSIONS.items()
        },
    }
    details = {test: each["detail"] for test, (each,) in results.items()}
    assert "test_pytest_plugin" not in details[f"{PAGE}::raises"]
    assert 'File "pages/x.md", line 10, in <module>' in details[f"{PAGE}::raises"]
    assert (
        "...\n    - ValueError: invalid\n    + ValueError: invalid literal"
        in details[f"{PAGE}::message"]
    )


def test_a_command_that_prints_no_text_fails_at_its_line(write, report):
    session = Terminal(PAGE, 3, (Command(3, "true", ""), Command(4, r"printf '\377'", "x\n")))
    write({PAGE: ""})
    results = report(Manifest({PAGE: PageTests((), (session,), "one")}, (PAGE,)))
    ((result,),) = results.values()
    assert (result["outcome"], result["path"], result["line"]) == ("failed", PAGE, 4)
    assert "prints other than the page shows" in result["message"]
    assert r"+ \xff" in result["detail"]


def test_a_command_that_prints_null_characters_fails_at_its_session(write, report):
    session = Terminal(PAGE, 3, (Command(4, r"printf 'a\0b\0'", "a\n"),))
    write({PAGE: ""})
    results = report(Manifest({PAGE: PageTests((), (session,), "one")}, (PAGE,)))
    ((result,),) = results.values()
    assert (result["outcome"], result["path"], result["line"]) == ("failed", PAGE, 3)
    assert "ValueError" in result["message"]
    assert "_run_session" in result["detail"]


def test_of_a_command_that_fails_the_last_lines_are_shown(write, report):
    session = Terminal(PAGE, 3, (Command(3, "seq 100; false", ""),))
    write({PAGE: ""})
    results = report(Manifest({PAGE: PageTests((), (session,), "one")}, (PAGE,)))
    ((result,),) = results.values()
    lines = result["detail"].splitlines()
    assert lines == ["[60 lines before]", *map(str, range(61, 101))]


@pytest.mark.parametrize("leaving", ["os.chdir('/')", "os.rmdir(os.getcwd())"])
def test_the_lines_of_a_block_that_leaves_its_folder_are_known(write, report, leaving: str):
    write({PAGE: ""})
    group = Group(PAGE, "default", "one", (), (Step(Code(PAGE, 7, f"import os\n{leaving}")),), ())
    ((result,),) = report(Manifest({PAGE: PageTests((group,), (), "one")}, (PAGE,))).values()
    assert (result["outcome"], result["lines"]) == ("passed", {PAGE: [7, 8]})


def test_a_traceback_shows_of_libraries_only_where_it_ends(write, report):
    file = "examples/one/tests/test_deep.py"
    deep = "try:\n        json.loads('{')\n    except ValueError as error:\n        int(error)"
    write({file: f"import json\n\n\ndef test_deep():\n    {deep}\n"})
    ((result,),) = report(Manifest({}, (file,)), "--tb=short").values()
    places = re.findall(r"^(\S+):\d+: in (\w+)$", result["detail"], re.MULTILINE)
    assert [(Path(path).name, function) for path, function in places] == [
        ("test_deep.py", "test_deep"),
        ("decoder.py", "raw_decode"),
        ("test_deep.py", "test_deep"),
    ]
    assert "E   json.decoder.JSONDecodeError: " in result["detail"]


def test_a_file_that_ends_python_fails_as_any_other(write, report):
    file, conftest = "examples/one/tests/test_exit.py", "examples/two/tests/unit/conftest.py"
    write({file: "import sys\nsys.exit(1)\n", conftest: "import gone\n"})
    results = report(
        Manifest({}, (file, "examples/two/tests/unit")), "--continue-on-collection-errors"
    )
    assert {each["path"]: each["message"] for (each,) in results.values() if each["message"]} == {
        file: "SystemExit(1)",
        conftest: "ModuleNotFoundError: No module named 'gone'",
    }


LONG = {
    "spaces": ("print('a  ')", "a\n", "Only spaces at the ends of lines differ."),
    "long": ("for _ in range(100):\n    print('a')", "b\n", "[62 lines more]"),
}


@pytest.mark.parametrize("name", LONG)
def test_a_difference_is_told_in_a_few_lines(write, report, name: str):
    write({PAGE: ""})
    code, output, last = LONG[name]
    group = Group(PAGE, "default", "one", (), (Step(Code(PAGE, 7, code), output),), ())
    ((result,),) = report(Manifest({PAGE: PageTests((group,), (), "one")}, (PAGE,))).values()
    assert result["detail"].splitlines()[-1] == last


CHAINED = """\
def test_made_of_another():
    try:
        raise KeyError("first")
    except KeyError:
        try:
            raise ValueError("cause")
        except ValueError as error:
            raise TypeError("made of it") from error


def test_while_another_is_handled():
    try:
        raise KeyError("first")
    except KeyError:
        raise ValueError("last")
"""


def test_what_was_raised_first_is_what_went_wrong(write, report):
    file = "examples/one/tests/test_chained.py"
    write({file: CHAINED})
    results = report(Manifest({}, (file,)))
    assert {test: each["message"] for test, (each,) in results.items()} == {
        f"{file}::test_made_of_another": "ValueError: cause",
        f"{file}::test_while_another_is_handled": "ValueError: last",
    }
    assert "made of it" in results[f"{file}::test_made_of_another"][0]["detail"]


def test_a_test_that_takes_too_long_fails_and_the_next_one_runs(write, report):
    test = (
        "import time\n\n\ndef test_waits():\n    time.sleep(60)\n\n\ndef test_ends():\n    pass\n"
    )
    file = "examples/one/tests/unit/test_waits.py"
    write({file: test})
    results = report(Manifest({}, (file,)), "-o", "evergreen_time_limit=1")
    assert {test: each["message"] for test, (each,) in results.items()} == {
        f"{file}::test_waits": "Failed: it has not ended after 1 seconds (evergreen_time_limit)",
        f"{file}::test_ends": "",
    }


@pytest.mark.parametrize("ending", ["raise KeyboardInterrupt", "pytest.exit('now', 0)"])
def test_a_run_that_ends_early_has_no_report(write, report, ending: str):
    test = f"import pytest\n\ndef test():\n    {ending}\n"
    write({"examples/one/tests/unit/test_ending.py": test})
    assert report(Manifest({}, ("examples/one/tests/unit",))) is None


def test_a_manifest_goes_to_the_workers(pytester: pytest.Pytester, write):
    name = manifest(write, steps=(Step(Code(PAGE, 7, "print(1)"), "1\n"),))
    options = ["-p", "xdist", "-n", "1", "--evergreen-manifest", name]
    pytester.runpytest_inprocess(*options, "pages", "tests").assert_outcomes(passed=2)


def test_pages_that_sphinx_cannot_read_are_not_run(pytester: pytest.Pytester, write):
    write({"conf.py": "extensions = ['evergreen']\n", "pages/index.rst": "Words::\n\n   x = 1\n"})
    done = pytester.runpytest_inprocess("pages")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*Sphinx cannot read the pages; see its messages above*"])


def test_pages_are_read_by_sphinx_when_somebody_calls_pytest_by_hand(
    pytester: pytest.Pytester, write
):
    page = ':examples: ``{"default": "one"}``\n\nTitle\n=====\n\n.. testcode::\n\n   x = 1\n'
    shown = "".join(
        f"\n.. literalinclude:: ../examples/{name}/src/mixed.py\n" for name in ("one", "two")
    )
    write({"conf.py": "extensions = ['evergreen']\n", "pages/index.rst": page + shown})
    assert passed(pytester.inline_run("pages")) == ["pages/index.rst::default"]


def test_settings_of_an_example_that_cannot_be_read_are_named(pytester: pytest.Pytester, write):
    write({"examples/one/pyproject.toml": "["})
    done = pytester.runpytest_inprocess()
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*examples/one/pyproject.toml: not a TOML file*"])
