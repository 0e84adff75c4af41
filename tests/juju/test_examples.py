"""How long the values of the examples last, and what else real dispatches show of them."""

import contextlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from hook_environment import Done, Unit, pack

Deploy = Callable[..., list[Unit]]
ROOT = Path(__file__).parents[2]
STORED_STATE = (ROOT / "examples/stored-state/src/charm.py").read_text()
PEER_DATA = (ROOT / "examples/peer-data/src/charm.py").read_text()


def check(done: list[Done]) -> None:
    for each in done:
        each.check()


def enter(*units: Unit) -> None:
    """Bring units into their relation: of what they are told, nothing matters to the charm."""
    for unit in units:
        unit.model.enter(unit.name, 0)
        unit.model.pending[unit.name].clear()


# StoredState


def value_of(unit: Unit) -> str:
    """Return what the example shows of its value."""
    return unit.model.statuses[unit.name][1]


def query(unit: Unit, sql: str) -> list[str]:
    """Return the first column of what the file of StoredState holds."""
    with contextlib.closing(sqlite3.connect(unit.state_file)) as database:
        return [row[0] for row in database.execute(sql)]


@pytest.fixture
def started(deploy: Deploy) -> Unit:
    """A unit of the machine charm that has measured its machine as 7, and would now say 8."""
    (unit,) = deploy("stored-state", source=measuring(7))
    unit.dispatch("start").check()
    assert value_of(unit) == "7 iterations"
    swap(unit, measuring(8))
    return unit


def swap(unit: Unit, source: str) -> None:
    """Replace a unit's charm, without the hooks of an upgrade."""
    unit.source = source
    pack(unit.charm, unit.directory, source=source)


def measuring(value: int, source: str = STORED_STATE) -> str:
    """Return the charm with a measurement that has a known result."""
    head, _, tail = source.partition("        before = time")
    _, _, tail = tail.partition("        return int(SAMPLE_ITERATIONS * TARGET_TIME / elapsed)\n")
    assert tail
    return f"{head}        return {value}\n{tail}"


def test_the_value_survives_upgrade_restart_and_events(started: Unit):
    check(started.upgrade(source=started.source))
    check(started.restart_agent())
    started.model.elect(started.name)
    check(started.settle())
    started.dispatch("update-status").check()
    assert value_of(started) == "7 iterations"


def test_the_value_is_worked_out_again_in_a_new_container(started: Unit):
    check(started.recreate_container())
    assert value_of(started) == "8 iterations"


def test_the_value_of_a_removed_unit_is_not_that_of_the_next(started: Unit):
    check(started.remove())
    assert not started.directory.exists()


@pytest.mark.parametrize(
    ("name", "renamed"), [("MyCharm", "RenamedCharm"), ("_stored", "_renamed")]
)
def test_renaming_the_class_or_the_attribute_loses_the_value(
    started: Unit, name: str, renamed: str
):
    swap(started, measuring(9).replace(name, renamed))
    started.dispatch("start").check()
    assert value_of(started) == "9 iterations"
    # The old value is still in the file, where nothing finds it.
    keys = query(started, "SELECT handle FROM snapshot WHERE handle LIKE '%/Stored%' ORDER BY 1")
    old, new = "MyCharm/StoredStateData[_stored]", "MyCharm/StoredStateData[_stored]"
    assert keys == sorted([old, new.replace(name, renamed)])


def test_a_failed_first_hook_stores_nothing(deploy: Deploy):
    (unit,) = deploy("stored-state", source=measuring(7))
    done = unit.dispatch("start", refuse={"status-set": "the controller is away"})
    assert done.status == 1
    assert query(unit, "SELECT name FROM sqlite_master") == []
    unit.dispatch("start").check()
    assert value_of(unit) == "7 iterations"


FAILS_AFTERWARDS = "    ops.main(MyCharm)\n    raise SystemExit(1)\n"


def test_a_hook_that_fails_after_ops_has_saved_keeps_the_value(deploy: Deploy):
    source = measuring(7).replace("    ops.main(MyCharm)\n", FAILS_AFTERWARDS)
    (unit,) = deploy("stored-state", source=source)
    assert unit.dispatch("start").status == 1
    swap(unit, measuring(8))
    unit.dispatch("start").check()
    assert value_of(unit) == "7 iterations"


