"""A pytest plugin: a run of integration tests whose `juju` is the stand-in.

Load it with `-p juju_command.plugin`, and say which kind of cloud the stand-in is to have.
"""

import contextlib
import os

import pytest

from juju_command.standing_in import standing_in


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option."""
    parser.addoption(
        "--stand-in-for-juju",
        choices=("k8s", "machine"),
        required=True,
        help="what the stand-in deploys charms on",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Put the stand-in where Jubilant looks for the command, for the whole run."""
    # What measures the tests does not measure the charms.
    os.environ.pop("COVERAGE_PROCESS_START", None)
    stack = contextlib.ExitStack()
    config.add_cleanup(stack.close)
    stack.enter_context(standing_in(kubernetes=config.getoption("--stand-in-for-juju") == "k8s"))


def pytest_report_header(config: pytest.Config) -> str:
    """Say what runs, and what does not."""
    cloud = config.getoption("--stand-in-for-juju")
    return f"juju: no Juju, but a stand-in for the command ({cloud}), with a time of its own"
