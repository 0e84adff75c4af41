"""What `ops.testing` does: contexts, states, managers."""

import dataclasses
import importlib
import pathlib
from typing import Any

import ops
import pytest
from ops import testing

CHARMCRAFT_YAML = """\
type: charm
name: from-the-file
summary: A charm
description: A charm
config:
  options:
    port:
      type: int
      default: 8080
"""
CHARM = """\
import ops


class Charm(ops.CharmBase):
    pass
"""
META: dict[str, Any] = {
    "name": "demo",
    "containers": {"web": {}},
    "peers": {"peers": {"interface": "demo_peers"}},
    "requires": {"database": {"interface": "demo_database"}},
}


class Charm(ops.CharmBase):
    """Sets statuses when it starts, and fails when it stops."""

    _stored = ops.StoredState()

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        self.has_started = False
        framework.observe(self.on.start, self._on_start)
        framework.observe(self.on.stop, self._on_stop)

    def _on_start(self, event: ops.StartEvent) -> None:
        self.has_started = True
        self._stored.started = True
        self.unit.status = ops.MaintenanceStatus("starting")
        self.unit.status = ops.ActiveStatus("started")

    def _on_stop(self, event: ops.StopEvent) -> None:
        raise RuntimeError("the disk is full")


def new_context() -> testing.Context[Charm]:
    """Return a context that is told what charmcraft.yaml would say."""
    return testing.Context(Charm, meta=META)


# Contexts and runs.


def test_a_context_reads_charmcraft_yaml_above_the_folder_of_the_charm(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "charmcraft.yaml").write_text(CHARMCRAFT_YAML)
    (tmp_path / "src").mkdir()
    (tmp_path / "src/demo_charm.py").write_text(CHARM)
    monkeypatch.syspath_prepend(tmp_path / "src")
    ctx = testing.Context(importlib.import_module("demo_charm").Charm)
    with ctx(ctx.on.start(), testing.State()) as manager:
        assert manager.charm.meta.name == "from-the-file"
        assert manager.charm.config["port"] == 8080


def test_the_state_passed_in_is_as_it_was():
    ctx = new_context()
    state_in = testing.State()
    before = dataclasses.asdict(state_in)
    state_out = ctx.run(ctx.on.start(), state_in)
    assert state_out.unit_status == testing.ActiveStatus("started")
    assert dataclasses.asdict(state_in) == before


def test_two_contexts_share_nothing():
    first, second = new_context(), new_context()
    first.run(first.on.start(), testing.State())
    state_out = second.run(second.on.update_status(), testing.State())
    assert state_out.unit_status == testing.UnknownStatus()
    assert ops.StartEvent not in [type(event) for event in second.emitted_events]


def test_a_context_keeps_stored_values_in_memory():
    ctx = new_context()
    ctx.run(ctx.on.start(), testing.State())
    assert [line.message for line in ctx.juju_log if "SQLite" in line.message] == [
        "Initializing SQLite local storage: :memory:."
    ]


def test_the_history_holds_the_statuses_before_the_last():
    ctx = new_context()
    state_out = ctx.run(ctx.on.start(), testing.State())
    assert testing.MaintenanceStatus("starting") in ctx.unit_status_history
    assert state_out.unit_status not in ctx.unit_status_history


def test_ops_logs_before_the_charm_does():
    ctx = new_context()
    with ctx(ctx.on.start(), testing.State()):
        first, *_ = ctx.juju_log
        assert first.message.startswith("ops ")
        assert first.level == "DEBUG"


def test_an_error_in_a_handler_is_the_cause_of_an_uncaught_charm_error():
    ctx = new_context()
    with pytest.raises(testing.errors.UncaughtCharmError) as failure:
        ctx.run(ctx.on.stop(), testing.State())
    assert repr(failure.value.__cause__) == "RuntimeError('the disk is full')"


def test_a_manager_stops_right_before_the_event():
    ctx = new_context()
    with ctx(ctx.on.start(), testing.State()) as manager:
        assert not manager.charm.has_started
        manager.run()
        assert manager.charm.has_started


# What a state holds.


def test_what_a_state_leaves_out_is_not_there():
    ctx = new_context()
    with ctx(ctx.on.start(), testing.State()) as manager:
        model = manager.charm.model
        assert model.get_relation("peers") is None
        assert model.get_relation("database") is None
        with pytest.raises(ops.SecretNotFoundError):
            model.get_secret(label="admin")


def test_an_option_that_a_state_leaves_out_has_its_default():
    config = {"options": {"port": {"type": "int", "default": 8080}}}
    ctx = testing.Context(ops.CharmBase, meta=META, config=config)
    with ctx(ctx.on.start(), testing.State()) as manager:
        assert manager.charm.config["port"] == 8080


def test_a_unit_is_no_leader_unless_the_state_says_so():
    ctx = new_context()
    with ctx(ctx.on.start(), testing.State()) as manager:
        assert not manager.charm.unit.is_leader()
    with ctx(ctx.on.start(), testing.State(leader=True)) as manager:
        assert manager.charm.unit.is_leader()


