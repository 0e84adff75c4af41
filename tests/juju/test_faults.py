"""A hook is killed, or the file of StoredState is damaged: what is lost, and what the log says.

`make soak` kills more often: see `SOAK`.
"""

import functools
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hook_environment import Done, Unit
from ops.storage import NoSnapshotError, SQLiteStorage

Deploy = Callable[..., list[Unit]]
SOAK = int(os.environ.get("EVERGREEN_SOAK", "0"))
"""How many random sequences are wanted; 0 in `make test`, which does with a fixed few."""
TWINS = Path(__file__).with_name("twins.py").read_text()
Files = dict[str, bytes]
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="ptrace as Linux has it")


@pytest.fixture
def fresh(deploy: Deploy) -> Unit:
    """A unit whose charm has stored nothing yet."""
    (unit,) = deploy("keeper", source=TWINS)
    unit.model.enter(unit.name, 0)
    return unit


@pytest.fixture
def counted(fresh: Unit) -> Unit:
    """A unit whose charm has counted one event."""
    fresh.dispatch("update-status").check()
    return fresh


def stored_by(unit: Unit) -> str:
    """Return what the charm reads back in its next event, "1 1" for example."""
    return unit.dispatch("config-changed").check().output.strip()


def bag_of(unit: Unit) -> dict[str, str]:
    return unit.model.bags.get((0, unit.name), {})


def files_of(unit: Unit) -> Files:
    """Return the file of StoredState, and the journal that SQLite has beside it for a while."""
    return {path.name: path.read_bytes() for path in unit.directory.glob(".unit-state.db*")}


def put(unit: Unit, files: Files) -> None:
    for path in unit.directory.glob(".unit-state.db*"):
        path.unlink()
    for name, content in files.items():
        (unit.directory / name).write_bytes(content)


def dispatch_stopping(unit: Unit, at_call: Callable[[int], bool]) -> Done:
    """Run a hook, with a stop at each system call that touches the file."""
    from traced import Traced

    return unit.dispatch("update-status", start=functools.partial(Traced, at_call=at_call))


# Kills


def watch(unit: Unit) -> tuple[int, list[Files]]:
    """Run a hook; return how many calls touch the file, and each different state left at one."""
    states: list[Files] = []

    def look(calls: int) -> bool:
        nonlocal count
        count = calls + 1
        files = files_of(unit)
        if files not in states:
            states.append(files)
        return False

    count = 0
    dispatch_stopping(unit, look).check()
    states.append(files_of(unit))
    return count, states


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
    assert one["filler"] == str(one["count"]) * 10_000
    assert other["filler"] == str(other["count"]) * 10_000
    return one["count"], other["count"]


@on_linux
@pytest.mark.parametrize("before", [0, 1], ids=["first hook", "later hook"])
def test_a_kill_at_any_call_leaves_the_old_values_or_the_new(fresh: Unit, before: int):
    for _ in range(before):
        fresh.dispatch("update-status").check()
    calls, states = watch(fresh)
    assert calls > len(states) > 10
    found = []
    for files in states:
        put(fresh, files)
        found.append(read_as_ops(fresh.state_file))
    old = (before, before) if before else None
    new = (before + 1, before + 1)
    # Once the new values are there, they stay.
    assert set(found) == {old, new}
    assert found == sorted(found, key=[old, new].index)
    # The same, with all of ops and the charm, and no error that lasts.
    for files in states[:: 1 if SOAK else 6]:
        put(fresh, files)
        counts = stored_by(fresh)
        assert counts in (f"{before} {before}", f"{before + 1} {before + 1}")
        if SOAK:
            fresh.dispatch("update-status").check()
            assert stored_by(fresh) == "{0} {0}".format(int(counts.split()[0]) + 1)


@on_linux
def test_killed_at_calls_chosen_at_random_or_at_all(counted: Unit):
    kept, bag = files_of(counted), dict(bag_of(counted))
    calls, _ = watch(counted)
    numbers = range(calls) if SOAK else random.Random(20260131).sample(range(calls), 3)
    for number in numbers:
        put(counted, kept)
        counted.model.bags[0, counted.name] = dict(bag)
        done = dispatch_stopping(counted, lambda count, number=number: count == number)
        assert done.status == -signal.SIGKILL
        assert bag_of(counted) == bag
        assert stored_by(counted) in ("1 1", "2 2")


class Killed:
    """Starts a process, and kills it when told to."""

    def __init__(self, after: float | None = None):
        self.after = after

    def start(self, *args, **kwargs) -> subprocess.Popen:
        self.process = subprocess.Popen(*args, **kwargs)
        if self.after is not None:
            threading.Timer(self.after, self.process.kill).start()
        return self.process


def test_killed_at_each_hook_command(counted: Unit):
    commands = len(counted.dispatch("update-status").check().hook.commands)
    assert commands > 4
    for number in range(commands):
        seen = []
        killed = Killed()

        def kill(name: str, seen: list[str] = seen, killed: Killed = killed, at: int = number):
            if len(seen) == at:
                killed.process.kill()
            seen.append(name)

        done = counted.dispatch("update-status", on_command=kill, start=killed.start)
        assert done.status == -signal.SIGKILL
        assert bag_of(counted) == {"count": "2"}
    assert stored_by(counted) == "2 2"


