"""Integration tests: a real Juju, on a Kubernetes cloud. Run them in the file's order."""

import json
import pathlib

import jubilant
import pytest
import yaml

APP = "fastapi-demo"
CHARMCRAFT = yaml.safe_load((pathlib.Path(__file__).parents[2] / "charmcraft.yaml").read_text())
RESOURCES = {name: r["upstream-source"] for name, r in CHARMCRAFT["resources"].items()}


def get_leader_unit(juju: jubilant.Juju, app: str) -> str | None:
    """Return the name of the leader, or None while Juju has elected none."""
    for name, unit in juju.status().apps[app].units.items():
        if unit.leader:
            return name
    return None


def get_start_counts(juju: jubilant.Juju) -> dict[str, dict[str, str]]:
    """Run the action on every unit, the leader or not."""
    units = juju.status().apps[APP].units
    return {unit: juju.run(unit, "get-start-counts").results for unit in units}


def started_counter(juju: jubilant.Juju, unit: str) -> int:
    """Read a unit's databag from the controller, which answers while the unit restarts."""
    (peers,) = juju.show_unit(unit).relation_info
    assert peers.local_unit is not None
    return json.loads(peers.local_unit.data["unit_stats"])["started_counter"]


def pebble(juju: jubilant.Juju, unit: str, *args: str) -> None:
    """Talk to the Pebble that runs Juju's agent in the charm container."""
    juju.ssh(unit, "/charm/bin/pebble", *args)


@pytest.mark.juju_setup
def test_deploy(juju: jubilant.Juju, charm: pathlib.Path):
    juju.deploy(charm, app=APP, num_units=2, resources=RESOURCES)
    juju.wait(
        lambda status: jubilant.all_active(status, APP) and jubilant.all_agents_idle(status, APP),
        error=jubilant.any_error,
        timeout=10 * 60,
    )


def test_all_units_report_the_same_total_and_id(juju: jubilant.Juju):
    counts = get_start_counts(juju)
    assert len(counts) == 2
    own_counts = [int(results["this-unit"]) for results in counts.values()]
    assert min(own_counts) >= 1
    assert {int(results["total"]) for results in counts.values()} == {sum(own_counts)}
    (deployment_id,) = {results["deployment-id"] for results in counts.values()}
    assert len(deployment_id) == 32


def test_counters_and_id_survive_new_pods(juju: jubilant.Juju, charm: pathlib.Path):
    before = get_start_counts(juju)
    # An upgrade gives every unit a new pod, even if the charm is the same.
    juju.refresh(APP, path=charm, resources=RESOURCES)

    def every_unit_has_started_again(status: jubilant.Status) -> bool:
        return jubilant.all_active(status, APP) and all(
            started_counter(juju, unit) > int(results["this-unit"])
            for unit, results in before.items()
        )

    juju.wait(every_unit_has_started_again, timeout=10 * 60)
    after = get_start_counts(juju)
    for unit, results in before.items():
        assert after[unit]["deployment-id"] == results["deployment-id"]


def test_new_leader_inherits_the_id(juju: jubilant.Juju):
    old_leader = get_leader_unit(juju, APP)
    assert old_leader is not None
    deployment_id = get_start_counts(juju)[old_leader]["deployment-id"]
    # Deleting the pod may change nothing: the unit is often back before its lease ends.
    # Stop its agent instead, and first the check that would restart the container.
    pebble(juju, old_leader, "stop-checks", "liveness")
    pebble(juju, old_leader, "stop", "container-agent")
    # The lease ends within 60 seconds. Then Juju elects another unit.
    juju.wait(
        lambda status: get_leader_unit(juju, APP) not in (None, old_leader),
        timeout=5 * 60,
    )
    new_leader = get_leader_unit(juju, APP)
    assert new_leader is not None
    results = juju.run(new_leader, "get-start-counts").results
    assert results["deployment-id"] == deployment_id
    pebble(juju, old_leader, "start", "container-agent")
    pebble(juju, old_leader, "start-checks", "liveness")
    juju.wait(lambda status: jubilant.all_agents_idle(status, APP), timeout=5 * 60)
