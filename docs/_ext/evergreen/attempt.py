"""An attempt: something done in isolation that returns a text, under limits that it may set."""

from __future__ import annotations

import functools
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable

from evergreen.isolation import Tell, isolate

# It ends itself by then, as its own limit says.
_LONGER_THAN_ANY_LIMIT = 24 * 60 * 60.0
_TIMES_AS_LONG = 5
_patience = 1


def attempt(
    action: Callable[[], str], seconds: float, clean_up: Callable[[], None] = lambda: None
) -> str | None:
    """Return what an action returns in a fork of this process; None when it takes too long.

    What it prints is lost. It may call `set_time_limit` for another limit. On a machine that is
    busy with something else a clock says little: what has had the processor for less than a
    quarter of its time has another attempt, which may take five times as long.

    Args:
        action: what to do.
        seconds: how long it may take.
        clean_up: is called after each attempt, to undo what stays of it outside of its process.

    Returns:
        What it returns; an empty text when it ends its process.

    Raises:
        ChildProcessError: when it raises; its traceback has been printed.
    """

    def act(patience: int, tell: Tell) -> None:
        global _patience
        _patience = patience
        set_time_limit(seconds)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        try:
            tell([action(), ""])
        except BaseException:
            tell(["", traceback.format_exc()])

    before = time.monotonic()
    ending = isolate(functools.partial(act, 1), _LONGER_THAN_ANY_LIMIT)
    clean_up()
    if ending.is_late and 4 * ending.processor_seconds < time.monotonic() - before:
        ending = isolate(functools.partial(act, _TIMES_AS_LONG), _LONGER_THAN_ANY_LIMIT)
        clean_up()
    if ending.is_late:
        return None
    ((result, error),) = ending.told or (("", ""),)
    if error:
        print(error, file=sys.__stderr__)
        raise ChildProcessError("an attempt failed, see above")
    return str(result)


def set_time_limit(seconds: float) -> None:
    """End this process when so much time has passed from now on, or more on a busy machine."""
    # By default the signal ends the process, whatever code it is in.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds * _patience)