def test_killed_at_random(counted: Unit):
    choose = random.Random(20260131)
    start = time.perf_counter()
    counted.dispatch("update-status").check()
    takes = time.perf_counter() - start
    count, bag = 2, "2"
    for _ in range(max(6, SOAK // 50)):
        killed = Killed(after=choose.uniform(0, 1.2 * takes))
        done = counted.dispatch("update-status", start=killed.start)
        one, other = map(int, stored_by(counted).split())
        assert one == other
        # The databag has changed if the hook has succeeded; the file may have without.
        if done.status == 0:
            assert one == count + 1
            bag = str(one)
        else:
            assert done.status == -signal.SIGKILL
            assert one in (count, count + 1)
        assert bag_of(counted) == {"count": bag}
        count = one


@on_linux
def test_a_kill_after_ops_has_saved_leaves_the_databag_behind(counted: Unit):
    kept, bag = files_of(counted), dict(bag_of(counted))
    calls, _ = watch(counted)
    put(counted, kept)
    counted.model.bags[0, counted.name] = dict(bag)
    done = dispatch_stopping(counted, lambda count: count == calls - 1)
    assert done.status == -signal.SIGKILL
    assert bag_of(counted) == {"count": "1"}
    assert stored_by(counted) == "2 2"


# A damaged file


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def overwritten(path: Path) -> None:
    path.write_bytes(b"x" * 100 + path.read_bytes()[100:])


def replaced_by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        (truncated, "sqlite3.DatabaseError: database disk image is malformed"),
        (overwritten, "sqlite3.DatabaseError: file is not a database"),
        (replaced_by_a_folder, "sqlite3.OperationalError: unable to open database file"),
    ],
)
def test_a_file_that_cannot_be_read_fails_every_hook_until_it_is_removed(
    counted: Unit, damage: Callable[[Path], None], error: str
):
    damage(counted.state_file)
    for event in ("config-changed", "update-status"):
        done = counted.dispatch(event)
        assert done.status == 1
        assert last_error(done) == error
    assert bag_of(counted) == {"count": "1"}
    if counted.state_file.is_dir():
        counted.state_file.rmdir()
    else:
        counted.state_file.unlink()
    assert stored_by(counted) == "0 0"


def last_error(done: Done) -> str:
    """Return the last line of the traceback in Juju's log."""
    (traceback,) = [message for level, message in done.hook.log if level == "ERROR"]
    return traceback.rstrip().splitlines()[-1]


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: os.truncate(path, 0)])
def test_a_file_that_is_removed_or_emptied_means_the_defaults(
    counted: Unit, damage: Callable[[Path], None]
):
    damage(counted.state_file)
    assert stored_by(counted) == "0 0"
    assert bag_of(counted) == {"count": "1"}


def test_a_changed_value_is_read_as_it_stands(counted: Unit):
    content = counted.state_file.read_bytes()
    counted.state_file.write_bytes(content.replace(b"1111", b"2222"))
    done = counted.dispatch("config-changed")
    # SQLite says nothing: it is the charm that looks.
    assert last_error(done).startswith("AssertionError")


def test_a_read_only_file_is_made_writable(counted: Unit):
    counted.state_file.chmod(0o400)
    counted.dispatch("update-status").check()
    assert stored_by(counted) == "2 2"
    assert counted.state_file.stat().st_mode & 0o777 == 0o600


def test_no_room_for_the_file_fails_every_hook_and_keeps_the_old_values(counted: Unit):
    """A limit of the size of files stands for a full disk.

    On a full disk, SQLite says "database or disk is full" in place of "disk I/O error".
    """
    limit = (1024, 1024)
    start = functools.partial(
        subprocess.Popen, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    )
    for event in ("config-changed", "update-status"):
        done = counted.dispatch(event, start=start)
        assert done.status == 1
        assert last_error(done) == "sqlite3.OperationalError: disk I/O error"
    assert bag_of(counted) == {"count": "1"}
    assert stored_by(counted) == "1 1"


# More than one unit


def test_two_units_count_at_once(deploy: Deploy):
    units = deploy("keeper", units=2, source=TWINS)
    for unit in units:
        unit.model.enter(unit.name, 0)
    threads = [threading.Thread(target=unit.dispatch, args=["update-status"]) for unit in units]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [bag_of(unit) for unit in units] == [{"count": "1"}] * 2
    assert [stored_by(unit) for unit in units] == ["1 1"] * 2


def test_a_hook_does_not_see_what_another_unit_has_not_committed(deploy: Deploy):
    one, other = deploy("peer-data", units=2)
    for unit in (one, other):
        unit.model.enter(unit.name, 0)
    totals = []

    def ask(command: str) -> None:
        if command == "status-set":
            totals.append(other.run_action("get-start-counts").check().hook.results["total"])

    # The hook sets its status after it has written its databag.
    one.dispatch("start", on_command=ask).check()
    assert totals == ["0"]
    assert other.run_action("get-start-counts").check().hook.results["total"] == "1"
