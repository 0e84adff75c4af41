"""Random sequences of what Juju can send, for each example: no promised value is lost.

Most run in `ops.testing`, a few in real dispatches. A fixed few run in `make test`; `make soak`
runs as many as it is told to, and other ones each time. It prints the seed that it starts from:
`make soak SEED=...` runs the same ones again.
"""

import importlib.util
import itertools
import json
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import ops
import pytest
import yaml
from hook_environment import Done, Unit
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from ops import testing

Deploy = Callable[..., list[Unit]]
SOAK = int(os.environ.get("EVERGREEN_SOAK", "0"))
SEED = int(os.environ.get("EVERGREEN_SEED", "0"))
EXAMPLES = Path(__file__).parents[2] / "examples"
SETTINGS = settings(
    max_examples=SOAK or 25,
    stateful_step_count=12,
    derandomize=not SOAK,
    database=None,
    deadline=None,
)
# What another revision of the charm, or somebody with `juju exec`, may have left in a databag.
# It is no count, and no ID.
MALFORMED_VALUES = [
    *("not JSON", "[1]", "[]", "{}", "null", "NaN", "42", '""', '"\\u0000"', '"\\ud800"'),
    *('{"started_counter": "1"}', '{"started_counter": 1.0}', '{"started_counter": null}'),
    *('{"started_counter": true}', '{"started_counter": 0}', '{"started_counter": -5}'),
    f'{{"started_counter": {2**63}}}',
    f'{{"started_counter": {"9" * 4300}}}',
    "[" * 200_000 + "]" * 200_000,
    '{"started_counter": ' * 20_000 + "1" + "}" * 20_000,
]
# By number, as hypothesis keeps the text of what it samples from with each sequence.
LISTED = st.sampled_from(range(len(MALFORMED_VALUES))).map(lambda at: MALFORMED_VALUES[at])
MALFORMED = st.one_of(
    LISTED,
    st.integers(max_value=0).map(lambda count: json.dumps({"started_counter": count})),
    st.text(min_size=1, max_size=8),
    st.recursive(
        st.none() | st.floats() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=4,
    ).map(json.dumps),
)


