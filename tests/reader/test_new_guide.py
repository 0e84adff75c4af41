"""A writer follows CONTRIBUTING.md from a clone to a new guide."""

import dataclasses
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from new_guide import start_guide

pytestmark = pytest.mark.xdist_group("new-guide")

ROOT = Path(__file__).parents[2]
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", "_build", "__pycache__", ".*_cache", ".tox")
GUIDE = "docs/howto/manage-something.md"
SAMPLES: list[str] = re.findall(
    r"^````md\n(.*?)^````$", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL | re.MULTILINE
)


@dataclasses.dataclass(frozen=True)
class Published:
    """What the first build with a new guide has published."""

    folder: Path
    """The copy of the project."""
    proven: set[str]
    """The pages and examples whose proofs have run, and passed."""
    text: str
    """What a reader sees of the guide."""
    contents: list[str]
    """Where the list of the guides leads."""


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        # Of make and pytest that run this very test; of the service that runs them.
        if not name.startswith(("MAKE", "MFLAGS", "PYTEST_", "GITHUB_", "READTHEDOCS"))
    }
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=folder,
        env=inherited,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def contents_of(folder: Path) -> dict[Path, bytes]:
    """Return the files that a new guide could change, by path."""
    paths = [path for name in ("docs", "examples") for path in (folder / name).rglob("*")]
    return {path: path.read_bytes() for path in paths if path.is_file()}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project."""
    folder = tmp_path_factory.mktemp("writer") / "project"
    shutil.copytree(ROOT, folder, ignore=NOT_COPIED)
    (folder / ".venv").symlink_to(ROOT / ".venv", target_is_directory=True)
    return folder


@pytest.fixture(scope="module")
def published(project: Path) -> Published:
    """Return what is published of a new guide to which each sample has been added."""
    # What the project has proven already need not be again.
    for name in ("inventories", "evergreen-proven.json"):
        kept, copy = ROOT / "_build/doctrees" / name, project / "_build/doctrees" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if kept.is_dir():
            shutil.copytree(kept, copy)
        elif kept.exists():
            shutil.copy2(kept, copy)
    done = make(project, "new-guide", "NAME=manage-something")
    assert done.returncode == 0, done.stdout
    assert GUIDE in done.stdout

    guide = project / GUIDE
    guide.write_text("\n".join([guide.read_text(), "## Samples\n", *SAMPLES]))
    done = make(project, "html")
    assert done.returncode == 0, done.stdout
    proven = json.loads((project / "_build/doctrees/evergreen-proven.json").read_text())
    html = project / "_build/html/howto"
    page = BeautifulSoup((html / "manage-something/index.html").read_text(), "lxml")
    index = BeautifulSoup((html / "index.html").read_text(), "lxml")
    contents = [str(link["href"]) for link in index.select(".toctree-wrapper a")]
    return Published(project, set(proven), page.get_text(), contents)


def test_the_new_guide_is_published(published: Published):
    assert "How to manage something" in published.text
    assert "manage-something/" in published.contents


def test_its_blocks_and_its_example_are_proven(published: Published):
    assert {GUIDE, "examples/manage-something"} <= published.proven


def test_each_sample_works_as_it_is(published: Published):
    assert len(SAMPLES) == 4
    assert "print(1 + 1)" in published.text
    assert "ZeroDivisionError: division by zero" in published.text
    assert "Juju 4" not in published.text  # a note to other writers


def test_a_change_that_is_not_true_is_not_published(published: Published):
    guide = published.folder / GUIDE
    text = guide.read_text()
    shown = "42 iterations\n"
    assert text.count(shown) == 1
    guide.write_text(text.replace(shown, "43 iterations\n"))
    done = make(published.folder, "html")
    assert done.returncode != 0
    assert f"{GUIDE}:{text[: text.index(shown)].count(chr(10)) + 1}:" in done.stdout
    assert not (published.folder / "_build/html").exists()

    guide.write_text(text)
    done = make(published.folder, "html")
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
    done = make(project, "new-guide", *arguments)
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
