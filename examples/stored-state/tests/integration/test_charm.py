"""Integration tests: a real Juju, on a cloud of machines. Run them in the file's order."""

import pathlib
import re

import jubilant
import pytest

APP = "stored-state-demo"


def get_leader_unit(juju: jubilant.Juju, app: str) -> str | None:
    """Return the name of the leader, or None while Juju has elected none."""
    for name, unit in juju.status().apps[app].units.items():
        if unit.leader:
            return name
    return None


def stored_values(juju: jubilant.Juju) -> dict[str, str]:
    """Return the value of each unit, as the charm shows it in the unit's status."""
    units = juju.status().apps[APP].units
    return {name: unit.workload_status.message for name, unit in units.items()}


@pytest.mark.juju_setup
def test_deploy(juju: jubilant.Juju, charm: pathlib.Path):
    juju.deploy(charm, app=APP, num_units=2)
    juju.wait(
        lambda status: jubilant.all_active(status, APP),
        error=jubilant.any_error,
        timeout=15 * 60,
    )


def test_leader_and_non_leader_each_have_a_value(juju: jubilant.Juju):
    values = stored_values(juju)
    assert len(values) == 2
    assert get_leader_unit(juju, APP) in values
    for value in values.values():
        assert re.fullmatch(r"[1-9]\d* iterations", value)


def test_later_events_read_the_same_value(juju: jubilant.Juju):
    values = stored_values(juju)
    # Every five minutes is Juju's default: too long to wait for.
    juju.model_config({"update-status-hook-interval": "10s"})

    def every_unit_has_logged_its_value(status: jubilant.Status) -> bool:
        log = juju.debug_log().splitlines()
        return all(
            any(unit in line and f"Hashing passwords with {value}" in line for line in log)
            for unit, value in values.items()
        )

    juju.wait(every_unit_has_logged_its_value, timeout=5 * 60)
    assert stored_values(juju) == values


def test_value_survives_an_upgrade(juju: jubilant.Juju, charm: pathlib.Path):
    values = stored_values(juju)
    revision = juju.status().apps[APP].charm_rev
    juju.refresh(APP, path=charm)

    def upgraded(status: jubilant.Status) -> bool:
        app = status.apps[APP]
        pending = [unit for unit in app.units.values() if unit.upgrading_from]
        # The units are active all the while: the last hook has run when they are idle.
        settled = jubilant.all_active(status, APP) and jubilant.all_agents_idle(status, APP)
        return app.charm_rev > revision and not pending and settled

    juju.wait(upgraded, timeout=5 * 60)
    assert stored_values(juju) == values


@pytest.mark.juju_teardown
def test_value_outlives_a_change_of_leader(juju: jubilant.Juju):
    values = stored_values(juju)
    old_leader = get_leader_unit(juju, APP)
    assert old_leader is not None
    juju.remove_unit(old_leader)
    # Juju may take 60 seconds to elect a new leader, once the old one is gone.
    juju.wait(
        lambda status: get_leader_unit(juju, APP) not in (None, old_leader),
        timeout=5 * 60,
    )
    new_leader = get_leader_unit(juju, APP)
    assert new_leader is not None
    assert stored_values(juju)[new_leader] == values[new_leader]