def load(example: str) -> tuple[ModuleType, dict[str, Any]]:
    """Return an example's charm as a module of its own name, and its metadata."""
    folder = EXAMPLES / example
    name = f"{example.replace('-', '_')}_charm"
    spec = importlib.util.spec_from_file_location(name, folder / "src/charm.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module, yaml.safe_load((folder / "charmcraft.yaml").read_text())


def fail_at_the_end() -> Any:
    """Have the hook fail when its handlers have run, as it does when Juju cannot be reached."""
    error = RuntimeError("the controller is away")
    return mock.patch.object(ops.CollectStatusEvent, "add_status", side_effect=error)


class StoredStateMachine(RuleBasedStateMachine):
    """One unit of the machine charm: what it measured first is what it says, to the end."""

    def __init__(self) -> None:
        super().__init__()
        self.module, meta = load("stored-state")
        self.context = testing.Context(self.module.MyCharm, meta=meta)
        self.state = testing.State()
        self.measurements = itertools.count(1)
        self.value: int | None = None

    def run_event(self, name: str, *, leader: bool, fails: bool) -> None:
        event = getattr(self.context.on, name)()
        state = testing.State(stored_states=self.state.stored_states, leader=leader)
        measured = next(self.measurements)
        with mock.patch.object(
            self.module.MyCharm, "_calculate_expensive_value", return_value=measured
        ):
            if fails:
                with fail_at_the_end(), pytest.raises(testing.errors.UncaughtCharmError):
                    self.context.run(event, state)
                return
            self.state = self.context.run(event, state)
        if name == "start" and self.value is None:
            self.value = measured

    @rule(
        name=st.sampled_from(["start", "update_status", "config_changed", "upgrade_charm"]),
        leader=st.booleans(),
        fails=st.booleans(),
    )
    def juju_sends(self, name: str, leader: bool, fails: bool) -> None:
        self.run_event(name, leader=leader, fails=fails)

    @rule()
    def container_is_recreated(self) -> None:
        self.state = testing.State()
        self.value = None

    @invariant()
    def value_is_the_first_that_was_measured(self) -> None:
        for stored in self.state.stored_states:
            if stored.owner_path == "MyCharm":
                assert stored.content == {"expensive_value": self.value}

    def teardown(self) -> None:
        ops.Framework.on._cache.clear()


class PeerDataMachine(RuleBasedStateMachine):
    """Three units of the Kubernetes charm: counters count, and the deployment has one ID."""

    def __init__(self) -> None:
        super().__init__()
        self.module, self.meta = load("peer-data")
        self.leader = 0
        self.entered: set[int] = set()
        self.bags: dict[int, dict[str, str]] = {unit: {} for unit in range(3)}
        self.application: dict[str, str] = {}
        self.counters = dict.fromkeys(range(3), 0)
        self.deployment_id: str | None = None

    def context(self, unit: int) -> testing.Context:
        return testing.Context(self.module.FastAPIDemoCharm, meta=self.meta, unit_id=unit)

    def run_event(self, unit: int, name: str, *, connected: bool, fails: bool) -> None:
        others = {other: self.bags[other] for other in self.entered if other != unit}
        peers = testing.PeerRelation(
            self.module.PEER_NAME,
            local_unit_data=self.bags[unit],
            local_app_data=self.application,
            peers_data=others,
        )
        container = testing.Container("demo-server", can_connect=connected)
        state = testing.State(
            relations={peers} if unit in self.entered else set(),
            containers={container},
            leader=unit == self.leader,
        )
        context = self.context(unit)
        match name:
            case "relation_created":
                event = context.on.relation_created(peers)
            case "relation_changed":
                event = context.on.relation_changed(peers, remote_unit=min(others))
            case "pebble_ready":
                event = context.on.pebble_ready(container)
            case "action":
                event = context.on.action("get-start-counts")
            case _:
                event = getattr(context.on, name)()
        if fails:
            with fail_at_the_end(), pytest.raises(testing.errors.UncaughtCharmError):
                context.run(event, state)
            return
        state_out = context.run(event, state)
        if unit in self.entered:
            after = state_out.get_relation(peers.id)
            self.bags[unit] = dict(after.local_unit_data)
            self.application = dict(after.local_app_data)
            if name == "start":
                self.counters[unit] += 1
        if name == "action":
            results = context.action_results
            assert results is not None
            assert results["this-unit"] == self.counters[unit]
            assert results["total"] == sum(self.counters[each] for each in self.entered)
            assert results["deployment-id"] == (self.deployment_id or "not set yet")
        may_give_it = unit == self.leader and unit in self.entered
        if may_give_it and name in ("leader_elected", "relation_created"):
            given = json.loads(self.application["deployment_id"])
            assert len(given) == 32
            assert self.deployment_id in (None, given)
            self.deployment_id = given

    @initialize(leader=st.integers(0, 2))
    def units_are_added(self, leader: int) -> None:
        self.leader = leader

    @rule(unit=st.integers(0, 2), fails=st.booleans())
    def relation_is_created(self, unit: int, fails: bool) -> None:
        self.entered.add(unit)
        self.run_event(unit, "relation_created", connected=False, fails=fails)

    @rule(
        unit=st.integers(0, 2),
        name=st.sampled_from(["start", "update_status", "config_changed", "upgrade_charm"]),
        connected=st.booleans(),
        fails=st.booleans(),
    )
    def juju_sends(self, unit: int, name: str, connected: bool, fails: bool) -> None:
        self.run_event(unit, name, connected=connected, fails=fails)

    @rule(connected=st.booleans(), unit=st.integers(0, 2))
    def web_server_comes_up(self, unit: int, connected: bool) -> None:
        self.run_event(unit, "pebble_ready", connected=connected, fails=False)

    @rule(unit=st.integers(0, 2), name=st.sampled_from(["relation_changed", "action"]))
    def peers_speak(self, unit: int, name: str) -> None:
        others = self.entered - {unit}
        if unit in self.entered and (others or name == "action"):
            self.run_event(unit, name, connected=False, fails=False)

    @rule(leader=st.integers(0, 2), fails=st.booleans())
    def leader_changes(self, leader: int, fails: bool) -> None:
        self.leader = leader
        self.run_event(leader, "leader_elected", connected=False, fails=fails)

    @rule(unit=st.integers(0, 2), malformed=MALFORMED)
    def databag_is_malformed(self, unit: int, malformed: str) -> None:
        self.bags[unit] = {"unit_stats": malformed}
        self.counters[unit] = 0

    @rule(malformed=LISTED)
    def databag_of_the_application_is_malformed(self, malformed: str) -> None:
        self.application = {"deployment_id": malformed}
        self.deployment_id = None

    @rule(unit=st.integers(0, 2))
    def databag_is_emptied(self, unit: int) -> None:
        self.bags[unit] = {}
        self.counters[unit] = 0

    @invariant()
    def what_was_counted_is_there(self) -> None:
        for unit, counter in self.counters.items():
            if counter:
                assert json.loads(self.bags[unit]["unit_stats"]) == {"started_counter": counter}
        if self.deployment_id is not None:
            assert json.loads(self.application["deployment_id"]) == self.deployment_id

    def teardown(self) -> None:
        ops.Framework.on._cache.clear()


@pytest.mark.parametrize("machine", [StoredStateMachine, PeerDataMachine])
def test_in_ops_testing(machine: type[RuleBasedStateMachine]):
    run_state_machine_as_test(machine, settings=SETTINGS)


# In real dispatches

SEEDS = range(SEED, SEED + (SOAK // 100 or 1))
ANYHOW = ("start", "update-status", "config-changed")


def end_anyhow(unit: Unit, event: str, choose: random.Random) -> Done:
    """Run a hook that is refused its status, or not, and retried then, as Juju does."""
    if choose.random() < 0.3:
        failed = unit.dispatch(event, refuse={"status-set": "the controller is away"})
        assert failed.status == 1
    return unit.dispatch(event).check()


@pytest.mark.parametrize("seed", SEEDS)
def test_stored_state_in_real_dispatches(seed: int, deploy: Deploy):
    choose = random.Random(f"stored-state {seed}")
    (unit,) = deploy("stored-state")
    shown: str | None = None
    for _ in range(8):
        match choose.choice([*ANYHOW, "upgrade", "recreate"]):
            case "upgrade":
                for done in unit.upgrade():
                    done.check()
            case "recreate":
                unit.recreate_container()
                shown = None
            case event:
                end_anyhow(unit, event, choose)
        status, message = unit.model.statuses[unit.name]
        if shown is not None:
            assert message == shown
        if status == "active":
            shown = message


@pytest.mark.parametrize("seed", SEEDS)
def test_peer_data_in_real_dispatches(seed: int, deploy: Deploy):
    choose = random.Random(f"peer-data {seed}")
    units = deploy("peer-data", units=2)
    model = units[0].model
    for unit in units:
        unit.dispatch(model.relation_event(0, "created")).check()
    starts = dict.fromkeys(units, 0)
    given = model.bags[0, "fastapi-demo"]
    assert given
    for _ in range(7):
        unit = choose.choice(units)
        match choose.choice([*ANYHOW, "start", "recreate", "elect", "malformed"]):
            case "recreate":
                unit.recreate_container()
                starts[unit] += 1
            case "malformed":
                model.bags[0, unit.name] = {"unit_stats": choose.choice(MALFORMED_VALUES)}
                starts[unit] = 0
            case "elect":
                model.elect(unit.name)
                unit.dispatch("leader-elected").check()
            case event:
                end_anyhow(unit, event, choose)
                starts[unit] += event == "start"
        assert model.bags[0, "fastapi-demo"] == given
    counts = units[0].run_action("get-start-counts").check().hook.results
    assert counts["this-unit"] == str(starts[units[0]])
    assert counts["total"] == str(sum(starts.values()))
