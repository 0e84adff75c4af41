"""By hand, pytest collects examples and pages as their writer expects."""

from __future__ import annotations

from pathlib import Path

import pytest
from evergreen import page_tests
from evergreen.block import Command, Terminal
from evergreen.group import Code, Group, Step
from evergreen.manifest import Manifest, PageTests

pytest_plugins = ["pytester"]

SETTINGS = """\
[tool.pytest]
addopts = ["-p", "evergreen.pytest_plugin", "-p", "no:cacheprovider", "--import-mode=importlib"]
evergreen_pages = "pages"
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


def test_a_terminal_session_that_takes_too_long_fails(
    pytester: pytest.Pytester, write, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(page_tests, "_SESSION_SECONDS", 0.01)
    session = Terminal(PAGE, 3, (Command(4, "sleep 0.5", "never\n"),))
    name = manifest(write, sessions=(session,))
    done = pytester.runpytest_inprocess("--evergreen-manifest", name, "pages")
    done.stdout.fnmatch_lines(["*timed out after 0.01 seconds*"])
    done.assert_outcomes(failed=1)


def test_pages_that_sphinx_cannot_read_are_not_run(pytester: pytest.Pytester, write):
    write({"conf.py": "extensions = ['evergreen']\n", "pages/index.rst": "Words::\n\n   x = 1\n"})
    done = pytester.runpytest_inprocess("pages")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*Sphinx cannot read the pages; see its messages above*"])


def test_settings_of_an_example_that_cannot_be_read_are_named(pytester: pytest.Pytester, write):
    write({"examples/one/pyproject.toml": "["})
    done = pytester.runpytest_inprocess()
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*examples/one/pyproject.toml: not a TOML file*"])
