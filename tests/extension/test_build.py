"""Nothing is published unproven, and nothing is proven twice."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Self
from unittest import mock

import evergreen
import pytest
from evergreen.build import EVIDENCE_NAME, NotPublished, check_options, read_examples
from evergreen.manifest import Manifest, PageTests
from evergreen.proof import Result, Unit
from evergreen.runner import RunEnded
from sphinx.config import Config
from sphinx.errors import ExtensionError

if TYPE_CHECKING:
    from conftest import Project

BLOCK = """\
    # A page

    ```{testcode}
    print(1)
    ```
    ```{testoutput}
    1
    ```
    """
SHOWS_OTHER = "# Other\n\n```{literalinclude} ../examples/other/tests/test_other.py\n```\n"
OTHER = {
    "examples/other/pyproject.toml": "",
    "examples/other/tests/test_other.py": "def test():\n    pass\n",
    "pages/other.md": SHOWS_OTHER,
}


class Runs:
    """Stands in for pytest: what was asked for is kept, and passes unless told otherwise.

    Each test runs every line of the examples and pages.
    """

    def __init__(self) -> None:
        self.failing: set[str] = set()
        self.is_ended = False
        self.tests: list[list[str]] = []
        self.seen: list[str] = []

    def __call__(
        self, project: Path, _examples: Path, _proofs: Collection[str], _seconds: float
    ) -> Running:
        return Running(self, project)


class Running:
    """Stands in for a runner."""

    def __init__(self, runs: Runs, project: Path) -> None:
        self._runs = runs
        self._project = project
        self._tests: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def give(self, units: Sequence[Unit], _pages: Mapping[str, PageTests]) -> None:
        tests = [test for unit in units for test in unit.tests]
        self._tests += [test for test in tests if (self._project / test).exists()]
        self._runs.seen.append(f"run {' '.join(tests)}")

    def finish(self) -> list[Result]:
        self._runs.tests.append(self._tests)
        if self._runs.is_ended:
            raise RunEnded("a test")
        project = self._project
        files = [*project.glob("examples/**/*.py"), *project.glob("pages/*.md")]
        lines = {file.relative_to(project).as_posix(): range(1, 99) for file in files}
        failing = self._runs.failing
        return [
            Result(
                test,
                "failed" if test in failing else "passed",
                test,
                None,
                "",
                "",
                lines=lines,
            )
            for test in self._tests
        ]

    def stop(self) -> None:
        # Once it has stopped, it does nothing.
        if self._runs.seen[-1] != "stop":
            self._runs.seen.append("stop")


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    runs = Runs()
    monkeypatch.setattr("evergreen.proving.Runner", runs)
    return runs


# Publishing.


def test_what_is_proven_is_published(project: Project):
    project.page("block.md", BLOCK, examples={"default": "sums"})
    built = project.build("html")
    assert (built.refusal, built.warnings) == (None, [])
    html = (built.output / "pages/block.html").read_text(encoding="utf-8")
    assert "print(1)" in re.sub("<.*?>", "", html)


@pytest.mark.parametrize(
    ("file", "text", "warning"),
    [
        ("pages/block.md", BLOCK.replace("1\n", "2\n", 1), "the output differs"),
        ("pages/block.md", "# A page\n\n    x = 1\n", "a literal block that nothing proves"),
        (
            "examples/sums/src/sums.py",
            "def add(a, b):\n    return a - b\n",
            "examples/sums/tests/test_sums.py::test_add (example sums) failed: assert -1 == 3",
        ),
        (
            "examples/sums/tests/test_sums.py",
            "from sums import subtract\n",
            "examples/sums/tests/test_sums.py (example sums) failed: ImportError: cannot import",
        ),
        (
            "examples/sums/tests/test_sums.py",
            "",
            "examples/sums/pyproject.toml:1: WARNING: no test was found for example sums",
        ),
    ],
)
def test_what_is_wrong_is_never_published(project: Project, file: str, text: str, warning: str):
    project.page("block.md", BLOCK, examples={"default": "sums"})
    if file.startswith("pages/"):
        project.page("block.md", text, examples={"default": "sums"})
    else:
        project.write({file: text})
    built = project.build("html")
    assert built.refusal == "1 problem, listed above. Nothing is published."
    (only,) = built.warnings
    assert warning in only
    assert not list(built.output.rglob("*.html"))


def test_a_second_try_changes_nothing(project: Project, runs: Runs):
    runs.failing = {"examples/sums/tests"}
    for _ in range(2):
        built = project.build("html")
        assert built.refusal == "1 problem, listed above. Nothing is published."
        assert not list(built.output.rglob("*.html"))


def test_a_mended_page_is_published(project: Project, runs: Runs):
    project.page("block.md", "# A page\n\n    x = 1\n")
    assert project.build("html").refusal is not None
    project.page("block.md", BLOCK, examples={"default": "sums"})
    assert project.build("html").refusal is None


def test_nothing_is_published_when_pytest_does_not_get_to_its_end(project: Project, runs: Runs):
    runs.is_ended = True
    for _ in range(2):
        built = project.build("html")
        assert built.refusal is not None
        assert "pytest did not get to its end: it ended at a test, see above." in built.refusal
        assert not list(built.output.rglob("*.html"))


def test_building_twice_is_not_enough_to_get_past_a_warning(project: Project, runs: Runs):
    project.page("warns.md", "# A page\n\n```{unheard-of}\n```\n")
    for _ in range(2):
        (warning,) = project.build().warnings
        assert "unheard-of" in warning
    project.page("warns.md", "# A page\n")
    assert project.build().warnings == []


def test_an_interrupted_build_is_not_enough_to_get_past_a_warning(project: Project, runs: Runs):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    project.page("warns.md", "# A page\n\n```{unheard-of}\n```\n")
    with pytest.raises(KeyboardInterrupt):
        project.build(events={"env-check-consistency": interrupt})
    (warning,) = project.build().warnings
    assert "unheard-of" in warning


def test_a_build_that_went_through_is_not_read_again(project: Project, runs: Runs):
    read: list[str] = []

    def note(_app: object, docname: str, _source: object) -> None:
        read.append(docname)

    project.build()
    project.page("new.md", "# New\n")
    project.build(events={"source-read": note})
    # The home page lists all pages.
    assert read == ["index", "pages/new"]


# What is proven, and when.


def test_everything_is_proven_once(project: Project, runs: Runs):
    project.page("block.md", BLOCK, examples={"default": "sums"})
    for _ in range(2):
        assert project.build().refusal is None
    assert runs.tests == [["examples/sums/tests", "pages/block.md"]]


def test_what_damaged_evidence_spoke_of_is_proven_again(project: Project, runs: Runs):
    project.page("block.md", BLOCK, examples={"default": "sums"})
    evidence = project.build().doctrees / EVIDENCE_NAME
    whole = evidence.read_bytes()
    evidence.write_bytes(b"\xff\xfe\x00" * 100)
    assert project.build().refusal is None
    assert runs.tests == [["examples/sums/tests", "pages/block.md"]] * 2
    assert evidence.read_bytes() == whole


@pytest.mark.parametrize("expected", [3, 4])
def test_a_page_is_run_when_the_tests_of_its_examples_have_passed(
    project: Project, tmp_path: Path, expected: int
):
    ran = tmp_path / "ran"
    block = BLOCK.replace("print(1)", f"print(open({str(ran)!r}, 'w').write('x'))")
    # In a folder that comes before that of the examples.
    project.page("../a/block.md", block, examples={"default": "sums"})
    project.write({"index.md": "# A site\n\n```{toctree}\n:glob:\n*/*\n```\n"})
    test = project.folder / "examples/sums/tests/test_sums.py"
    test.write_text(test.read_text().replace("== 3", f"== {expected}"))
    built = project.build()
    assert ran.exists() == (expected == 3)
    assert len(built.warnings) == (expected != 3)


def note_reading(runs: Runs) -> dict[str, Callable[..., None]]:
    """Return a handler that notes, among what is run, which page is read."""

    def note(_app: object, docname: str, _source: object) -> None:
        runs.seen.append(f"read {docname}")

    return {"source-read": note}


def test_what_is_read_is_run_while_the_rest_is_read(project: Project, runs: Runs):
    for name in ("a.md", "b.md"):
        project.page(name, BLOCK, examples={"default": "sums"})
    assert project.build(events=note_reading(runs)).refusal is None
    assert runs.seen == [
        *("run examples/sums/tests", "read index"),
        *("read pages/a", "run pages/a.md", "read pages/b", "run pages/b.md"),
        *("read pages/sums", "stop"),
    ]
    assert runs.tests == [["examples/sums/tests", "pages/a.md", "pages/b.md"]]


def test_a_page_with_a_problem_is_not_run_and_ends_what_is(project: Project, runs: Runs):
    project.page("a.md", BLOCK, examples={"default": "sums"})
    project.page("b.md", BLOCK)
    assert project.build().refusal == "1 problem, listed above. Nothing is published."
    assert runs.seen == ["run examples/sums/tests", "run pages/a.md", "stop"]
    assert runs.tests == []


def test_a_page_that_cannot_be_read_ends_what_is_run(project: Project, runs: Runs):
    def fail(_app: object, docname: str, _source: object) -> None:
        if docname == "pages/sums":
            raise ValueError(docname)

    with pytest.raises(ExtensionError, match="pages/sums"):
        project.build(events={"source-read": fail})
    assert runs.seen == ["run examples/sums/tests", "stop"]


@pytest.mark.parametrize(
    ("change", "proven"),
    [
        ({"pages/one.md": "# One\n"}, []),
        ({"pages/other.md": "Words.\n\n{}".format}, []),
        (
            {"pages/block.md": lambda text: text.replace("1\n", "3\n")},
            ["pages/block.md"],
        ),
        # The lines of its blocks are other ones.
        ({"pages/block.md": lambda text: text.replace("# A", "\n# A")}, ["pages/block.md"]),
        (
            {"examples/sums/src/sums.py": "{}# more\n".format},
            ["examples/sums/tests", "pages/block.md"],
        ),
        (
            {"examples/sums/tests/test_sums.py": "{}# more\n".format},
            ["examples/sums/tests", "pages/block.md"],
        ),
        (
            {"examples/sums/data.txt": "new"},
            ["examples/sums/tests", "pages/block.md"],
        ),
        ({"examples/other/pyproject.toml": "# more\n"}, ["examples/other/tests"]),
        (
            {"conftest.py": "# settings\n"},
            ["examples/other/tests", "examples/sums/tests", "pages/block.md", "test_proof.py"],
        ),
        (
            {"lantern.py": "x = 2\n"},
            ["examples/other/tests", "examples/sums/tests", "pages/block.md", "test_proof.py"],
        ),
        ({"test_proof.py": "# more\n"}, ["test_proof.py"]),
        ({"data/subject.yaml": "x: 2\n"}, ["test_proof.py"]),
    ],
)
def test_a_change_has_that_proven_which_speaks_of_it(
    project: Project,
    runs: Runs,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, str | Callable[[str], str]],
    proven: list[str],
):
    project.write(OTHER)
    project.write({"lantern.py": "x = 1\n", "data/subject.yaml": "x: 1\n", "test_proof.py": ""})
    project.page("block.md", BLOCK, examples={"default": "sums"})
    monkeypatch.syspath_prepend(project.folder)
    options = {
        "evergreen_libraries": ["lantern"],
        "evergreen_proofs": {"test_proof.py": ["data/*.yaml"]},
    }
    assert project.build(**options).refusal is None
    runs.tests.clear()
    for name, text in change.items():
        if callable(text):
            text = text((project.folder / name).read_text(encoding="utf-8"))
        project.write({name: text})
    assert project.build(**options).refusal is None
    assert list(itertools.chain(*runs.tests)) == proven


def test_what_failed_is_proven_again_and_the_rest_is_not(project: Project, runs: Runs):
    project.write(OTHER)
    runs.failing = {"examples/other/tests"}
    for _ in range(2):
        assert project.build().refusal == "1 problem, listed above. Nothing is published."
    assert runs.tests == [
        ["examples/other/tests", "examples/sums/tests"],
        ["examples/other/tests"],
    ]


def test_proofs_of_the_project_s_own_wait_for_the_rest(project: Project, runs: Runs):
    project.write({"test_proof.py": ""})
    runs.failing = {"examples/sums/tests"}
    built = project.build(evergreen_proofs={"test_proof.py": []})
    assert built.refusal == "1 problem, listed above. Nothing is published."
    assert runs.tests == [["examples/sums/tests"]]
    runs.failing.clear()
    assert project.build(evergreen_proofs={"test_proof.py": []}).refusal is None
    assert runs.tests[1:] == [["examples/sums/tests"], ["test_proof.py"]]


@pytest.mark.parametrize("builder", ["doctest", "linkcheck"])
def test_a_builder_that_publishes_nothing_proves_nothing(
    project: Project, runs: Runs, builder: str
):
    assert project.build(builder).refusal is None
    assert runs.tests == []


def test_the_manifest_for_a_pytest_by_hand_has_every_page(project: Project, runs: Runs):
    project.page("one.md", BLOCK, examples={"default": "sums"})
    project.build(evergreen_prove=False)
    project.page("two.md", BLOCK, examples={"default": "sums"})
    built = project.build(evergreen_prove=False)
    manifest = Manifest.read(built.doctrees / "evergreen-manifest.json")
    assert (set(manifest.pages), manifest.tests) == ({"pages/one.md", "pages/two.md"}, ())
    assert runs.tests == []


# Reading in parallel.


def test_pages_read_in_parallel_are_all_there(project: Project, runs: Runs):
    for number in range(8):
        project.page(f"good-{number}.md", BLOCK, examples={"default": "sums"})
        project.page(f"plain-{number}.md", "# Words alone\n")
    built = project.build(parallel=2)
    assert built.refusal is None
    assert runs.tests == [["examples/sums/tests", *(f"pages/good-{n}.md" for n in range(8))]]
    for number in range(8):
        project.page(f"good-{number}.md", "# A page\n\n    x = 1\n")
    built = project.build(parallel=2)
    assert built.refusal == "8 problems, listed above. Nothing is published."
    places = [warning.partition(" ")[0] for warning in built.warnings]
    assert places == [f"pages/good-{n}.md:3:" for n in range(8)]


def test_a_page_that_is_gone_is_forgotten(project: Project, runs: Runs):
    project.page("bad.md", "# A page\n\n    x = 1\n")
    assert project.build().refusal is not None
    (project.folder / "pages/bad.md").unlink()
    assert project.build().refusal is None


# The project's own settings.


def test_an_example_that_no_page_shows_is_an_error(project: Project, runs: Runs):
    project.write(OTHER)
    project.page("other.md", "# Other\n")
    built = project.build()
    assert built.refusal is not None
    (warning,) = built.warnings
    assert warning.startswith(
        "examples/other/pyproject.toml:1: WARNING: no page embeds anything of the example 'other'."
    )


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, ["evergreen_examples is 'examples'", "no folder in", "has a pyproject.toml"]),
        ({"examples/sums/pyproject.toml": "["}, ["sums/pyproject.toml: not a TOML file"]),
    ],
)
def test_a_project_without_examples_that_can_be_read(
    tmp_path: Path, files: dict[str, str], words: list[str]
):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    refusal = _refusal(tmp_path, "examples", tmp_path / "docs")
    for each in words:
        assert each in refusal


@pytest.mark.parametrize(
    ("examples", "sources", "outside"),
    [("../examples", "docs", "examples"), ("examples", "../docs", "docs")],
)
def test_a_project_that_reaches_out_of_its_folder(
    project: Project, examples: str, sources: str, outside: str
):
    refusal = _refusal(project.folder, examples, project.folder / sources)
    parent = project.folder.parent
    assert refusal.startswith(f"{parent / outside} is not in {project.folder}, the folder of conf")


def _refusal(folder: Path, examples: str, sources: Path) -> str:
    config = SimpleNamespace(evergreen_examples=examples)
    app = SimpleNamespace(confdir=folder, srcdir=sources, config=config)
    with pytest.raises(NotPublished) as refusal:
        read_examples(app, config)  # type: ignore[arg-type]
    return str(refusal.value)


@pytest.mark.parametrize("text", [None, "[", "pip = 1\n", "[pip]\noptions = []\n", "\udcff"])
def test_a_table_of_commands_that_cannot_be_read_is_named(
    project: Project, runs: Runs, text: str | None
):
    table = project.folder / "commands.toml"
    table.unlink()
    if text is not None:
        table.write_bytes(text.encode("utf-8", "surrogateescape"))
    refusal = project.build().refusal
    assert refusal is not None
    assert refusal.startswith(f"{table}: not a table of commands: ")


def test_a_library_that_is_not_installed_is_named(project: Project, runs: Runs):
    refusal = project.build(evergreen_libraries=["unheard_of"]).refusal
    assert refusal == "evergreen_libraries names 'unheard_of', which is not installed"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("libraries", "ops", "evergreen_libraries is 'ops', and has to be of type list"),
        ("time_limit", "5", "evergreen_time_limit is '5', and has to be of type float or int"),
        ("time_limit", 0, "evergreen_time_limit has to be more than 0"),
        ("proofs", {"gone/test_x.py": []}, "evergreen_proofs names 'gone/test_x.py', and "),
        ("proofs", {"test_x.py": "*"}, "evergreen_proofs['test_x.py'] is '*', and has to be a li"),
        ("proofs", {"test_x.py": ["test_*", "gone/*"]}, "['test_x.py'] has 'gone/*', which no f"),
        ("stand_ins", {"*.py": 1}, "evergreen_stand_ins['*.py'] is 1, and has to be text"),
        ("proofs", {"test_x.py": ["/tmp/*"]}, "['test_x.py'] has '/tmp/*', which no file of"),
        ("proofs", {"test_x.py": [""]}, "['test_x.py'] has '', which no file of"),
        ("proofs", {"test_x.py": [1]}, "['test_x.py'] has 1, which no file of"),
        ("stand_ins", {"examples/*.py": "Run elsewhere."}, ""),
        ("stand_ins", {"gone/*.py": "Run elsewhere."}, "evergreen_stand_ins has 'gone/*.py', wh"),
    ],
)
def test_an_option_that_cannot_have_its_value_is_named(
    tmp_path: Path, name: str, value: object, words: str
):
    config = Config({f"evergreen_{name}": value})
    evergreen.setup(mock.Mock(add_config_value=config.add))
    config.init_values()
    (tmp_path / "test_x.py").touch()
    remote = tmp_path / "examples/sums/remote.py"
    remote.parent.mkdir(parents=True)
    remote.touch()
    app = SimpleNamespace(confdir=tmp_path, config=config)
    with pytest.raises(NotPublished, match=re.escape(words)) if words else nullcontext():
        check_options(app, config)  # type: ignore[arg-type]


def test_a_proof_that_fails_names_its_test(project: Project):
    proof = "def test_key():\n    assert 'key' == 'another key'\n"
    project.write({"proofs/test_proof.py": proof})
    built = project.build(evergreen_proofs={"proofs/test_proof.py": []})
    (warning,) = built.warnings
    assert warning.startswith(
        "proofs/test_proof.py:1: WARNING: proofs/test_proof.py::test_key (proofs/test_proof.py)"
        " failed: AssertionError: assert 'key' == 'another key'"
    )
    assert "Correct the code or the test" in warning


def test_a_page_whose_example_is_gone_is_read_again(project: Project, runs: Runs):
    project.write(OTHER)
    project.page("block.md", BLOCK, examples={"default": "other"})
    assert project.build().refusal is None
    (project.folder / "examples/other/pyproject.toml").unlink()
    built = project.build()
    assert built.refusal is not None
    (warning,) = built.warnings_of("pages/block.md")
    assert "names the example 'other', and there is none of that name" in warning


def test_a_line_of_a_block_that_may_have_run_in_part_is_told(project: Project):
    project.page("half.md", "```{testcode}\nif 1 == 2: print(3)\n```\n", {"default": "sums"})
    (warning,) = project.build().warnings
    assert warning.startswith(
        "pages/half.md:6: WARNING: the line has a statement beside the head that it belongs to"
    )


def test_a_file_of_words_alone_is_shown_as_such(project: Project):
    project.write({"examples/sums/src/sums.py": '"""Words."""\n'})
    project.write({"examples/sums/tests/test_sums.py": "import sums\n\ndef test():\n    sums\n"})
    built = project.build("html")
    assert built.refusal is None
    html = (built.output / "pages/sums.html").read_text(encoding="utf-8")
    assert "Nothing in it has to run" in html


def test_an_example_without_a_test_is_missed(project: Project, runs: Runs):
    (project.folder / "examples/sums/tests/test_sums.py").unlink()
    (project.folder / "examples/sums/tests").rmdir()
    project.page("block.md", BLOCK, examples={"default": "sums"})
    for _ in range(2):
        (warning,) = project.build().warnings
        assert warning.startswith(
            "examples/sums/pyproject.toml:1: WARNING: no test was found for example sums. "
        )
    # The second time there is nothing left to run.
    assert runs.tests == [["pages/block.md"], []]
