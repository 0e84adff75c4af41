"""State-transition tests: state in, one event, state out."""

import json
import uuid

import ops
import pytest
from ops import testing

from charm import PEER_NAME, FastAPIDemoCharm

# Pebble has not come up yet. A state needs every container that the charm talks to.
CONTAINER = testing.Container("demo-server")


@pytest.mark.parametrize("leader", [True, False])
def test_first_start(leader: bool):
    ctx = testing.Context(FastAPIDemoCharm)
    peers = testing.PeerRelation(PEER_NAME)
    state_in = testing.State(relations={peers}, containers={CONTAINER}, leader=leader)
    peers_out = ctx.run(ctx.on.start(), state_in).get_relation(peers.id)
    assert json.loads(peers_out.local_unit_data["unit_stats"]) == {"started_counter": 1}
    assert peers_out.local_app_data == {}


def test_second_start_counts_on():
    ctx = testing.Context(FastAPIDemoCharm)
    peers = testing.PeerRelation(PEER_NAME)
    state_in = testing.State(relations={peers}, containers={CONTAINER})
    started_once = ctx.run(ctx.on.start(), state_in)
    started_twice = ctx.run(ctx.on.start(), started_once)
    bag = started_twice.get_relation(peers.id).local_unit_data
    assert json.loads(bag["unit_stats"]) == {"started_counter": 2}


def test_start_before_the_peer_relation():
    ctx = testing.Context(FastAPIDemoCharm)
    state_out = ctx.run(ctx.on.start(), testing.State(containers={CONTAINER}))
    warning = "Cannot store unit_stats of fastapi-demo/0: no peer relation yet"
    assert testing.JujuLogLine("WARNING", warning) in ctx.juju_log
    assert state_out.unit_status == testing.WaitingStatus("waiting for the peer relation")


@pytest.mark.parametrize(
    "malformed",
    [
        "not JSON",
        "[1]",
        "{}",
        '{"started_counter": "1"}',
        '{"started_counter": true}',
        '{"started_counter": 0}',
        '{"started_counter": -5}',
        '{"started_counter": 9223372036854775807}',
        pytest.param("[" * 200_000 + "]" * 200_000, id="deeply nested"),
    ],
)
def test_start_with_malformed_data(malformed: str):
    ctx = testing.Context(FastAPIDemoCharm)
    peers = testing.PeerRelation(PEER_NAME, local_unit_data={"unit_stats": malformed})
    state_in = testing.State(relations={peers}, containers={CONTAINER})
    state_out = ctx.run(ctx.on.start(), state_in)
    warning = "Ignoring malformed unit_stats of fastapi-demo/0"
    assert testing.JujuLogLine("WARNING", warning) in ctx.juju_log
    bag = state_out.get_relation(peers.id).local_unit_data
    assert json.loads(bag["unit_stats"]) == {"started_counter": 1}


def test_leader_sets_the_deployment_id():
    ctx = testing.Context(FastAPIDemoCharm)
    peers = testing.PeerRelation(PEER_NAME)
    state_in = testing.State(relations={peers}, containers={CONTAINER}, leader=True)
    state_out = ctx.run(ctx.on.leader_elected(), state_in)
    deployment_id = json.loads(state_out.get_relation(peers.id).local_app_data["deployment_id"])
    assert uuid.UUID(deployment_id).version == 4
    assert uuid.UUID(deployment_id).hex == deployment_id


def test_leader_from_the_first_sets_the_deployment_id():
    ctx = testing.Context(FastAPIDemoCharm)
    peers = testing.PeerRelation(PEER_NAME)
    state_in = testing.State(relations={peers}, containers={CONTAINER}, leader=True)
    state_out = ctx.run(ctx.on.relation_created(peers), state_in)
    assert "deployment_id" in state_out.get_relation(peers.id).local_app_data


def test_non_leader_sets_no_deployment_id():
    ctx = testing.Context(FastAPIDemoCharm)
    peers = testing.PeerRelation(PEER_NAME)
    state_in = testing.State(relations={peers}, containers={CONTAINER}, leader=False)
    state_out = ctx.run(ctx.on.relation_created(peers), state_in)
    assert state_out.get_relation(peers.id).local_app_data == {}


def test_new_leader_keeps_the_deployment_id():
    ctx = testing.Context(FastAPIDemoCharm)
    peers = testing.PeerRelation(PEER_NAME, local_app_data={"deployment_id": '"abc"'})
    state_in = testing.State(relations={peers}, containers={CONTAINER}, leader=True)
    state_out = ctx.run(ctx.on.leader_elected(), state_in)
    assert state_out.get_relation(peers.id).local_app_data == {"deployment_id": '"abc"'}


@pytest.mark.parametrize("malformed", ["not JSON", "42", '""', '"\\u0000"'])
def test_leader_replaces_a_malformed_id(malformed: str):
    ctx = testing.Context(FastAPIDemoCharm)
    peers = testing.PeerRelation(PEER_NAME, local_app_data={"deployment_id": malformed})
    state_in = testing.State(relations={peers}, containers={CONTAINER}, leader=True)
    state_out = ctx.run(ctx.on.leader_elected(), state_in)
    warning = "Ignoring malformed deployment_id of fastapi-demo"
    assert testing.JujuLogLine("WARNING", warning) in ctx.juju_log
    bag = state_out.get_relation(peers.id).local_app_data
    assert isinstance(json.loads(bag["deployment_id"]), str)