def test_a_container_that_the_charm_talks_to_has_to_be_in_the_state():
    ctx = new_context()
    with ctx(ctx.on.start(), testing.State()) as manager:
        web = manager.charm.unit.get_container("web")
        with pytest.raises(RuntimeError, match="Did you forget a Container"):
            web.can_connect()


def test_a_container_that_the_charm_only_names_may_be_left_out():
    ctx = new_context()
    with ctx(ctx.on.start(), testing.State()) as manager:
        assert manager.charm.unit.get_container("web").name == "web"
        manager.run()


def test_pebble_answers_if_the_container_can_connect():
    ctx = new_context()
    for can_connect in (True, False):
        web = testing.Container("web", can_connect=can_connect)
        with ctx(ctx.on.start(), testing.State(containers={web})) as manager:
            assert manager.charm.unit.get_container("web").can_connect() == can_connect


def test_local_unit_data_is_of_this_unit_and_peers_data_of_the_others():
    peers = testing.PeerRelation(
        "peers", local_unit_data={"key": "mine"}, peers_data={3: {"key": "of unit 3"}}
    )
    ctx = new_context()
    with ctx(ctx.on.start(), testing.State(relations={peers})) as manager:
        charm = manager.charm
        relation = charm.model.get_relation("peers")
        assert relation is not None
        assert relation.data[charm.unit]["key"] == "mine"
        assert relation.data[charm.model.get_unit("demo/3")]["key"] == "of unit 3"


def test_a_relation_has_the_databags_of_the_other_application():
    database = testing.Relation(
        "database",
        remote_app_data={"key": "of the application"},
        remote_units_data={0: {"key": "of its unit"}},
    )
    ctx = new_context()
    with ctx(ctx.on.start(), testing.State(relations={database})) as manager:
        relation = manager.charm.model.get_relation("database")
        assert relation is not None
        assert relation.app is not None
        (unit,) = relation.units
        assert relation.data[relation.app]["key"] == "of the application"
        assert relation.data[unit]["key"] == "of its unit"


def test_the_event_of_a_relation_needs_the_very_object_in_the_state():
    ctx = new_context()
    peers = testing.PeerRelation("peers")
    copy = dataclasses.replace(peers, local_unit_data={"key": "new"})
    with pytest.raises(testing.errors.InconsistentScenarioError, match="same ID is not suffic"):
        ctx.run(ctx.on.relation_created(peers), testing.State(relations={copy}))


@pytest.mark.parametrize("owner", ["app", "unit"])
def test_a_secret_with_an_owner_is_the_charms_own(owner: Any):
    secret = testing.Secret({"password": "old and long"}, owner=owner, label="admin")
    ctx = new_context()
    state_in = testing.State(secrets={secret}, leader=True)
    with ctx(ctx.on.start(), state_in) as manager:
        manager.charm.model.get_secret(label="admin").set_content({"password": "new and long"})
        state_out = manager.run()
    assert state_out.get_secret(label="admin").latest_content == {"password": "new and long"}


def test_a_secret_without_an_owner_is_anothers():
    secret = testing.Secret({"password": "old and long"})
    ctx = new_context()
    with ctx(ctx.on.start(), testing.State(secrets={secret}, leader=True)) as manager:
        found = manager.charm.model.get_secret(id=secret.id)
        assert found.get_content() == {"password": "old and long"}
        with pytest.raises(ops.SecretNotFoundError, match="You must own secret"):
            found.get_info()
        manager.run()


def test_owner_path_is_the_name_of_the_class_letter_for_letter():
    ctx = new_context()
    state_out = ctx.run(ctx.on.start(), testing.State())
    stored = state_out.get_stored_state("_stored", owner_path="Charm")
    assert stored.content == {"started": True}
    with pytest.raises(ValueError, match="not found in the State"):
        state_out.get_stored_state("_stored", owner_path="charm")


# What it lets pass, and Juju does not.


def test_relation_data_may_be_written_in_install():
    ctx = new_context()
    peers = testing.PeerRelation("peers")
    with ctx(ctx.on.install(), testing.State(relations={peers})) as manager:
        relation = manager.charm.model.get_relation("peers")
        assert relation is not None
        relation.data[manager.charm.unit]["key"] = "written"
        state_out = manager.run()
    assert state_out.get_relation(peers.id).local_unit_data["key"] == "written"


def test_a_unit_that_does_not_lead_may_add_a_secret_of_the_application():
    ctx = new_context()
    with ctx(ctx.on.start(), testing.State(leader=False)) as manager:
        manager.charm.app.add_secret({"password": "correct horse"})
        (secret,) = manager.run().secrets
    assert secret.owner == "app"


def test_a_manager_does_not_check_who_may_write_a_databag():
    ctx = new_context()
    peers = testing.PeerRelation("peers", peers_data={1: {}})
    with ctx(ctx.on.start(), testing.State(relations={peers})) as manager:
        relation = manager.charm.model.get_relation("peers")
        assert relation is not None
        (other,) = relation.units
        relation.data[other]["key"] = "written"
        state_out = manager.run()
    assert state_out.get_relation(peers.id).local_unit_data["key"] == "written"
