"""Each of Juju's rules that the stand-in for the command `juju` keeps, through Jubilant.

The page that a rule was read from stands beside the rule, in `juju_command`.
"""

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jubilant
import pytest
import yaml
from juju_command.charm_file import pack_file
from juju_command.standing_in import standing_in

GREETER = Path(__file__).with_name("greeter")
Status = jubilant.Status


@pytest.fixture
def machines() -> Iterator[jubilant.Juju]:
    """A model on machines."""
    with _model(kubernetes=False) as juju:
        yield juju


@pytest.fixture
def kubernetes() -> Iterator[jubilant.Juju]:
    """A model on Kubernetes."""
    with _model(kubernetes=True) as juju:
        yield juju


@contextlib.contextmanager
def _model(*, kubernetes: bool) -> Iterator[jubilant.Juju]:
    with standing_in(kubernetes=kubernetes):
        juju = jubilant.Juju()
        juju.add_model("testing")
        yield juju


@pytest.fixture
def pack(tmp_path: Path) -> Callable[..., Path]:
    """Return what packs the greeter, with changes to its `charmcraft.yaml` and its source."""

    def pack(source: str | None = None, **changes: Any) -> Path:
        project = yaml.safe_load((GREETER / "charmcraft.yaml").read_text()) | changes
        (tmp_path / "src").mkdir(exist_ok=True)
        (tmp_path / "charmcraft.yaml").write_text(yaml.safe_dump(project))
        (tmp_path / "src/charm.py").write_text(source or (GREETER / "src/charm.py").read_text())
        return pack_file(tmp_path, tmp_path)

    return pack


Pack = Callable[..., Path]


def settled(juju: jubilant.Juju) -> Status:
    """Wait until all units are active and have nothing to do."""
    return juju.wait(
        lambda status: jubilant.all_active(status) and jubilant.all_agents_idle(status),
        error=jubilant.any_error,
    )


def leaders(status: Status) -> list[str]:
    return [name for name, unit in status.apps["greeter"].units.items() if unit.leader]


def hooks(juju: jubilant.Juju, unit: str) -> list[str]:
    """Return the hooks that a unit has run, by what it has logged."""
    return re.findall(rf"INFO unit\.{unit}\.juju-log running (\S+)", juju.debug_log())


def refused(juju: jubilant.Juju, *arguments: str) -> str:
    """Run a command that has to fail, and return what it says."""
    with pytest.raises(jubilant.CLIError) as error:
        juju.cli(*arguments)
    assert error.value.returncode == 1
    return error.value.stderr.removeprefix("ERROR ").rstrip()


# Deploying, and time


def test_units_run_their_hooks_while_time_passes(machines: jubilant.Juju, pack: Pack):
    machines.deploy(pack(), num_units=2)
    units = machines.status().apps["greeter"].units
    assert list(units) == ["greeter/0", "greeter/1"]
    assert {unit.juju_status.current for unit in units.values()} == {"allocating"}
    assert {unit.workload_status.message for unit in units.values()} == {"waiting for machine"}
    time.sleep(0.5)
    assert machines.debug_log() == ""
    time.sleep(0.5)
    assert hooks(machines, "greeter/0") == ["install"]
    unit = machines.status().apps["greeter"].units["greeter/0"]
    assert (unit.workload_status.current, unit.juju_status.current) == ("unknown", "executing")
    settled(machines)
    joined = ["peers-relation-joined", "peers-relation-changed"]
    first = ["install", "peers-relation-created"]
    assert hooks(machines, "greeter/0") == [
        *first,
        "leader-elected",
        "config-changed",
        "start",
        *joined,
    ]
    assert hooks(machines, "greeter/1")[2] == "leader-settings-changed"


