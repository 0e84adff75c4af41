"""A charm in a process of its own, which starts fast: it is forked off one that has ops already.

An integration test runs dozens of hooks, and two thirds of each is Python importing ops. What a
packed charm's `dispatch` does besides, `tests/proofs/test_dispatch.py` shows.
"""

import multiprocessing
import os
import runpy
import shutil
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import IO, Any

import ops.pebble

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["ops"])
PEBBLE = "JUJU_COMMAND_PEBBLE"
"""The variable that says where a unit's containers have their Pebble."""


class CharmProcess:
    """A dispatch, as `hook_environment.Unit` starts it: what it has of `subprocess.Popen`.

    Args:
        command: the charm's `dispatch`, in its folder.
        cwd: this folder.
        env: the environment.
        stdout: where to write what the charm prints.
        stderr: where to write what it prints as errors.
        other: is as in any process that is forked off.
    """

    def __init__(
        self,
        command: list[Path],
        *,
        cwd: Path,
        env: dict[str, str],
        stdout: IO[bytes],
        stderr: IO[bytes],
        **other: Any,
    ):
        self._printed = [
            (tempfile.NamedTemporaryFile(), printed)  # noqa: SIM115
            for printed in (stdout, stderr)
        ]
        self._process = _CONTEXT.Process(
            target=_run, args=(cwd, env, *(file.name for file, _ in self._printed))
        )
        self._process.start()

    def wait(self) -> int:
        """Wait for the end, and return the exit status; negative for a signal."""
        self._process.join()
        for file, printed in self._printed:
            shutil.copyfileobj(file, printed)
            file.close()
        return self._process.exitcode or 0


def _run(directory: Path, environment: dict[str, str], *printed: str) -> None:
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    for descriptor, path in enumerate(printed, 1):
        os.dup2(os.open(path, os.O_WRONLY), descriptor)
    sys.argv = ["src/charm.py"]
    sys.path[0] = "src"
    if PEBBLE in environment:
        ops.pebble.Client = _Client
    runpy.run_path("src/charm.py", run_name="__main__")


class _Client(ops.pebble.Client):
    """A client of the stand-in's Pebble: a charm looks in `/charm`, where no test may write."""

    def __init__(self, socket_path: str):
        address = f"{os.environ[PEBBLE]}/{Path(socket_path).parent.name}"
        without_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        super().__init__(socket_path, opener=without_proxy, base_url=address)
