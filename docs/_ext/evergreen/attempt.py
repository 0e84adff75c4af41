"""An attempt: something done in a process of its own, under a time limit."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable
from typing import NoReturn


def attempt(action: Callable[[], str], seconds: float) -> str | None:
    """Return what an action returns in a fork of this process; None when it takes too long.

    What the action does to the memory ends with its process, and so do the processes that it has
    started. What it prints is lost. It may call `set_time_limit` for another limit.

    Returns:
        What it returns; an empty text when it ends its process.

    Raises:
        ChildProcessError: when it raises; its traceback has been printed.
    """
    reading, writing = os.pipe()
    child = os.fork() or _act(action, seconds, writing)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        result = pipe.read()
    _, status = os.waitpid(child, 0)
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        pass
    if os.waitstatus_to_exitcode(status) == os.EX_SOFTWARE:
        raise ChildProcessError("an attempt failed, see above")
    return None if os.waitstatus_to_exitcode(status) == -signal.SIGALRM else result


def set_time_limit(seconds: float) -> None:
    """End this process when so much time has passed from now on."""
    # By default the signal ends the process, whatever code it is in.
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _act(action: Callable[[], str], seconds: float, writing: int) -> NoReturn:
    status = os.EX_SOFTWARE
    stderr = os.dup(2)
    try:
        os.setpgid(0, 0)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        set_time_limit(seconds)
        os.write(writing, action().encode())
        status = os.EX_OK
    except BaseException:
        os.write(stderr, traceback.format_exc().encode())
    finally:
        os._exit(status)
