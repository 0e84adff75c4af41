"""Isolation: something done in a fork of this process, which can neither hang nor end it."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import os
import select
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

_CHUNK = 2**16

Tell = Callable[[object], None]
"""Tells the process that waits something, which JSON can hold."""


@dataclasses.dataclass(frozen=True)
class Ending:
    """How something that was done in a fork has ended."""

    told: tuple[Any, ...]
    """What it told, in order."""
    is_late: bool
    """Whether it was ended, by its own alarm too, because it took too long."""
    processor_seconds: float = dataclasses.field(default=0.0, compare=False)
    """How much of a processor's time it took, with the processes that it has waited for."""


def isolate(action: Callable[[Tell], None], seconds: float) -> Ending:
    """Do something in a fork of this process.

    What it does to the memory, the environment or the current folder ends with the fork, and so
    do the processes that it has started.

    Args:
        action: what to do.
        seconds: how long it may take.
    """
    # Else the fork would write once more what is not written yet.
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    child = os.fork() or _act(action, writing)
    os.close(writing)
    end = time.monotonic() + seconds
    told = bytearray()
    is_late = False
    try:
        while True:
            is_readable, _, _ = select.select([reading], [], [], max(0, end - time.monotonic()))
            chunk = os.read(reading, _CHUNK) if is_readable else b""
            is_late = not is_readable
            told += chunk
            if not chunk:
                break
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        # Whoever is interrupted at once ends it before it has a group of its own.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        _, status, used = os.wait4(child, 0)
    is_late = is_late or os.waitstatus_to_exitcode(status) == -signal.SIGALRM
    # The last line is not whole when the process was ended within it.
    lines = told.decode().split("\n")[:-1]
    return Ending(tuple(map(json.loads, lines)), is_late, used.ru_utime + used.ru_stime)


def enter(folder: Path) -> None:
    """Make a folder this process's own: the current one, the home, and that of temporary files."""
    os.chdir(folder)
    os.environ["HOME"] = os.environ["TMPDIR"] = tempfile.tempdir = str(folder)


def _write(writing: int, message: object) -> None:
    line = memoryview(f"{json.dumps(message)}\n".encode())
    while line:
        line = line[os.write(writing, line) :]


def _act(action: Callable[[Tell], None], writing: int) -> NoReturn:
    try:
        os.setpgid(0, 0)
        # The pipe stays open: once it is closed, this process is ended.
        try:
            action(functools.partial(_write, writing))
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(os.EX_OK)
