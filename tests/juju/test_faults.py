"""The file of StoredState is damaged, or a hook is killed: what is kept, and what the log says.

The build rests on these. They run wherever Python does; `test_kills.py` has more.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hook_environment import Unit, pack
from measured import ERRORS
from stored import TWINS, bag_of, last_error, put, read_as_ops, states_of_a_hook, stored_by


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def overwrite(path: Path) -> None:
    path.write_bytes(b"x" * 100 + path.read_bytes()[100:])


def replace_by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = {
    "It is cut short": truncate,
    "Its beginning is overwritten": overwrite,
    "A folder is in its place": replace_by_a_folder,
}


@pytest.mark.parametrize("what", DAMAGES)
def test_a_file_that_cannot_be_read_fails_every_hook_until_it_is_removed(counted: Unit, what: str):
    DAMAGES[what](counted.state_file)
    for event in ("config-changed", "update-status"):
        done = counted.dispatch(event)
        assert done.status == 1
        assert last_error(done) == ERRORS[what]
        # The handlers have not run.
        assert done.output == ""
    assert bag_of(counted) == {"count": "1"}
    remove = Path.rmdir if counted.state_file.is_dir() else Path.unlink
    remove(counted.state_file)
    assert stored_by(counted) == "0 0"


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: os.truncate(path, 0)])
def test_a_file_that_is_removed_or_emptied_means_the_defaults(
    counted: Unit, damage: Callable[[Path], None]
):
    damage(counted.state_file)
    assert stored_by(counted) == "0 0"
    assert bag_of(counted) == {"count": "1"}


def test_a_read_only_file_is_made_writable(counted: Unit):
    counted.state_file.chmod(0o400)
    counted.dispatch("update-status").check()
    assert stored_by(counted) == "2 2"
    assert counted.state_file.stat().st_mode & 0o777 == 0o600


# SQLite's own limit for a file stands for a full disk: https://www.sqlite.org/rescode.html#full.
FULL_DISK = """
import sqlite3

def connect(*arguments, connect=sqlite3.connect, **options):
    database = connect(*arguments, **options)
    # No less than the file has already.
    database.execute("PRAGMA max_page_count = 1")
    return database

sqlite3.connect = connect
"""


def test_a_full_disk_fails_the_hook_and_keeps_the_old_values(counted: Unit):
    pack(counted.charm, counted.directory, source=FULL_DISK + TWINS)
    done = counted.dispatch("update-status")
    assert done.status == 1
    assert last_error(done) == ERRORS["The disk is full"]
    assert bag_of(counted) == {"count": "1"}
    assert stored_by(counted) == "1 1"


# What a read-only file system answers: https://man7.org/linux/man-pages/man2/chmod.2.html.
READ_ONLY = """
import errno
import os

def chmod(path, mode):
    raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)

os.chmod = chmod
"""


def test_a_read_only_file_system_fails_every_hook(counted: Unit):
    pack(counted.charm, counted.directory, source=READ_ONLY + TWINS)
    for event in ("config-changed", "update-status"):
        done = counted.dispatch(event)
        assert done.status == 1
        error = last_error(done).replace(str(counted.directory), "...")
        assert error == ERRORS["The file system is read-only"]


@pytest.mark.parametrize("before", [0, 1], ids=["first hook", "later hook"])
def test_a_kill_at_any_moment_leaves_the_old_values_or_the_new(fresh: Unit, before: int):
    for _ in range(before):
        fresh.dispatch("update-status").check()
    found = []
    for files in states_of_a_hook(fresh):
        put(fresh, files)
        found.append(read_as_ops(fresh.state_file))
    old = (before, before) if before else None
    new = (before + 1, before + 1)
    first, *_, last = found
    assert (first, last) == (old, new)
    # Nothing else, and once the new values are there, they stay.
    assert found == sorted(found, key=[old, new].index)


def test_a_kill_after_ops_has_saved_has_the_event_counted_twice(counted: Unit):
    killed = "import os, signal\n" + TWINS + "    os.kill(os.getpid(), signal.SIGKILL)\n"
    pack(counted.charm, counted.directory, source=killed)
    assert counted.dispatch("update-status").status == -signal.SIGKILL
    # The values are new, and the databag is old.
    assert bag_of(counted) == {"count": "1"}
    pack(counted.charm, counted.directory, source=TWINS)
    assert stored_by(counted) == "2 2"
    # Juju runs the hook again.
    counted.dispatch("update-status").check()
    assert stored_by(counted) == "3 3"
    assert bag_of(counted) == {"count": "3"}
