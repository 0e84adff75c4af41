"""What a unit with the charm `twins.py` has stored, and what a kill in the middle would leave."""

import functools
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from hook_environment import Done, Unit
from ops.storage import NoSnapshotError, SQLiteStorage

TWINS = Path(__file__).with_name("twins.py").read_text()
Files = dict[str, bytes]


def stored_by(unit: Unit) -> str:
    """Return what the charm reads back in its next event, "1 1" for example."""
    return unit.dispatch("config-changed").check().output.strip()


def bag_of(unit: Unit) -> dict[str, str]:
    """Return the unit's databag, as it has been committed."""
    return unit.model.bags.get((0, unit.name), {})


def last_error(done: Done) -> str:
    """Return the last line of the traceback in Juju's log."""
    (traceback,) = [message for level, message in done.hook.log if level == "ERROR"]
    return traceback.rstrip().splitlines()[-1]


def files_of(unit: Unit) -> Files:
    """Return the file of StoredState, and the journal that SQLite has beside it for a while."""
    return {path.name: path.read_bytes() for path in unit.directory.glob(".unit-state.db*")}


def put(unit: Unit, files: Files) -> None:
    """Replace what `files_of` returns."""
    for path in unit.directory.glob(".unit-state.db*"):
        path.unlink()
    for name, content in files.items():
        (unit.directory / name).write_bytes(content)


def read_as_ops(path: Path) -> tuple[int, int] | None:
    """Return both counts as the next event's ops would read them, or None if there are none."""
    storage = SQLiteStorage(path)
    try:
        one, other = (
            storage.load_snapshot(f"Twins/StoredStateData[{name}]") for name in ("_one", "_other")
        )
    except NoSnapshotError:
        return None
    finally:
        storage.close()
    for each in (one, other):
        assert each["filler"] == str(each["count"]) * 10_000 * each["count"]
    return one["count"], other["count"]


def states_of_a_hook(unit: Unit) -> list[Files]:
    """Run a hook; return each different state in which a kill would leave the files, in order.

    There is one at each system call that touches them. Where the kernel does not tell of these
    calls (`traced.py`), hooks are killed at some moments instead.
    """
    before = files_of(unit)
    return watch(unit)[1] or _states_after_kills(unit, before)


def watch(unit: Unit) -> tuple[int, list[Files]]:
    """Run a hook; return how many calls touch the files, and each different state left at one.

    Both are nothing where the kernel does not tell.
    """
    if sys.platform != "linux":
        return 0, []
    states: list[Files] = []
    count = 0

    def look(calls: int) -> bool:
        nonlocal count
        count = calls + 1
        files = files_of(unit)
        if files not in states:
            states.append(files)
        return False

    dispatch_stopping(unit, look).check()
    if states:
        states.append(files_of(unit))
    return count, states


def dispatch_stopping(unit: Unit, at_call: Callable[[int], bool]) -> Done:
    """Run a hook, with a stop at each system call that touches the files."""
    from traced import Traced

    return unit.dispatch("update-status", start=functools.partial(Traced, at_call=at_call))


class Killed:
    """Starts a process, and kills it when told to."""

    def __init__(self, after: float | None = None):
        self.after = after

    def start(self, *args, **kwargs) -> subprocess.Popen:
        """Start a process as `subprocess.Popen` does; kill it after some seconds, if any."""
        self.process = subprocess.Popen(*args, **kwargs)
        if self.after is not None:
            threading.Timer(self.after, self.process.kill).start()
        return self.process


def _states_after_kills(unit: Unit, before: Files) -> list[Files]:
    start = time.perf_counter()
    unit.dispatch("update-status").check()
    takes = time.perf_counter() - start
    after = files_of(unit)
    states = []
    for moment in range(10):
        put(unit, before)
        done = unit.dispatch("update-status", start=Killed(takes * moment / 10).start)
        assert done.status in (0, -signal.SIGKILL)
        states.append(files_of(unit))
    return [before, *states, after]
