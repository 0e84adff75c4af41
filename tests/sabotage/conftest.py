"""A copy of the project that a test may damage, warm so that one check takes seconds."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", "_build", "__pycache__", ".*_cache", ".tox")
# What a check leaves behind, and what the next one starts from.
BUILT = ("html", "doctrees", "stamps", "doctest")


class Project:
    """A copy of the project, and what is needed to put it back as it was."""

    def __init__(self, folder: Path, pristine: Path) -> None:
        self.folder = folder
        self._pristine = pristine

    def check(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `make check`."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            # Of make and pytest that run this very test; of the service that runs them.
            if not name.startswith(("MAKE", "MFLAGS", "PYTEST_", "GITHUB_", "READTHEDOCS"))
        }
        return subprocess.run(
            ["make", "--no-print-directory", "check"],
            cwd=self.folder,
            env={**inherited, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def keep(self) -> None:
        """Remember how the copy is now."""
        self._copy(self.folder, self._pristine)

    def restore(self) -> None:
        """Put the copy back as it was when it was kept."""
        for path in self.folder.iterdir():
            if path.name not in (".venv", "_build"):
                _remove(path)
        for name in BUILT:
            _remove(self.folder / "_build" / name)
        self._copy(self._pristine, self.folder)

    @staticmethod
    def _copy(source: Path, target: Path) -> None:
        shutil.copytree(source, target, ignore=NOT_COPIED, symlinks=True, dirs_exist_ok=True)
        for name in BUILT:
            if (source / "_build" / name).exists():
                built = target / "_build" / name
                shutil.copytree(source / "_build" / name, built, dirs_exist_ok=True)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def checked_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a copy of the project in which everything holds."""
    folder = tmp_path_factory.mktemp("sabotage")
    project = Project(folder / "project", folder / "pristine")
    shutil.copytree(ROOT, project.folder, ignore=NOT_COPIED)
    # What has been proven and linted already need not be again.
    for name in ("stamps", "doctrees/inventories", "doctrees/evergreen-evidence.json"):
        kept, copy = ROOT / "_build" / name, project.folder / "_build" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if kept.is_dir():
            shutil.copytree(kept, copy)
        elif kept.exists():
            shutil.copy2(kept, copy)
    (project.folder / ".venv").symlink_to(ROOT / ".venv", target_is_directory=True)
    done = project.check()
    assert done.returncode == 0, done.stdout
    project.keep()
    return project


@pytest.fixture
def folder(checked_project: Project) -> Iterator[Path]:
    """Yield the copy's folder, and put the copy back afterwards."""
    yield checked_project.folder
    checked_project.restore()


@pytest.fixture
def check(checked_project: Project) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs `make check` in the copy, with variables by keyword."""
    return checked_project.check