def test_leader_elected_before_the_peer_relation():
    ctx = testing.Context(FastAPIDemoCharm)
    ctx.run(ctx.on.leader_elected(), testing.State(containers={CONTAINER}, leader=True))
    warning = "Cannot store deployment_id of fastapi-demo: no peer relation yet"
    assert testing.JujuLogLine("WARNING", warning) in ctx.juju_log


def test_action_adds_up_three_units():
    ctx = testing.Context(FastAPIDemoCharm)
    peers = testing.PeerRelation(
        PEER_NAME,
        local_app_data={"deployment_id": '"abc"'},
        local_unit_data={"unit_stats": '{"started_counter": 1}'},
        peers_data={
            1: {"unit_stats": '{"started_counter": 20}'},
            2: {"unit_stats": '{"started_counter": 300}'},
        },
    )
    state_in = testing.State(relations={peers}, containers={CONTAINER}, leader=False)
    ctx.run(ctx.on.action("get-start-counts"), state_in)
    assert ctx.action_results == {"this-unit": 1, "total": 321, "deployment-id": "abc"}


def test_action_leaves_out_what_it_cannot_read():
    ctx = testing.Context(FastAPIDemoCharm)
    peers = testing.PeerRelation(
        PEER_NAME,
        local_unit_data={"unit_stats": '{"started_counter": 1}'},
        peers_data={1: {"unit_stats": "not JSON"}, 2: {}},
    )
    state_in = testing.State(relations={peers}, containers={CONTAINER})
    ctx.run(ctx.on.action("get-start-counts"), state_in)
    warning = "Ignoring malformed unit_stats of fastapi-demo/1"
    assert [line.message for line in ctx.juju_log if line.level == "WARNING"] == [warning]
    assert ctx.action_results == {"this-unit": 1, "total": 1, "deployment-id": "not set yet"}


def test_action_before_the_peer_relation():
    ctx = testing.Context(FastAPIDemoCharm)
    with pytest.raises(testing.ActionFailed) as failure:
        ctx.run(ctx.on.action("get-start-counts"), testing.State(containers={CONTAINER}))
    assert failure.value.message == "no peer relation yet"


def test_pebble_ready_starts_the_web_server():
    ctx = testing.Context(FastAPIDemoCharm)
    peers = testing.PeerRelation(PEER_NAME)
    container = testing.Container("demo-server", can_connect=True)
    state_in = testing.State(relations={peers}, containers={container})
    state_out = ctx.run(ctx.on.pebble_ready(container), state_in)
    container_out = state_out.get_container("demo-server")
    assert container_out.layers["fastapi-demo"].to_dict() == {
        "services": {
            "fastapi": {
                "override": "replace",
                "command": "/bin/uvicorn api_demo_server.app:app --host 0.0.0.0 --port 8000",
                "environment": {"DEMO_SERVER_LOGFILE": "/tmp/demo_server.log"},
                "startup": "enabled",
            }
        }
    }
    assert container_out.service_statuses == {"fastapi": ops.pebble.ServiceStatus.ACTIVE}
    assert state_out.unit_status == testing.ActiveStatus()


def test_pebble_ready_a_second_time():
    ctx = testing.Context(FastAPIDemoCharm)
    peers = testing.PeerRelation(PEER_NAME)
    container = testing.Container("demo-server", can_connect=True)
    state_in = testing.State(relations={peers}, containers={container})
    ready_once = ctx.run(ctx.on.pebble_ready(container), state_in)
    container_once = ready_once.get_container("demo-server")
    ready_twice = ctx.run(ctx.on.pebble_ready(container_once), ready_once)
    assert ready_twice.get_container("demo-server").plan == container_once.plan
    assert ready_twice.unit_status == testing.ActiveStatus()


def test_pebble_ready_when_pebble_is_gone_again():
    ctx = testing.Context(FastAPIDemoCharm)
    peers = testing.PeerRelation(PEER_NAME)
    state_in = testing.State(relations={peers}, containers={CONTAINER})
    state_out = ctx.run(ctx.on.pebble_ready(CONTAINER), state_in)
    warning = "Pebble is gone again: waiting for the next pebble-ready event"
    assert testing.JujuLogLine("WARNING", warning) in ctx.juju_log
    assert state_out.unit_status == testing.WaitingStatus("waiting for the web server")


def test_unit_waits_while_the_web_server_is_down():
    ctx = testing.Context(FastAPIDemoCharm)
    peers = testing.PeerRelation(PEER_NAME)
    container = testing.Container("demo-server", can_connect=True)
    state_in = testing.State(relations={peers}, containers={container})
    state_out = ctx.run(ctx.on.update_status(), state_in)
    assert state_out.unit_status == testing.WaitingStatus("waiting for the web server")
