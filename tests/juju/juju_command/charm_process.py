"""A charm in a process of its own, which starts fast: it is forked off one that has ops already.

An integration test runs dozens of hooks, and two thirds of each is Python importing ops. Most of
the rest is Bash starting for each hook command, so the charm gets its answers without. What a
packed charm's `dispatch` does besides, `tests/proofs/test_dispatch.py` shows.
"""

import multiprocessing
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import ops.pebble
from hook_environment.answering import ask
from hook_environment.unit import HOOK_COMMANDS

_CONTEXT = multiprocessing.get_context("forkserver")
# What this module imports itself is not found there, and is small.
_CONTEXT.set_forkserver_preload(["ops", "urllib.request", "yaml"])
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
    subprocess.run = _run_command
    if PEBBLE in environment:
        ops.pebble.Client = _Client
    runpy.run_path("src/charm.py", run_name="__main__")


_run_process = subprocess.run


def _run_command(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command as `subprocess.run` does, and a hook command without a process."""
    name, arguments = Path(command[0]).name, command[1:]
    if name not in HOOK_COMMANDS:
        return _run_process(command, **options)
    piped = options["input"] if "--file" in arguments else ""
    status, output, error = ask(name, arguments, piped)
    if options.get("check") and status:
        raise subprocess.CalledProcessError(status, command, output, error)
    return subprocess.CompletedProcess(command, status, output, error)


class _Client(ops.pebble.Client):
    """A client of the stand-in's Pebble: a charm looks in `/charm`, where no test may write."""

    def __init__(self, socket_path: str):
        address = f"{os.environ[PEBBLE]}/{Path(socket_path).parent.name}"
        without_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        super().__init__(socket_path, opener=without_proxy, base_url=address)
