"""A pytest plugin: a run of integration tests whose `juju` is the stand-in.

Load it with `-p juju_command.plugin`, and say which kind of cloud the stand-in has.
"""

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hook_environment.answering import answering

from juju_command.controller import Controller
from juju_command.pebble import serving

_STACK = pytest.StashKey[contextlib.ExitStack]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option."""
    parser.addoption(
        "--stand-in-for-juju",
        choices=("k8s", "machine"),
        required=True,
        help="what the stand-in deploys charms on",
    )


def pytest_report_header(config: pytest.Config) -> str:
    """Say what runs, and what does not."""
    cloud = config.getoption("--stand-in-for-juju")
    return f"juju: no Juju, but a stand-in for the command ({cloud}), and its own time"


def pytest_sessionstart(session: pytest.Session) -> None:
    """Put the stand-in where Jubilant looks for the command, and stop the clock."""
    stack = contextlib.ExitStack()
    session.config.stash[_STACK] = stack
    stack.enter_context(_standing_in(session.config.getoption("--stand-in-for-juju") == "k8s"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Take it away."""
    session.config.stash[_STACK].close()


@contextlib.contextmanager
def _standing_in(is_kubernetes: bool) -> Iterator[None]:
    # What measures this process does not measure the charms.
    os.environ.pop("COVERAGE_PROCESS_START", None)
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cluster = stack.enter_context(serving()) if is_kubernetes else None
        controller = Controller(directory, cluster)
        found = stack.enter_context(answering(["juju"], controller.run))
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in found.items():
            patch.setenv(name, value, prepend=os.pathsep if name == "PATH" else None)
        seconds = 0.0

        def sleep(duration: float) -> None:
            nonlocal seconds
            seconds += duration
            controller.pass_time(duration)

        patch.setattr(time, "sleep", sleep)
        patch.setattr(time, "monotonic", lambda: seconds)
        yield
