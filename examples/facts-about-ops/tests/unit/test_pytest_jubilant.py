"""What pytest-jubilant does, with a stand-in for the command `juju` that notes its calls."""

import os
import pathlib
import subprocess
import sys

import pytest

TEST_CHARM = """\
import pytest


@pytest.mark.juju_setup
def test_deploy(juju):
    juju.cli("deploy", "demo")


def test_look(juju):
    juju.cli("status")


@pytest.mark.juju_teardown
def test_remove(juju):
    juju.cli("remove-application", "demo")
"""
TEST_OTHER = """\
def test_look(juju):
    juju.cli("status")
"""
# The plugin waits for Juju's log.
CONFTEST = """\
import time

time.sleep = lambda seconds: None
"""


class Project:
    """A folder with two files of integration tests."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self._calls = folder / "calls"
        command = folder / "bin" / "juju"
        command.parent.mkdir()
        command.write_text(f"#!/bin/sh\necho \"juju $*\" >>'{self._calls}'\n")
        command.chmod(0o755)
        (folder / "conftest.py").write_text(CONFTEST)
        (folder / "test_charm.py").write_text(TEST_CHARM)
        (folder / "test_other.py").write_text(TEST_OTHER)

    def run(self, *options: str) -> list[str]:
        """Run the tests; return the commands that this ran, constraints of models left out."""
        plugins = ["-p", "pytest-jubilant", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *plugins, "--rootdir", ".", *options, "."],
            cwd=self.folder,
            env={
                "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            },
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        calls = self._calls.read_text().splitlines()
        return [call for call in calls if "model-constraints" not in call]


@pytest.fixture
def project(tmp_path: pathlib.Path) -> Project:
    """Return a new project."""
    return Project(tmp_path)


def test_each_file_has_a_model_which_is_removed_afterwards(project: Project):
    assert project.run("--juju-model", "try") == [
        "juju add-model --no-switch try-test-charm",
        "juju deploy --model try-test-charm demo",
        "juju status --model try-test-charm",
        "juju remove-application --model try-test-charm demo",
        "juju destroy-model try-test-charm --no-prompt --destroy-storage --force",
        "juju add-model --no-switch try-test-other",
        "juju status --model try-test-other",
        "juju destroy-model try-test-other --no-prompt --destroy-storage --force",
    ]


def test_no_juju_teardown_keeps_the_models(project: Project):
    assert project.run("--juju-model", "try", "--no-juju-teardown") == [
        "juju add-model --no-switch try-test-charm",
        "juju deploy --model try-test-charm demo",
        "juju status --model try-test-charm",
        "juju add-model --no-switch try-test-other",
        "juju status --model try-test-other",
    ]


def test_no_juju_teardown_leaves_out_what_the_marker_marks(project: Project):
    removal = "juju remove-application --model try-test-charm demo"
    calls = project.run("--juju-model", "try", "--no-juju-teardown")
    assert "juju status --model try-test-charm" in calls
    assert removal not in calls
    assert removal in project.run("--juju-model", "try")


def test_no_juju_setup_makes_no_model_and_leaves_out_what_the_marker_marks(project: Project):
    calls = project.run("--juju-model", "try", "--no-juju-setup", "--no-juju-teardown")
    assert calls == ["juju status --model try-test-charm", "juju status --model try-test-other"]


def test_juju_dump_logs_writes_the_log_of_each_model(project: Project):
    project.run("--juju-model", "try", "--juju-dump-logs", "logs")
    logs = sorted(path.name for path in (project.folder / "logs").iterdir())
    assert logs == ["try-test-charm-juju-debug.log", "try-test-other-juju-debug.log"]
