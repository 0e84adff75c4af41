"""How long a value lasts in each place, measured. The build rests on these."""

import contextlib
import sqlite3
from collections.abc import Callable

import pytest
from hook_environment import Done, Unit
from measured import COLUMNS, LIFETIMES

Deploy = Callable[..., list[Unit]]


def check(done: list[Done]) -> None:
    for each in done:
        each.check()


def recall(unit: Unit) -> dict[str, str]:
    """Return for each place whether the value is kept or lost."""
    found = unit.run_action("recall").check().hook.results
    return {
        place: "kept" if found.get(place.lower().replace(" ", "-")) == "42" else "lost"
        for place in ("nothing", *LIFETIMES)
    }


def keeping(deploy: Deploy, *, units: int = 1) -> list[Unit]:
    """Return units in their relation, the first of which leads and has kept the value."""
    deployed = deploy("keeper", units=units)
    for unit in deployed:
        unit.model.independent = {"machine-independent-storage"}
        unit.model.enter(unit.name, 0)
        unit.model.pending[unit.name].clear()
        unit.attach(*unit.storages)
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
    assert not removed.directory.exists()
    left = removed.model.detached
    given = Unit(removed.model, removed.charm, removed.directory, storages=left)
    check(given.set_up())
    of_remaining, of_given = recall(remaining), recall(given)
    return {
        place: kept if kept == of_remaining[place] else f"{kept}, for the unit that is given it"
        for place, kept in of_given.items()
    }


MEASURES = (next_event, recreated_container, charm_upgrade, change_of_leader, removed_unit)


@pytest.mark.parametrize("number", range(len(COLUMNS)), ids=COLUMNS)
def test_how_long_a_value_lasts(number: int, deploy: Deploy):
    measured = MEASURES[number](deploy)
    assert measured.pop("nothing") == "lost"
    assert measured == {place: cells[number] for place, cells in LIFETIMES.items()}


DEFERRING = """
import ops


class Deferring(ops.CharmBase):
    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        framework.observe(self.on.update_status, self._on_update_status)
        framework.observe(self.on.config_changed, self._on_config_changed)

    def _on_update_status(self, event: ops.UpdateStatusEvent):
        event.defer()

    def _on_config_changed(self, event: ops.ConfigChangedEvent):
        self.unit.status = ops.ActiveStatus()


if __name__ == "__main__":
    ops.main(Deferring)
"""


def test_a_deferred_event_is_lost_with_the_container_and_with_nothing_less(deploy: Deploy):
    (unit,) = deploy("keeper", source=DEFERRING)
    unit.dispatch("update-status").check()
    assert waiting(unit) == ["_on_update_status"]
    check(unit.restart_agent())
    check(unit.upgrade(source=DEFERRING))
    assert waiting(unit) == ["_on_update_status"]
    # A hook that fails has not handled it.
    failed = unit.dispatch("config-changed", refuse={"status-set": "the controller is away"})
    assert failed.status == 1
    assert waiting(unit) == ["_on_update_status"]
    check(unit.recreate_container())
    assert waiting(unit) == []


def waiting(unit: Unit) -> list[str]:
    """Return the handlers that deferred events wait for."""
    with contextlib.closing(sqlite3.connect(unit.state_file)) as database:
        return [row[0] for row in database.execute("SELECT method_name FROM notice")]