class Seen(dict):
    """A part of an answer, which notes the keys that are read of it."""

    def __init__(self, pairs: list[tuple[str, Any]]):
        super().__init__(pairs)
        self.unread = set(self)

    def __getitem__(self, key: str) -> Any:
        self.unread.discard(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.unread.discard(key)
        return super().get(key, default)

    def items(self) -> Any:
        self.unread.clear()
        return super().items()


@pytest.mark.parametrize("cloud", ["machines", "kubernetes"])
def test_jubilant_reads_all_of_a_status(cloud: str, request: pytest.FixtureRequest, pack: Pack):
    juju = request.getfixturevalue(cloud)
    juju.deploy(pack())
    settled(juju)
    juju.refresh("greeter", path=pack())
    parts: list[Seen] = []

    def note(pairs: list[tuple[str, Any]]) -> Seen:
        parts.append(Seen(pairs))
        return parts[-1]

    answer = json.loads(juju.cli("status", "--format", "json"), object_pairs_hook=note)
    status = Status._from_dict(answer)
    assert {key for part in parts for key in part.unread} == set()
    app = status.apps["greeter"]
    assert (app.charm, app.charm_name, app.charm_rev) == ("local:greeter-1", "greeter", 1)
    assert app.units["greeter/0"].upgrading_from == "local:greeter-0"
    assert app.app_status.current == "active"
    assert app.relations["peers"][0].related_app == "greeter"
    assert app.units["greeter/0"].workload_status.since.startswith("01 Jan 2026 00:00:")
    assert list(status.machines) == (["0"] if cloud == "machines" else [])


def test_the_application_has_the_most_pressing_status_of_its_units(
    machines: jubilant.Juju, pack: Pack
):
    source = """
import os, subprocess
unit = os.environ["JUJU_UNIT_NAME"]
subprocess.run(["status-set", "blocked" if unit == "greeter/1" else "active", unit])
"""
    machines.deploy(pack(source), num_units=3)
    status = machines.wait(jubilant.all_agents_idle)
    assert status.apps["greeter"].is_blocked
    assert status.apps["greeter"].app_status.message == "greeter/1"


def test_what_no_deployment_can_be_made_of(
    machines: jubilant.Juju, kubernetes_charm: Path, pack: Pack
):
    charm = str(pack())
    machines.deploy(charm)
    said = refused(machines, "deploy", charm)
    assert said == 'cannot add application "greeter": application already exists'
    assert refused(machines, "deploy", "/no/such.charm") == "charm file /no/such.charm not found"
    assert "not part of this stand-in" in refused(machines, "deploy", "postgresql")
    said = refused(machines, "deploy", charm, "other", "--resource", "image=x")
    assert said == 'unrecognized resource "image"'
    said = refused(machines, "deploy", str(kubernetes_charm), "other")
    assert said.startswith("Charm feature requirements cannot be met")


# Configuration


def test_a_change_of_the_configuration_is_told(machines: jubilant.Juju, pack: Pack):
    machines.deploy(pack(), config={"greeting": "hey"})
    settled(machines)
    assert machines.config("greeter") == {"greeting": "hey", "times": 1}
    machines.config("greeter", {"times": 2, "loud": True})
    assert machines.config("greeter") == {"greeting": "hey", "times": 2, "loud": True}
    machines.wait(
        lambda status: (
            status.apps["greeter"].units["greeter/0"].workload_status.message == "hey hey"
        )
    )
    machines.config("greeter", reset=["greeting", "times", "loud"])
    assert machines.config("greeter") == {"greeting": "hello", "times": 1}
    settled(machines)
    assert hooks(machines, "greeter/0").count("config-changed") == 3
    machines.config("greeter", {"times": 1})
    settled(machines)
    assert hooks(machines, "greeter/0").count("config-changed") == 3


def test_a_wrong_option_is_refused(machines: jubilant.Juju, pack: Pack):
    machines.deploy(pack())
    assert refused(machines, "config", "greeter", "colour=red") == 'unknown option "colour"'
    assert refused(machines, "config", "greeter", "--reset", "colour") == 'unknown option "colour"'
    said = refused(machines, "config", "greeter", "times=often")
    assert said == 'option "times" expected int, got "often"'


def test_the_interval_of_update_status(machines: jubilant.Juju, pack: Pack):
    assert machines.model_config() == {"update-status-hook-interval": "5m"}
    machines.deploy(pack())
    time.sleep(4 * 60)
    assert "update-status" not in hooks(machines, "greeter/0")
    machines.model_config({"update-status-hook-interval": "1m30s"})
    time.sleep(3 * 60)
    assert hooks(machines, "greeter/0")[-2:] == ["update-status"] * 2
    machines.model_config(reset="update-status-hook-interval")
    assert machines.model_config() == {"update-status-hook-interval": "5m"}
    assert "duration" in refused(machines, "model-config", "update-status-hook-interval=soon")
    assert "not part of this stand-in" in refused(machines, "model-config", "development=true")


# Actions and commands


def test_an_action(machines: jubilant.Juju, pack: Pack):
    machines.deploy(pack())
    task = machines.run("greeter/leader", "greet", {"name": "reader"})
    assert task.success
    assert task.results == {"who": "reader", "in": {"a": {"map": "1"}}}
    assert task.stdout == "hello reader\n"
    assert task.log == ["greeting reader"]
    assert machines.run("greeter/0", "greet").results["who"] == "you"
    by_hand = machines.cli("run", "--format", "json", "greeter/0", "greet", "name=someone")
    assert json.loads(by_hand)["greeter/0"]["results"]["who"] == "someone"


def test_an_action_that_fails(machines: jubilant.Juju, pack: Pack):
    machines.deploy(pack())
    with pytest.raises(jubilant.TaskError) as error:
        machines.run("greeter/0", "refuse")
    task = error.value.task
    assert (task.status, task.message, task.return_code) == ("failed", "nobody is here", 0)
    with pytest.raises(jubilant.TaskError) as error:
        machines.run("greeter/0", "crash")
    task = error.value.task
    assert (task.status, task.message, task.return_code) == ("failed", "exit status 1", 1)
    assert task.stderr == "it crashed\n"


def test_an_action_that_is_not_there(machines: jubilant.Juju, pack: Pack):
    machines.deploy(pack())
    with pytest.raises(ValueError, match='action "sing" not defined on unit "greeter/0"'):
        machines.run("greeter/0", "sing")
    with pytest.raises(ValueError, match='unit "greeter/7" not found'):
        machines.run("greeter/7", "greet")


def test_a_hook_command_from_outside(machines: jubilant.Juju, pack: Pack):
    machines.deploy(pack(), num_units=2)
    settled(machines)
    told = machines.exec("relation-get -r peers:0 --format=json - greeter/1", unit="greeter/0")
    assert json.loads(told.stdout) == {"is": "greeter/1"}
    machines.exec("relation-set", "-r", "peers:0", "is=another one", unit="greeter/1")
    (peers,) = machines.show_unit("greeter/0").relation_info
    assert peers.related_units["greeter/1"].data == {"is": "another one"}
    with pytest.raises(jubilant.TaskError) as error:
        machines.exec("relation-set -r peers:0 --app is=mine", unit="greeter/1")
    assert error.value.task.return_code == 1
    assert "cannot write relation settings" in error.value.task.stderr
    said = refused(machines, "exec", "--format", "json", "--unit", "greeter/0", "--", "rm", "-r")
    assert said == "exec rm -r is not part of this stand-in for juju"
    assert "not part of this stand-in" in refused(machines, "ssh", "greeter/0", "rm", "-r", "/")


def test_show_unit(machines: jubilant.Juju, pack: Pack):
    machines.deploy(pack(), num_units=2)
    (before,) = machines.show_unit("greeter/1").relation_info or [None]
    assert before is None
    settled(machines)
    unit = machines.show_unit("greeter/1")
    assert (unit.charm, unit.leader, unit.machine) == ("local:greeter-0", False, "1")
    (peers,) = unit.relation_info
    assert (peers.endpoint, peers.related_endpoint, peers.app_data) == ("peers", "peers", {})
    assert peers.local_unit
    assert peers.local_unit.data == {"is": "greeter/1"}
    assert peers.related_units["greeter/0"].data == {"is": "greeter/0"}
    assert refused(machines, "show-unit", "x/0", "--format", "json") == 'unit "x/0" not found'


def test_the_log_has_a_limit(machines: jubilant.Juju, pack: Pack):
    machines.deploy(pack())
    settled(machines)
    lines = machines.debug_log().splitlines()
    assert lines[0] == ("unit-greeter-0: 00:00:01 INFO unit.greeter/0.juju-log running install")
    assert machines.debug_log(limit=2).splitlines() == lines[-2:]


# Units that come and go


def test_a_new_unit_joins(machines: jubilant.Juju, pack: Pack):
    machines.deploy(pack())
    settled(machines)
    machines.add_unit("greeter", num_units=2)
    status = settled(machines)
    assert list(status.apps["greeter"].units) == ["greeter/0", "greeter/1", "greeter/2"]
    assert leaders(status) == ["greeter/0"]
    assert hooks(machines, "greeter/0").count("peers-relation-joined") == 2


def test_a_removed_leader_is_followed_within_a_minute(machines: jubilant.Juju, pack: Pack):
    machines.deploy(pack(), num_units=2)
    settled(machines)
    machines.remove_unit("greeter/0")
    assert leaders(machines.status()) == ["greeter/0"]
    status = machines.wait(lambda status: "greeter/0" not in status.apps["greeter"].units)
    assert hooks(machines, "greeter/0")[-3:] == ["peers-relation-departed", "stop", "remove"]
    assert leaders(status) == []
    before = time.monotonic()
    status = machines.wait(lambda status: leaders(status) == ["greeter/1"], successes=1)
    assert 50 < time.monotonic() - before <= 60
    settled(machines)
    assert hooks(machines, "greeter/1")[-1] == "leader-elected"
    machines.add_unit("greeter")
    assert "greeter/2" in machines.status().apps["greeter"].units


def test_a_removed_application(machines: jubilant.Juju, pack: Pack):
    machines.deploy(pack(), num_units=2)
    settled(machines)
    machines.remove_application("greeter")
    assert machines.status().apps["greeter"].life == "dying"
    machines.wait(lambda status: not status.apps)
    assert hooks(machines, "greeter/1")[-1] == "remove"
    assert refused(machines, "add-unit", "greeter") == 'application "greeter" not found'


def test_on_machines_units_are_named_and_upgraded_at_once(machines: jubilant.Juju, pack: Pack):
    machines.deploy(pack(), num_units=2)
    settled(machines)
    said = refused(machines, "remove-unit", "greeter", "--num-units", "1")
    assert said == "--num-units for non k8s models not valid"
    machines.refresh("greeter", path=pack())
    time.sleep(2)
    assert hooks(machines, "greeter/0")[-1] == hooks(machines, "greeter/1")[-1] == "upgrade-charm"


def test_another_charm_is_no_upgrade(machines: jubilant.Juju, pack: Pack):
    machines.deploy(pack())
    said = refused(machines, "refresh", "greeter", "--path", str(pack(name="parrot")))
    assert said == 'cannot upgrade "greeter" to "parrot"'
    assert "without --path is not part" in refused(machines, "refresh", "greeter")


# Hooks that fail


def test_a_hook_that_fails_is_run_again_later_each_time(machines: jubilant.Juju, pack: Pack):
    machines.deploy(pack(), config={"times": -1})
    with pytest.raises(jubilant.WaitError, match='hook failed: "config-changed"'):
        machines.wait(jubilant.all_active, error=jubilant.any_error)
    failed = time.monotonic()
    machines.wait(lambda status: machines.debug_log().count("it failed") == 4, successes=1)
    assert time.monotonic() - failed == pytest.approx(5 + 10 + 20, abs=1)
    machines.config("greeter", {"times": 1})
    settled_status = machines.wait(lambda status: jubilant.all_active(status, "greeter"))
    assert settled_status.apps["greeter"].units["greeter/0"].is_active
    assert hooks(machines, "greeter/0")[-1] == "config-changed"


# Kubernetes


@pytest.fixture
def kubernetes_charm(pack: Pack, tmp_path: Path) -> Path:
    """A packed greeter with a container."""
    packed = pack(
        containers={"box": {"resource": "image"}},
        resources={"image": {"type": "oci-image"}},
        assumes=["k8s-api"],
    )
    return packed.rename(tmp_path / "kubernetes.charm")


IMAGE = {"image": "example.com/image"}
PEBBLE = "/charm/bin/pebble"


def test_a_kubernetes_charm_needs_its_images(kubernetes: jubilant.Juju, kubernetes_charm: Path):
    said = refused(kubernetes, "deploy", str(kubernetes_charm))
    assert said == "local charm missing OCI images for: image"
    kubernetes.deploy(kubernetes_charm, resources=IMAGE)
    unit = kubernetes.status().apps["greeter"].units["greeter/0"]
    assert unit.workload_status.message == "installing agent"
    settled(kubernetes)
    assert hooks(kubernetes, "greeter/0")[-2:] == ["start", "box-pebble-ready"]


def test_on_kubernetes_units_are_upgraded_one_after_another_in_new_pods(
    kubernetes: jubilant.Juju, kubernetes_charm: Path
):
    kubernetes.deploy(kubernetes_charm, num_units=2, resources=IMAGE)
    settled(kubernetes)
    before = hooks(kubernetes, "greeter/0")
    kubernetes.refresh("greeter", path=kubernetes_charm)
    upgrade = ["stop", "upgrade-charm", "config-changed", "start", "box-pebble-ready"]
    kubernetes.wait(lambda status: hooks(kubernetes, "greeter/1")[-1] == "box-pebble-ready")
    assert hooks(kubernetes, "greeter/0")[len(before) :] == upgrade[:1]
    upgrade_of_other = [*upgrade[:3], "leader-settings-changed", *upgrade[3:]]
    assert hooks(kubernetes, "greeter/1")[-6:] == upgrade_of_other
    settled(kubernetes)
    assert hooks(kubernetes, "greeter/0")[len(before) :] == upgrade


def test_on_kubernetes_units_are_counted(kubernetes: jubilant.Juju, kubernetes_charm: Path):
    kubernetes.deploy(kubernetes_charm, num_units=3, resources=IMAGE)
    settled(kubernetes)
    said = refused(kubernetes, "remove-unit", "greeter/1")
    assert said.startswith("k8s models do not support removing named units.")
    said = refused(kubernetes, "remove-unit", "greeter")
    assert said == "specify the number of units (> 0) to remove using --num-units"
    assert refused(kubernetes, "remove-unit", "a", "b") == "only single application supported"
    for _ in range(2):
        kubernetes.remove_unit("greeter", num_units=1)
    kubernetes.wait(lambda status: list(status.apps["greeter"].units) == ["greeter/0"])
    kubernetes.add_unit("greeter")
    assert list(settled(kubernetes).apps["greeter"].units) == ["greeter/0", "greeter/1"]


def test_an_agent_that_is_stopped_loses_the_lead(
    kubernetes: jubilant.Juju, kubernetes_charm: Path
):
    kubernetes.deploy(kubernetes_charm, num_units=2, resources=IMAGE)
    settled(kubernetes)
    kubernetes.ssh("greeter/0", PEBBLE, "stop-checks", "liveness")
    kubernetes.ssh("greeter/0", PEBBLE, "stop", "container-agent")
    unit = kubernetes.status().apps["greeter"].units["greeter/0"]
    assert (unit.juju_status.current, unit.workload_status.current) == ("lost", "unknown")
    with pytest.raises(TimeoutError, match="timed out waiting for results from: unit greeter/0"):
        kubernetes.run("greeter/0", "greet", wait=10)
    kubernetes.wait(lambda status: leaders(status) == ["greeter/1"])
    kubernetes.ssh("greeter/0", PEBBLE, "start", "container-agent")
    kubernetes.ssh("greeter/0", PEBBLE, "start-checks", "liveness")
    assert leaders(settled(kubernetes)) == ["greeter/1"]
    assert hooks(kubernetes, "greeter/0")[-2:] == ["config-changed", "leader-settings-changed"]


def test_a_container_whose_check_fails_is_restarted(
    kubernetes: jubilant.Juju, kubernetes_charm: Path
):
    kubernetes.deploy(kubernetes_charm, num_units=2, resources=IMAGE)
    settled(kubernetes)
    kubernetes.ssh("greeter/0", PEBBLE, "stop", "container-agent")
    time.sleep(5 * 60)
    assert leaders(settled(kubernetes)) == ["greeter/0"]


# What is not there


def test_models(machines: jubilant.Juju):
    assert refused(machines, "add-model", "testing") == 'model "testing" already exists'
    other = jubilant.Juju(model="other")
    assert refused(other, "status", "--format", "json") == 'model "other" not found'
    machines.destroy_model("testing", destroy_storage=True, force=True)
    other.model = "testing"
    assert refused(other, "status", "--format", "json") == 'model "testing" not found'
    with pytest.raises(jubilant.CLIError, match='model "testing" not found'):
        machines.destroy_model("testing")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("integrate a b", '"integrate" is not part of this stand-in for juju'),
        ("status --relations", "status --relations is not part of this stand-in for juju"),
        ("status -o file", "status -o is not part of this stand-in for juju"),
        ("status", "status without --format json is not part of this stand-in for juju"),
        ("deploy", "deploy: missing a required argument: 'charm'"),
        ("config no-such --format=json", 'application "no-such" not found'),
        ("set-model-constraints arch", 'expected "key=value", got "arch"'),
    ],
)
def test_what_the_stand_in_does_not_have_fails(machines: jubilant.Juju, command: str, said: str):
    assert refused(machines, *command.split()) == said


def test_a_fault_of_the_stand_in_is_called_one(machines: jubilant.Juju):
    with pytest.raises(jubilant.CLIError, match="this stand-in for juju has failed"):
        machines.cli("debug-log", "--limit", "many")
