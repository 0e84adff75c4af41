"""One copy of the project for each worker, put back after each test."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from copied_project import BYTECODE, NOT_COPIED, PROVEN, ROOT, Project, carry_over


@pytest.fixture(scope="session")
def checked_project(tmp_path_factory: pytest.TempPathFactory, commands: Path) -> Iterator[Project]:
    """Yield a copy of the project, proven and built.

    What a check runs after that holds in the project, or `make test` would not have come here.
    """
    folder = tmp_path_factory.mktemp("sabotage")
    project = Project(folder / "project", folder / "pristine", commands)
    shutil.copytree(ROOT, project.folder, ignore=NOT_COPIED)
    carry_over(project.folder / "_build", "stamps", *PROVEN)
    (project.folder / ".venv").symlink_to(ROOT / ".venv", target_is_directory=True)
    done = project.make("html", "lint")
    assert done.returncode == 0, done.stdout
    project.keep()
    yield project
    shutil.rmtree(BYTECODE / folder.relative_to(folder.anchor), ignore_errors=True)


@pytest.fixture
def project(checked_project: Project) -> Iterator[Project]:
    """Yield the copy, and put it back afterwards."""
    yield checked_project
    checked_project.restore()


@pytest.fixture
def folder(project: Project) -> Path:
    """Return the copy's folder."""
    return project.folder


@pytest.fixture
def check(project: Project) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs `make check` in the copy, with variables by keyword."""
    return project.check
