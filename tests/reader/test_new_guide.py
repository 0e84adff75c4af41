"""A writer follows CONTRIBUTING.md from a clone to a new guide."""

import json
import re
import shutil
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from copied_project import BIN, NOT_COPIED, PROVEN, ROOT, carry_over, make_in, run_in
from new_guide import start_guide

GUIDE = "docs/howto/manage-something.md"
SAMPLES: list[str] = re.findall(
    r"^````md\n(.*?)^````$", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL | re.MULTILINE
)


def shown(folder: Path, page: str) -> BeautifulSoup:
    """Return a page as it is published."""
    html = (folder / "_build/html" / page / "index.html").read_text()
    return BeautifulSoup(html, "lxml")


def contents_of(folder: Path) -> dict[Path, bytes]:
    """Return the files that a new guide could change, by path."""
    paths = [path for name in ("docs", "examples") for path in (folder / name).rglob("*")]
    return {path: path.read_bytes() for path in paths if path.is_file()}


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project."""
    folder = tmp_path_factory.mktemp("writer") / "project"
    shutil.copytree(ROOT, folder, ignore=NOT_COPIED)
    (folder / ".venv").symlink_to(ROOT / ".venv", target_is_directory=True)
    return folder


@pytest.fixture(scope="session")
def published(project: Path) -> Path:
    """Return the copy with a new guide, to which each sample of CONTRIBUTING.md is added."""
    carry_over(project / "_build", *PROVEN)
    done = make_in(project, "new-guide", "NAME=manage-something")
    assert done.returncode == 0, done.stdout
    assert GUIDE in done.stdout
    guide = project / GUIDE
    guide.write_text("\n".join([guide.read_text(), "## Samples\n", *SAMPLES]))
    done = make_in(project, "html")
    assert done.returncode == 0, done.stdout
    return project


def test_the_new_guide_is_published(published: Path):
    heading = shown(published, "howto/manage-something").select_one("h1")
    assert heading is not None
    assert heading.get_text().startswith("How to manage something")
    for contents in ("howto", "reference/examples"):
        assert shown(published, contents).select_one(
            '.toctree-wrapper a[href="manage-something/"]'
        )


def test_its_blocks_and_its_example_are_proven(published: Path):
    proven = json.loads((published / "_build/doctrees/evergreen-evidence.json").read_text())
    assert {GUIDE, "examples/manage-something/pyproject.toml"} <= proven["proofs"].keys()


def test_a_reader_can_paste_it(published: Path):
    pytest_of_copy = (BIN / "python", "-m", "pytest", "-q", "tests/reader/test_paste.py")
    done = run_in(published, *pytest_of_copy, "-k", "howto/manage-something")
    assert done.returncode == 0, done.stdout


def test_each_sample_works_as_it_is(published: Path):
    text = shown(published, "howto/manage-something").get_text()
    assert len(SAMPLES) == 5
    assert "leaves a value alone✓" in text
    assert "print(1 + 1)" in text
    assert "ZeroDivisionError: division by zero" in text
    assert "Juju 4" not in text  # a note to other writers


def test_a_change_that_is_not_true_is_not_published(published: Path):
    guide = published / GUIDE
    text = guide.read_text()
    output, block = "42 iterations\n", "from ops import testing\n"
    assert text.count(output) == text.count(block) == 1
    guide.write_text(text.replace(output, "43 iterations\n"))
    done = make_in(published, "html")
    assert done.returncode != 0
    line = text[: text.index(block)].count("\n") + 1
    assert f"{GUIDE}:{line}: WARNING: the output differs" in done.stdout
    assert "+ 42 iterations" in done.stdout
    assert not (published / "_build/html").exists()

    guide.write_text(text)
    done = make_in(published, "html")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param([], "'' is no name of a guide: ", id="none"),
        pytest.param(["NAME="], "'' is no name of a guide: ", id="empty"),
        pytest.param(["NAME=manage"], "'manage' is no name", id="one-word"),
        pytest.param(["NAME=Manage-Something"], "'Manage-Something' is no name", id="capitals"),
        pytest.param(["NAME=manage_something"], "'manage_something' is no name", id="underscore"),
        pytest.param(["NAME=manage something"], "'manage something' is no name", id="space"),
        pytest.param(["NAME=../manage-something"], "'../manage-something' is no name", id="path"),
        pytest.param(["NAME=--help-me"], "'--help-me' is no name", id="option"),
        pytest.param(
            ["NAME=stored-state"], "examples/stored-state exists already", id="an-example's"
        ),
        pytest.param(
            ["NAME=manage-stored-state"],
            "docs/howto/manage-stored-state.md exists already",
            id="a-guide's",
        ),
        pytest.param(
            ["NAME=get-started-with-charm-testing"],
            "docs/explanation/get-started-with-charm-testing.md has that label",
            id="another-page's",
        ),
        pytest.param(
            ["NAME=write-unit-tests-for-a-charm"],
            "docs/redirects.toml has that address",
            id="an-old-page's",
        ),
    ],
)
def test_a_name_is_refused(project: Path, arguments: list[str], message: str):
    before = contents_of(project)
    done = make_in(project, "new-guide", *arguments)
    assert done.returncode != 0
    said, by_make = done.stdout.splitlines()
    assert said.startswith(message)
    assert by_make.startswith("make: ***")
    assert contents_of(project) == before


def test_a_name_that_holds_the_models_name_is_written_once(tmp_path: Path):
    for name in ("docs", "examples"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=NOT_COPIED)
    _, _, listing = start_guide(tmp_path, "clear-stored-state")
    text = listing.read_text()
    assert "{ref}`clear-stored-state`" in text
    assert "examples/clear-stored-state/src/charm.py" in text
    assert "clear-clear" not in text
