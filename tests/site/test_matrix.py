"""The matrix runs what it should and goes on where it stopped; the pages say what came of it."""

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from evergreen.group import Code, Group, Step
from evergreen.manifest import PageTests
from works_with import (
    DIFFERENCES,
    RESULTS,
    Cell,
    Difference,
    Failure,
    Results,
    adjust,
    digest_of_example,
    digest_of_page,
    minor,
    ranges,
    read_differences,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture
def matrix(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(ROOT / "tests/matrix")
    import matrix

    yield matrix
    del sys.modules["matrix"]


def cell(subject: str = "examples/a", ops: str = "3.0.0", **changes: object) -> Cell:
    made = Cell(subject, ops, "8.0.0", "3.11.7", "2026-01-31", "digest", 1)
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def page_that_runs(*codes: str, line: int = 1) -> PageTests:
    steps = tuple(Step(Code("docs/a.md", line, code), "new\n") for code in codes)
    return PageTests((Group("docs/a.md", "default", "a", (), steps, ()),), (), "")


# The committed results.


def test_every_example_is_in_the_results_with_every_release_it_supports(matrix):
    results = Results.read(ROOT / RESULTS)

    for pyproject in sorted(ROOT.glob("examples/*/pyproject.toml")):
        subject = f"examples/{pyproject.parent.name}"
        supported = [
            release for release in results.releases if matrix.supports(pyproject.parent, release)
        ]
        assert supported
        assert {each.ops for each in results.cells if each.subject == subject} == set(supported)


def test_releases_in_the_results_are_the_newest_of_their_minor_releases(matrix):
    releases = list(Results.read(ROOT / RESULTS).releases)

    assert releases == matrix.choose_releases(releases)


def test_results_are_written_as_they_are_read(tmp_path: Path):
    shutil.copy(ROOT / RESULTS, tmp_path / "matrix.json")
    Results.read(ROOT / RESULTS).write(tmp_path / "matrix.json")

    assert (tmp_path / "matrix.json").read_text() == (ROOT / RESULTS).read_text()


def test_differences_name_pages_and_releases_there_are():
    releases = Results.read(ROOT / RESULTS).releases
    differences = read_differences(ROOT / DIFFERENCES)

    assert differences
    for each in differences:
        assert (ROOT / each.page).is_file()
        on = set(_chosen(each, releases))
        assert on, f"{each.code} differs with no release"
        for other in differences:
            if other is not each and (other.page, other.code) == (each.page, each.code):
                assert not on & set(_chosen(other, releases)), f"{each.code} differs twice"


def _chosen(difference: Difference, releases: object) -> list[str]:
    from packaging.specifiers import SpecifierSet

    return list(SpecifierSet(difference.ops).filter(releases, prereleases=True))  # type: ignore[arg-type]


# What is run.


def test_newest_patch_of_each_minor_release_is_chosen(matrix):
    versions = ["2.16.1", "2.17.0", "2.17.1", "3.0.0", "3.1.0b1", "3.0.1", "3.1.0"]

    assert matrix.choose_releases(versions) == ["2.17.1", "3.0.1", "3.1.0"]


def test_pre_release_is_chosen_when_it_is_the_newest(matrix):
    assert matrix.choose_releases(["3.0.0", "3.1.0b1", "3.1.0b2"]) == ["3.0.0", "3.1.0b2"]
    assert matrix.choose_releases(["3.0.0", "3.1.0b2", "3.1.0"]) == ["3.0.0", "3.1.0"]
    assert minor("3.1.0b2") == "3.1.0b2"


def test_oldest_and_newest_python_that_fit_are_chosen(matrix):
    installed = ["3.8.18", "3.10.13", "3.11.7", "3.13.0"]

    assert matrix.choose_pythons(installed, ">=3.8", ">=3.10") == ["3.10.13", "3.13.0"]
    assert matrix.choose_pythons(installed, ">=3.13", "") == ["3.13.0"]
    assert matrix.choose_pythons(installed, ">=3.14") == []


def test_examples_run_where_they_and_ops_can_and_pages_on_one_python(matrix):
    subjects = [
        matrix.Subject("examples/a", "digest", needs_ops=">=3,<4", needs_python=">=3.10"),
        matrix.Subject("docs/a.md", "digest", is_page=True),
    ]

    planned = matrix.plan(
        subjects,
        {"2.17.1": ">=3.8", "3.1.0b1": ">=3.10"},
        ["3.9.18", "3.10.13", "3.13.0"],
        "3.11.7",
    )

    assert [(each.ops, each.python, each.is_for_pages) for each in planned] == [
        ("2.17.1", "3.11.7", True),
        ("3.1.0b1", "3.10.13", False),
        ("3.1.0b1", "3.13.0", False),
        ("3.1.0b1", "3.11.7", True),
    ]


def test_without_the_index_the_releases_of_the_last_run_are_used(matrix, monkeypatch):
    def refuse(*_: object, **__: object) -> str:
        raise subprocess.CalledProcessError(1, "pip")

    monkeypatch.setattr(matrix, "_output", refuse)

    assert matrix.find_releases({"3.0.0": ">=3.8"}) == {"3.0.0": ">=3.8"}
    with pytest.raises(SystemExit, match="no release is known"):
        matrix.find_releases({})


def test_only_new_releases_are_asked_for_the_pythons_they_need(matrix, monkeypatch):
    asked = []

    def output(command: list[str], **_: object) -> str:
        if "index" in command:
            return json.dumps({"versions": ["3.1.0", "3.0.0"]})
        asked.append(command[-1])
        return json.dumps({"install": [{"metadata": {"requires_python": ">=3.11"}}]})

    monkeypatch.setattr(matrix, "_output", output)

    assert matrix.find_releases({"3.0.0": ">=3.8"}) == {"3.0.0": ">=3.8", "3.1.0": ">=3.11"}
    assert asked == ["ops==3.1.0"]


def test_constraints_are_the_lock_without_ops(matrix):
    text = matrix.constraints_without_ops((ROOT / "requirements.txt").read_text())

    assert "\npytest==" in text
    assert "\ncoverage==" in text
    assert "\nops" not in text
    assert "--hash" not in text


def test_tests_that_fail_or_are_skipped_are_named(matrix, tmp_path: Path):
    (tmp_path / "report.xml").write_text(
        "<testsuite><testcase name='good'/>"
        "<testcase name='bad'><failure message='assert 1 == 2&#10;more'/></testcase>"
        "<testcase name='left'><skipped message='too old'/></testcase></testsuite>"
    )

    assert matrix.read_junit(tmp_path / "report.xml") == (
        1,
        (Failure("bad", "assert 1 == 2"), Failure("left", "too old")),
    )


def test_no_test_at_all_is_a_failure(matrix, tmp_path: Path):
    (tmp_path / "report.xml").write_text("<testsuite/>")

    assert matrix.read_junit(tmp_path / "report.xml")[1]


# Interrupted and repeated runs.


class Stub:
    """A runner that fails or is interrupted where it is told to."""

    def __init__(self, fails: str = "", interrupted: str = "") -> None:
        self.ran: list[str] = []
        self.fails = fails
        self.interrupted = interrupted

    def __call__(self, environment, subject) -> Cell:
        if environment.ops == self.interrupted:
            raise KeyboardInterrupt
        self.ran.append(environment.ops)
        failures = (Failure("test_it", "no"),) if environment.ops == self.fails else ()
        return cell(subject.name, environment.ops, digest=subject.digest, failures=failures)


@pytest.fixture
def run(matrix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that runs one example on three releases, one after the other."""
    monkeypatch.setattr(matrix, "AT_A_TIME", 1)
    releases = {"3.0.0": "", "3.1.0": "", "3.2.0": ""}

    def run(stub: Stub, digest: str = "digest") -> Results:
        path = tmp_path / "matrix.json"
        earlier = Results.read(path).cells
        recorder = matrix.Recorder(path, releases, earlier)
        subjects = [matrix.Subject("examples/a", digest)]
        planned = matrix.plan(subjects, releases, ["3.11.7"], "3.11.7")
        try:
            matrix.run_all(planned, recorder, stub)
        except KeyboardInterrupt:
            pass
        return Results.read(path)

    return run


def test_interrupted_run_goes_on_where_it_stopped(run):
    interrupted = run(Stub(interrupted="3.1.0"))
    assert [each.ops for each in interrupted.cells] == ["3.0.0"]

    rest = Stub()
    complete = run(rest)

    assert rest.ran == ["3.1.0", "3.2.0"]
    assert [each.ops for each in complete.cells] == ["3.0.0", "3.1.0", "3.2.0"]


def test_cell_that_fails_stops_no_other_and_is_run_again(run):
    first = Stub(fails="3.1.0")
    results = run(first)
    assert first.ran == ["3.0.0", "3.1.0", "3.2.0"]
    assert [each.ops for each in results.cells if each.failures] == ["3.1.0"]

    again = Stub()
    assert not any(each.failures for each in run(again).cells)
    assert again.ran == ["3.1.0"]


def test_subject_that_has_changed_is_run_again(run):
    run(Stub())
    changed = Stub()
    run(changed, digest="another")

    assert changed.ran == ["3.0.0", "3.1.0", "3.2.0"]


# Differences and digests.


def test_output_is_exchanged_on_the_releases_of_a_difference_only():
    difference = Difference("docs/a.md", "two()", "<3", "old\n", "", "tidy()")
    tests = page_that_runs("one()", "two()")

    old = adjust(tests, [difference], "2.23.6").groups[0].steps
    assert [(step.code.text, step.output) for step in old] == [
        ("one()", "new\n"),
        ("two()", "old\n"),
        ("tidy()", ""),
    ]
    assert adjust(tests, [difference], "3.0.0") == tests


@pytest.mark.parametrize("code", ["none()", "()"])
def test_difference_has_to_fit_one_block(code: str):
    difference = Difference("docs/a.md", code, "<3", "", "")

    with pytest.raises(ValueError, match="has to stand in one"):
        adjust(page_that_runs("one()", "two()"), [difference], "3.0.0")


def test_digest_of_a_page_is_of_what_it_runs_and_not_of_where():
    digest = digest_of_page(page_that_runs("one()"), {"a": "1"}, [])
    difference = Difference("docs/a.md", "one()", "<3", "", "")

    assert digest_of_page(page_that_runs("one()", line=9), {"a": "1"}, []) == digest
    assert digest_of_page(page_that_runs("two()"), {"a": "1"}, []) != digest
    assert digest_of_page(page_that_runs("one()"), {"a": "2"}, []) != digest
    assert digest_of_page(page_that_runs("one()"), {"a": "1"}, [difference]) != digest


def test_releases_are_said_as_ranges():
    releases = ["2.22.0", "2.23.6", "3.0.0", "3.1.0", "3.2.0"]

    assert ranges(releases, releases) == "2.22 to 3.2"
    assert ranges(["2.22.0", "3.0.0", "3.1.0"], releases) == "2.22 and 3.0 to 3.1"
    assert ranges([], releases) == ""


# What the pages say.


SITE = {
    "conf.py": (
        f"import sys\nsys.path.insert(0, {str(ROOT / 'docs/_ext')!r})\n"
        "extensions = ['myst_parser', 'evergreen', 'works_with']\n"
    ),
    "pyproject.toml": "[tool.pytest]\n",
    "examples/length/pyproject.toml": "[tool.pytest]\npythonpath = ['.']\ntestpaths = ['.']\n",
    "examples/length/convert.py": "def feet():\n    return 3\n",
    "examples/length/test_convert.py": (
        "import convert\n\n\ndef test_feet():\n    assert convert.feet() == 3\n"
    ),
    "docs/index.md": "# Start\n\n```{toctree}\nlength\nresults\n```\n",
    "docs/length.md": (
        "# Length\n\n```{literalinclude} ../examples/length/convert.py\n:language: python\n```\n"
    ),
    "docs/results.md": "# Results\n\n```{works-with-matrix}\n```\n",
}


@pytest.fixture
def build(tmp_path: Path):
    """Return a function that builds a small site with some results; it returns a page's text."""
    site = tmp_path / "site"
    for name, text in SITE.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)

    def build(*cells: Cell, page: str = "length") -> str:
        releases = {each.ops: "" for each in cells}
        Results(releases, cells).write(site / RESULTS)
        command = [
            *(sys.executable, "-m", "sphinx", "-q", "-b", "html", "-c", str(site)),
            *("-d", str(site / "doctrees"), str(site / "docs"), str(site / "html")),
        ]
        done = subprocess.run(command, cwd=site, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        text = BeautifulSoup((site / f"html/{page}.html").read_text(), "lxml").get_text(" ")
        return " ".join(text.split())

    build.site = site  # type: ignore[attr-defined]
    return build


def test_page_says_what_its_example_works_with(build):
    digest = digest_of_example(build.site / "examples/length")
    works = [cell("examples/length", ops, digest=digest) for ops in ("3.0.0", "3.1.0")]
    fails = cell("examples/length", "3.2.0", digest=digest, failures=(Failure("test_it", "no"),))

    shown = build(*works, fails)
    assert "Works with" in shown
    assert (
        "The example length: ops 3.0 to 3.1 on Python 3.11, run on 2026-01-31. Failed: ops 3.2."
        in shown
    )
    assert (build.site / "doctrees/works-with-stale.txt").read_text() == ""
    shown = build(*works, fails, page="results")
    assert "3.11 ✓" in shown
    assert "3.11 ✗" in shown
    assert "examples/length with ops 3.2.0 on Python 3.11.7: test_it: no" in shown


def test_result_older_than_its_example_is_stale(build):
    shown = build(cell("examples/length", digest="of an earlier one"))

    assert "stale, changed since the last run on 2026-01-31" in shown
    assert (build.site / "doctrees/works-with-stale.txt").read_text() == (
        "examples/length has changed since it was run with the releases of ops: run make matrix\n"
    )


def test_check_fails_on_a_stale_result(tmp_path: Path):
    recipe = (ROOT / "Makefile").read_text().partition("\ncheck:")[2].partition("\n\n")[0]
    (line,) = [line.strip().lstrip("@") for line in recipe.splitlines() if "$(STALE)" in line]
    stale = tmp_path / "stale.txt"
    command = ["bash", "-euc", line.replace("$(STALE)", str(stale))]

    stale.write_text("")
    assert subprocess.run(command).returncode == 0
    stale.write_text("examples/a has changed\n")
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "examples/a has changed\n")