def deferring(source: str) -> str:
    handler = "event: ops.UpdateStatusEvent) -> None:"
    assert handler in source
    return source.replace(handler, f"{handler}\n        event.defer()")


def test_a_deferred_event_runs_before_the_next_one(deploy: Deploy):
    (unit,) = deploy("stored-state", source=deferring(measuring(7)))
    unit.dispatch("start").check()
    unit.dispatch("update-status").check()
    swap(unit, measuring(7))
    done = unit.dispatch("config-changed").check()
    messages = [message for _, message in done.hook.log]
    assert "Hashing passwords with 7 iterations" in messages
    assert query(unit, "SELECT method_name FROM notice") == []


# The peer relation


def counter_of(unit: Unit) -> int | None:
    stats = unit.model.bags.get((0, unit.name), {}).get("unit_stats")
    return None if stats is None else json.loads(stats)["started_counter"]


@pytest.fixture
def peers(deploy: Deploy) -> list[Unit]:
    """Two units of the Kubernetes charm that have started once; the first one leads."""
    units = deploy("peer-data", units=2)
    enter(*units)
    units[0].dispatch("leader-elected").check()
    for unit in units:
        unit.dispatch("start").check()
    assert [counter_of(unit) for unit in units] == [1, 1]
    return units


def test_counter_and_id_go_on_in_a_new_container(peers: list[Unit]):
    leader, _ = peers
    before = dict(leader.model.bags[0, "fastapi-demo"])
    assert list(before) == ["deployment_id"]
    check(leader.recreate_container())
    assert counter_of(leader) == 2
    assert leader.model.bags[0, "fastapi-demo"] == before


def test_the_next_leader_inherits_the_id_and_the_total_is_of_those_who_are_there(
    peers: list[Unit],
):
    leader, other = peers
    before = dict(leader.model.bags[0, "fastapi-demo"])
    check(leader.remove())
    check(other.settle())
    assert other.model.leader == other.name
    assert other.model.bags[0, "fastapi-demo"] == before
    counts = other.run_action("get-start-counts").check().hook.results
    assert counts["total"] == "1"
    assert counts["deployment-id"] == json.loads(before["deployment_id"])


def test_a_failed_hook_counts_nothing_and_its_retry_counts_once(peers: list[Unit]):
    _, other = peers
    failed = other.dispatch("start", refuse={"status-set": "the controller is away"})
    assert failed.status == 1
    assert ["relation-set", "-r", "fastapi-peer:0", "--file", "-"] in failed.hook.commands
    assert counter_of(other) == 1
    other.dispatch("start").check()
    assert counter_of(other) == 2


def test_a_hook_that_fails_after_ops_has_saved_changes_no_databag(peers: list[Unit]):
    _, other = peers
    end = "    ops.main(FastAPIDemoCharm)\n"
    assert end in PEER_DATA
    swap(other, PEER_DATA.replace(end, f"{end}    raise SystemExit(1)\n"))
    assert other.dispatch("start").status == 1
    assert counter_of(other) == 1


# JSON that is none to Python, or that holds what Python does not write out.
UNPRINTABLE = {
    "nested too deeply": f"{'[' * 200_000}{']' * 200_000}",
    "a number that is too long": f'{{"started_counter": {"9" * 4300}}}',
    "a null character": '"\\u0000"',
    "half a character": '"\\ud800"',
}


@pytest.mark.parametrize("malformed", UNPRINTABLE.values(), ids=UNPRINTABLE)
def test_no_hook_fails_on_malformed_databags(deploy: Deploy, malformed: str):
    one, other = deploy("peer-data", units=2)
    enter(one, other)
    for owner in (one.name, other.name, "fastapi-demo"):
        one.model.bags[0, owner] = {"unit_stats": malformed, "deployment_id": malformed}
    counts = other.run_action("get-start-counts").check().hook.results
    assert counts == {"this-unit": "0", "total": "0", "deployment-id": "not set yet"}
    for event in ("start", "leader-elected"):
        one.dispatch(event).check()
    counts = other.run_action("get-start-counts").check().hook.results
    assert (counts["this-unit"], counts["total"]) == ("0", "1")
    assert counts["deployment-id"] != "not set yet"
