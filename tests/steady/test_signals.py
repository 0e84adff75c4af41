"""What is ended in the middle leaves no site and no process; an install copes with its path."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from copied_project import BIN, BYTECODE, NOT_COPIED, ROOT, carry_over, inherited_environment

PROOF = "tests/proofs/test_tools.py"
# What Python runs, late or soon, in a build that has something to prove. Bash has it in its own
# command from the start, when it cannot tell anyone yet.
MOMENTS = ("-m sphinx", "pytest.main(")
# In place of Python: it writes down its arguments, one call a line, and makes an environment whose
# Python it is, too.
STUB = """#!/bin/bash
printf "<%s>" "$@" >> "$LOG"
echo >> "$LOG"
case "$*" in
  "-m venv"*) mkdir -p .venv/bin; rm -f .venv/installed; cp "$0" .venv/bin/python;;
  "-m pip"*) echo "Collecting ops==3 (from -r requirements.txt)"; echo "ops: noise"; eval "$PIP";;
esac
"""
VERSION = "<-c><import sys; sys.exit(sys.version_info < (3, 11))>"
VENV = "<-m><venv><--clear><.venv>"
PIP = "<-m><pip><install><--disable-pip-version-check><--require-hashes><-r><requirements.txt>"

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc as Linux has it")


def start(project: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start make in a copy, with variables of the environment by keyword."""
    return subprocess.Popen(
        ["make", "--no-print-directory", *arguments],
        cwd=project,
        env={**inherited_environment(), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def running_in(project: Path) -> list[str]:
    """Return the commands of the processes that are in a folder or below."""
    commands = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(project):
                commands.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:  # it has ended, or is another user's
            continue
    return commands


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something holds, for a minute at most."""
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    pytest.fail("nothing has come of it in a minute")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """Yield a copy of the project in a path with spaces, without an environment."""
    project = tmp_path / "a path with spaces" / "the project"
    shutil.copytree(ROOT, project, ignore=NOT_COPIED)
    yield project
    shutil.rmtree(BYTECODE / tmp_path.relative_to(tmp_path.anchor), ignore_errors=True)


# Building


@on_linux
@pytest.mark.parametrize("kill", [os.kill, os.killpg], ids=["make", "group"])
def test_a_build_that_is_told_to_end_leaves_no_site_and_no_process(
    project: Path, kill: Callable[[int, int], None]
):
    (project / ".venv").symlink_to(ROOT / ".venv", target_is_directory=True)
    carry_over(project / "_build", "html", "doctrees")
    test = project / PROOF
    for moment in MOMENTS:
        # Something to prove.
        test.write_text(f"{test.read_text()}\n# More.\n")
        process = start(project, f"BIN={BIN}", f"PYTHONPYCACHEPREFIX={BYTECODE}", "html")
        wait_for(
            lambda moment=moment: any(
                each.startswith(str(BIN)) and moment in each for each in running_in(project)
            )
        )
        kill(process.pid, signal.SIGTERM)
        assert process.wait() != 0
        assert running_in(project) == []
        assert not (project / "_build/html").exists()
        assert not (project / "_build/unproven").exists()


# Installing


@pytest.fixture
def log(project: Path) -> Path:
    """Return where the stub writes; it is on the path before any other Python."""
    stub = project.parent / "programs/python3"
    stub.parent.mkdir()
    stub.write_text(STUB)
    stub.chmod(0o755)
    return project.parent / "log"


def install(project: Path, log: Path, pip: str) -> subprocess.Popen[str]:
    """Start an install in which pip does what a line of Bash says."""
    log.write_text("")
    path = f"{project.parent / 'programs'}{os.pathsep}{os.environ['PATH']}"
    return start(project, ".venv/installed", PATH=path, LOG=str(log), PIP=pip)


def test_installing_in_a_path_with_spaces(project: Path, log: Path):
    process = install(project, log, "true")
    printed, _ = process.communicate()
    assert process.returncode == 0, printed
    assert log.read_text().splitlines() == [VERSION, VENV, PIP]
    assert printed.splitlines()[1:] == ["Collecting ops==3"]
    assert (project / ".venv/installed").exists()
    # What make was to do there, it has done there.
    assert sorted(path.name for path in project.parent.iterdir()) == [
        *("log", "programs", "the project"),
    ]


def test_an_install_that_fails_is_made_anew(project: Path, log: Path):
    process = install(project, log, "exit 1")
    printed, _ = process.communicate()
    assert process.returncode == 2, printed
    assert not (project / ".venv/installed").exists()
    process = install(project, log, "true")
    printed, _ = process.communicate()
    assert process.returncode == 0, printed
    assert log.read_text().splitlines() == [VERSION, VENV, PIP]


@on_linux
@pytest.mark.parametrize("kill", [os.kill, os.killpg], ids=["make", "group"])
def test_an_install_that_is_told_to_end_leaves_no_process(
    project: Path, log: Path, kill: Callable[[int, int], None]
):
    process = install(project, log, "sleep 600")
    wait_for(lambda: PIP in log.read_text())
    kill(process.pid, signal.SIGTERM)
    assert process.wait() != 0
    assert running_in(project) == []
    assert not (project / ".venv/installed").exists()
