"""The stand-in, where this process and its children look for the command `juju`."""

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


@contextlib.contextmanager
def standing_in(*, kubernetes: bool) -> Iterator[None]:
    """Have a `juju` on the PATH, and a clock that goes on only while this process sleeps.

    Args:
        kubernetes: whether charms are deployed in pods; if not, on machines.
    """
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cluster = stack.enter_context(serving()) if kubernetes else None
        controller = Controller(directory, cluster)
        found = stack.enter_context(answering(["juju"], controller.run))
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in found.items():
            patch.setenv(name, value, prepend=os.pathsep if name == "PATH" else None)
        patch.setattr(time, "sleep", controller.pass_time)
        patch.setattr(time, "monotonic", lambda: controller.seconds)
        yield
