"""Hooks are killed, and disks are full, on Linux as it is: more than a build waits for.

`make soak` kills more often: see `SOAK`.
"""

import functools
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hook_environment import Unit, model_of
from measured import ERRORS
from stored import (
    TWINS,
    Killed,
    bag_of,
    dispatch_stopping,
    files_of,
    last_error,
    put,
    stored_by,
    watch,
)

SOAK = int(os.environ.get("EVERGREEN_SOAK", "0"))
"""How many random sequences are wanted; 0 in `make test`, which does with a fixed few."""
SEED = int(os.environ.get("EVERGREEN_SEED", "20260131"))
"""What random choices start from: as `make soak` says, or always the same."""
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="ptrace as Linux has it")


@on_linux
@pytest.mark.parametrize("before", [0, 1], ids=["first hook", "later hook"])
def test_what_a_kill_leaves_is_no_error_in_the_next_hook(fresh: Unit, before: int):
    for _ in range(before):
        fresh.dispatch("update-status").check()
    calls, states = watch(fresh)
    assert calls > len(states) > 10
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
    numbers = range(calls) if SOAK else random.Random(SEED).sample(range(calls), 3)
    for number in numbers:
        put(counted, kept)
        counted.model.bags[0, counted.name] = dict(bag)
        done = dispatch_stopping(counted, lambda count, number=number: count == number)
        assert done.status == -signal.SIGKILL
        assert bag_of(counted) == bag
        assert stored_by(counted) in ("1 1", "2 2")


@on_linux
def test_a_kill_at_the_last_call_leaves_the_new_values_beside_the_old_databag(counted: Unit):
    kept, bag = files_of(counted), dict(bag_of(counted))
    calls, _ = watch(counted)
    put(counted, kept)
    counted.model.bags[0, counted.name] = dict(bag)
    done = dispatch_stopping(counted, lambda count: count == calls - 1)
    assert done.status == -signal.SIGKILL
    assert bag_of(counted) == {"count": "1"}
    assert stored_by(counted) == "2 2"


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
    choose = random.Random(SEED)
    start = time.perf_counter()
    counted.dispatch("update-status").check()
    takes = time.perf_counter() - start
    kept, bag = files_of(counted), dict(bag_of(counted))
    for _ in range(max(6, SOAK // 50)):
        put(counted, kept)
        counted.model.bags[0, counted.name] = dict(bag)
        killed = Killed(after=choose.uniform(0, 1.2 * takes))
        done = counted.dispatch("update-status", start=killed.start)
        # The databag has changed if the hook has succeeded; the file may have without.
        if done.status == 0:
            assert bag_of(counted) == {"count": "3"}
            assert stored_by(counted) == "3 3"
        else:
            assert done.status == -signal.SIGKILL
            assert bag_of(counted) == bag
            assert stored_by(counted) in ("2 2", "3 3")


def test_no_room_for_the_file_fails_every_hook_and_keeps_the_old_values(counted: Unit):
    """A limit of the size of files, which the system answers with another error than a disk."""
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


# On a disk of its own

Mount = Callable[..., None]


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    """Yield what mounts a small disk at `tmp_path / "disk"`, or changes how it is mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(*options: str) -> None:
        command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(disk)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"mounting needs rights that this user has not: {done.stderr.strip()}")

    if sys.platform != "linux":
        pytest.skip("a tmpfs as Linux has it")
    mount("size=256k")
    yield mount
    subprocess.run(["umount", disk], check=True)


@pytest.fixture
def on_disk(tmp_path: Path, mount: Mount) -> Unit:
    """A unit on that disk whose charm has counted one event."""
    keeper = Path(__file__).with_name("keeper")
    unit = Unit(model_of(keeper), keeper, tmp_path / "disk/charm", source=TWINS)
    unit.model.enter(unit.name, 0)
    unit.dispatch("update-status").check()
    return unit


def test_a_disk_that_is_full(on_disk: Unit):
    filler = on_disk.directory.parent / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            pass
    for event in ("config-changed", "update-status"):
        done = on_disk.dispatch(event)
        assert done.status == 1
        assert last_error(done) == ERRORS["The disk is full"]
    assert bag_of(on_disk) == {"count": "1"}
    filler.unlink()
    assert stored_by(on_disk) == "1 1"


def test_a_file_system_that_is_read_only(on_disk: Unit, mount: Mount):
    mount("remount", "ro")
    for event in ("config-changed", "update-status"):
        done = on_disk.dispatch(event)
        assert done.status == 1
        error = last_error(done).replace(str(on_disk.directory), "...")
        assert error == ERRORS["The file system is read-only"]
    mount("remount", "rw")
    assert stored_by(on_disk) == "1 1"


def test_a_changed_value_is_read_as_it_stands(counted: Unit):
    content = counted.state_file.read_bytes()
    counted.state_file.write_bytes(content.replace(b"1111", b"2222"))
    done = counted.dispatch("config-changed")
    # SQLite says nothing: it is the charm that looks.
    assert last_error(done).startswith("AssertionError")
