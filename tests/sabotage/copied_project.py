"""A copy of the project that a test may damage, warm so that one check takes seconds."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", "_build", "__pycache__", ".*_cache", ".tox")
# What a check leaves behind, and what the next one starts from.
BUILT = ("html", "doctrees", "stamps", "doctest", "refused")
# What is known of the installed packages, and what of the project is proven.
PROVEN = ("doctrees/inventories", "doctrees/evergreen-evidence.json")
BIN = ROOT / ".venv/bin"
BYTECODE = ROOT / ".venv/pycache"


def carry_over(build: Path, *names: str) -> None:
    """Copy what the project has built, if it has, into another `_build`: it need not be again."""
    for name in names:
        kept, copy = ROOT / "_build" / name, build / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if kept.is_dir():
            shutil.copytree(kept, copy)
        elif kept.exists():
            shutil.copy2(kept, copy)


def inherited_environment() -> dict[str, str]:
    """Return this process's environment, without what is not for a command in a copy."""
    return {
        name: value
        for name, value in os.environ.items()
        # Of make and pytest that run this very test; of the service that runs them.
        if not name.startswith(("MAKE", "MFLAGS", "PYTEST_", "GITHUB_", "READTHEDOCS"))
    }


def run_in(
    folder: Path, *command: str | Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in a copy, with variables of the environment by keyword."""
    return subprocess.run(
        command,
        cwd=folder,
        # Sphinx colours what it prints where CI is set.
        env={**inherited_environment(), "NO_COLOR": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def make_in(
    folder: Path, *goals: str, commands: Path = BIN, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run make in a copy, with variables of the environment by keyword.

    Args:
        folder: the copy.
        goals: make's arguments.
        commands: the folder of the commands that make runs.
        environment: the variables.
    """
    # Under the copy's own path, each copy would compile all of the environment anew.
    tools = [f"BIN={commands}", f"PYTHONPYCACHEPREFIX={BYTECODE}"]
    return run_in(folder, "make", "--no-print-directory", *tools, *goals, **environment)


class Project:
    """A copy of the project, and what is needed to put it back as it was."""

    def __init__(self, folder: Path, pristine: Path, commands: Path) -> None:
        self.folder = folder
        self.commands = commands
        self._pristine = pristine

    def check(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `make check`, with variables of the environment by keyword."""
        return self.make("check", **environment)

    def make(self, *goals: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run make, with variables of the environment by keyword."""
        # Who asks for other libraries gets a Python that has imported none.
        commands = BIN if "PYTHONPATH" in environment else self.commands
        return make_in(self.folder, *goals, commands=commands, **environment)

    def run(self, *command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the copy."""
        return run_in(self.folder, *command, **environment)

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
