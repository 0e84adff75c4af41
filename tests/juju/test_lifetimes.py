"""How long a value lasts in each place, measured; the guide's table must say the same."""

import contextlib
import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from hook_environment import Done, Unit, pack

Deploy = Callable[..., list[Unit]]
ROOT = Path(__file__).parents[2]
PLACES = ("nothing", "storedstate", "unit-databag", "app-databag", "secret")
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


# The guide's table


def recall(unit: Unit) -> dict[str, str]:
    """Return for each place whether the value is kept or lost."""
    found = unit.run_action("recall").check().hook.results
    return {place: "kept" if found.get(place) == "42" else "lost" for place in PLACES}


def keeping(deploy: Deploy, *, units: int = 1) -> list[Unit]:
    deployed = deploy("keeper", units=units)
    enter(*deployed)
    deployed[0].run_action("keep", value="42").check()
    return deployed


def next_event(deploy: Deploy) -> dict[str, str]:
    (unit,) = keeping(deploy)
    return recall(unit)


def recreated_container(deploy: Deploy) -> dict[str, str]:
    (unit,) = keeping(deploy)
    check(unit.recreate_container())
    return recall(unit)


def charm_upgrade(deploy: Deploy) -> dict[str, str]:
    (unit,) = keeping(deploy)
    check(unit.upgrade())
    on_machines = recall(unit)
    check(unit.upgrade_on_kubernetes())
    on_kubernetes = recall(unit)
    return {
        place: kept
        if kept == on_kubernetes[place]
        else f"{kept} on machines, {on_kubernetes[place]} on Kubernetes"
        for place, kept in on_machines.items()
    }


def change_of_leader(deploy: Deploy) -> dict[str, str]:
    before, after = keeping(deploy, units=2)
    before.model.elect(after.name)
    of_one, of_other = recall(before), recall(after)
    return {
        place: kept if kept == of_other[place] else f"{kept}, for this unit only"
        for place, kept in of_one.items()
    }


def removed_unit(deploy: Deploy) -> dict[str, str]:
    removed, remaining = keeping(deploy, units=2)
    check(removed.remove())
    return recall(remaining)


COLUMNS = {
    "Next event": next_event,
    "Recreated container": recreated_container,
    "Charm upgrade": charm_upgrade,
    "Change of leader": change_of_leader,
    "Removed unit": removed_unit,
}
# What the stand-in for the hook environment does not have: the guide links to Juju's reference.
NOT_MEASURED = {"juju-storage", "database"}


def read_table(page: Path) -> dict[str, dict[str, str]]:
    """Return the cells of the guide's table by place and column."""
    lines = page.read_text().partition("| Keep it in |")[2].splitlines()
    head, _, *rows = lines[: lines.index("")]
    columns = [name.strip() for name in head.strip("|").split("|")]
    table = {}
    for row in rows:
        place, *cells = (cell.strip() for cell in row.strip("|").split("|"))
        name = re.match(r"\[?([\w ]+)", place)
        assert name, row
        table[name[1].lower().replace(" ", "-")] = dict(zip(columns, cells, strict=True))
    return table


TABLE = read_table(ROOT / "docs/howto/manage-stored-state.md")


def test_every_place_is_measured_but_those_known_not_to_be():
    assert set(TABLE) == {*PLACES, *NOT_MEASURED}


@pytest.mark.parametrize("column", COLUMNS)
def test_the_table_says_what_was_measured(column: str, deploy: Deploy):
    measured = COLUMNS[column](deploy)
    # A value that is kept nowhere is worked out anew, and one without a unit is not needed.
    assert measured.pop("nothing") == "lost"
    assert TABLE["nothing"][column] in ("new", "—")
    assert {place: TABLE[place][column] for place in measured} == measured


# StoredState, in the example


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


def test_a_deferred_event_is_lost_with_the_container_and_with_nothing_less(deploy: Deploy):
    (unit,) = deploy("stored-state", source=deferring(measuring(7)))
    unit.dispatch("update-status").check()
    waiting = ["_on_update_status"]
    assert query(unit, "SELECT method_name FROM notice") == waiting
    check(unit.restart_agent())
    assert query(unit, "SELECT method_name FROM notice") == waiting
    # A hook that fails has not handled it.
    unit.dispatch("config-changed", refuse={"status-set": "no"})
    assert query(unit, "SELECT method_name FROM notice") == waiting
    unit.source = measuring(7)
    check(unit.recreate_container())
    assert query(unit, "SELECT method_name FROM notice") == []


def test_a_deferred_event_runs_before_the_next_one(deploy: Deploy):
    (unit,) = deploy("stored-state", source=deferring(measuring(7)))
    unit.dispatch("start").check()
    unit.dispatch("update-status").check()
    swap(unit, measuring(7))
    done = unit.dispatch("config-changed").check()
    messages = [message for _, message in done.hook.log]
    assert "Hashing passwords with 7 iterations" in messages
    assert query(unit, "SELECT method_name FROM notice") == []


# The peer relation, in the example


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
