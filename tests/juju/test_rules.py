"""Each of Juju's rules that the stand-in for the hook environment keeps.

The page that a rule was read from stands beside the rule, in `hook_environment`.
"""

import json
from collections.abc import Callable

import pytest
from hook_environment import Done, Hook, Model, Unit

Deploy = Callable[..., list[Unit]]
# A charm that does nothing, for the order of hooks: Python alone starts fast.
IDLE = "pass"


@pytest.fixture
def model() -> Model:
    """A model with a leader, app/0, and another unit, app/1, in a peer relation, peers:7."""
    model = Model("app", {"peers": 7})
    for _ in range(2):
        model.enter(model.add_unit(), 7)
    for events in model.pending.values():
        events.clear()
    return model


def run(hook: Hook, *command: str, piped: str = "") -> str:
    """Run a hook command that has to succeed, and return what it prints."""
    status, output, error = hook.run(command[0], command[1:], piped)
    assert status == 0, error
    return output


def refused(hook: Hook, *command: str, piped: str = "") -> str:
    """Run a hook command that has to fail, and return what it says."""
    status, _, error = hook.run(command[0], command[1:], piped)
    assert status == 1
    return error.removeprefix("ERROR ").rstrip()


def bag(hook: Hook, owner: str) -> dict[str, str]:
    return json.loads(run(hook, "relation-get", "-r", "peers:7", "-", owner))


def told(model: Model) -> dict[str, list[str]]:
    """Return the hooks that Juju has to run yet."""
    return {unit: [event.name for event in events] for unit, events in model.pending.items()}


# Databags


def test_a_databag_changes_when_the_hook_has_succeeded(model: Model):
    writer, other = Hook(model, "app/1"), Hook(model, "app/0")
    run(writer, "relation-set", "-r", "7", "colour=red")
    assert bag(writer, "app/1") == {"colour": "red"}
    assert bag(other, "app/1") == {}
    writer.commit()
    assert bag(other, "app/1") == {"colour": "red"}


def test_an_empty_value_removes_its_key(model: Model):
    model.bags[7, "app/1"] = {"colour": "red", "size": "1"}
    hook = Hook(model, "app/1")
    run(hook, "relation-set", "-r", "7", "colour=")
    assert bag(hook, "app/1") == {"size": "1"}
    hook.commit()
    assert model.bags[7, "app/1"] == {"size": "1"}


def test_a_value_is_a_string(model: Model):
    hook = Hook(model, "app/1")
    run(hook, "relation-set", "-r", "7", "--file", "-", piped='{"count": 1, "on": true}')
    assert bag(hook, "app/1") == {"count": "1", "on": "true"}
    said = refused(hook, "relation-set", "-r", "7", "--file", "-", piped='{"count": [1]}')
    assert said == "cannot unmarshal a map or a list into a string"


def test_only_the_leader_writes_the_databag_of_the_application(model: Model):
    leader, other = Hook(model, "app/0"), Hook(model, "app/1")
    run(leader, "relation-set", "-r", "7", "--app", "colour=red")
    leader.commit()
    said = refused(other, "relation-set", "-r", "7", "--app", "colour=blue")
    assert said == "cannot write relation settings"
    assert bag(other, "app") == {"colour": "red"}


def test_a_unit_reads_the_databags_of_its_peers_and_writes_its_own_alone(model: Model):
    model.bags[7, "app/1"] = {"colour": "red"}
    hook = Hook(model, "app/0")
    assert bag(hook, "app/1") == {"colour": "red"}
    said = refused(hook, "relation-set", "-r", "7", "app/1", "colour=blue")
    assert said == 'expected "key=value", got "app/1"'


def test_a_unit_does_not_read_the_databag_of_another_application(model: Model):
    hook = Hook(model, "app/0")
    assert refused(hook, "relation-get", "-r", "7", "-", "other/0") == "permission denied"


def test_two_units_write_at_once(model: Model):
    hooks = [Hook(model, "app/0"), Hook(model, "app/1")]
    for hook in hooks:
        run(hook, "relation-set", "-r", "7", f"name={hook.unit}")
    for hook in hooks:
        hook.commit()
    assert model.bags == {(7, "app/0"): {"name": "app/0"}, (7, "app/1"): {"name": "app/1"}}


def test_there_is_no_relation_before_relation_created():
    model = Model("app", {"peers": 7})
    hook = Hook(model, model.add_unit())
    assert run(hook, "relation-ids", "peers") == "[]"
    for command in (["relation-get"], ["relation-set"], ["relation-list"]):
        said = refused(hook, *command, "-r", "7")
        assert said == 'invalid value "7" for option -r: relation not found'
    model.enter("app/0", 7)
    assert run(hook, "relation-ids", "peers") == '["peers:7"]'


def test_the_units_of_a_peer_relation_are_the_other_ones(model: Model):
    assert run(Hook(model, "app/0"), "relation-list", "-r", "7") == '["app/1"]'
    assert (
        run(Hook(model, "app/0"), "relation-list", "-r", "7", "--app", "--format=json") == '"app"'
    )


def test_others_are_told_of_a_change_once_and_the_writer_is_not(model: Model):
    for value in ("red", "blue", "blue"):
        hook = Hook(model, "app/0")
        run(hook, "relation-set", "-r", "7", "--app", f"colour={value}")
        hook.commit()
    assert told(model) == {"app/0": [], "app/1": ["peers-relation-changed"]}
    (event,) = model.pending["app/1"]
    assert event.environment == {
        "JUJU_RELATION": "peers",
        "JUJU_RELATION_ID": "peers:7",
        "JUJU_REMOTE_APP": "app",
    }


def test_nobody_is_told_of_what_stays_as_it_was(model: Model):
    model.bags[7, "app"] = {"colour": "red"}
    hook = Hook(model, "app/0")
    run(hook, "relation-set", "-r", "7", "--app", "colour=blue")
    run(hook, "relation-set", "-r", "7", "--app", "colour=red")
    hook.commit()
    assert told(model) == {"app/0": [], "app/1": []}


# Secrets


def add_secret(model: Model, *options: str) -> str:
    hook = Hook(model, "app/0")
    secret = run(hook, "secret-add", *options, "password=first")
    hook.commit()
    return secret


def test_a_secret_is_there_when_the_hook_has_succeeded(model: Model):
    hook = Hook(model, "app/0")
    secret = run(hook, "secret-add", "password=first")
    assert json.loads(run(hook, "secret-get", secret)) == {"password": "first"}
    assert refused(Hook(model, "app/1"), "secret-get", secret) == f'secret "{secret}" not found'
    assert model.secrets == {}
    hook.commit()
    assert json.loads(run(Hook(model, "app/1"), "secret-get", secret)) == {"password": "first"}


def test_only_the_leader_adds_and_changes_a_secret_of_the_application(model: Model):
    secret = add_secret(model, "--label", "admin")
    other = Hook(model, "app/1")
    assert refused(other, "secret-add", "password=mine") == "this unit is not the leader"
    for change in (["secret-set", secret, "password=mine"], ["secret-remove", secret]):
        assert refused(other, *change) == f'secret "{secret}" not found'
    model.elect("app/1")
    run(other, "secret-set", secret, "password=second")
    other.commit()
    assert model.secrets[secret].revisions == {
        1: {"password": "first"},
        2: {"password": "second"},
    }


def test_any_unit_has_secrets_of_its_own(model: Model):
    other = Hook(model, "app/1")
    secret = run(other, "secret-add", "--owner", "unit", "password=mine")
    other.commit()
    assert json.loads(run(other, "secret-get", secret)) == {"password": "mine"}
    assert refused(Hook(model, "app/0"), "secret-get", secret) == "permission denied"


def test_a_unit_stays_with_the_revision_that_it_has_read(model: Model):
    secret = add_secret(model)
    other = Hook(model, "app/1")
    assert json.loads(run(other, "secret-get", secret)) == {"password": "first"}
    leader = Hook(model, "app/0")
    run(leader, "secret-set", secret, "password=second")
    leader.commit()
    assert json.loads(run(other, "secret-get", secret)) == {"password": "first"}
    assert json.loads(run(other, "secret-get", secret, "--peek")) == {"password": "second"}
    assert json.loads(run(other, "secret-get", secret)) == {"password": "first"}
    assert json.loads(run(other, "secret-get", secret, "--refresh")) == {"password": "second"}
    assert json.loads(run(other, "secret-get", secret)) == {"password": "second"}


def test_old_revisions_stay_until_they_are_removed(model: Model):
    secret = add_secret(model)
    leader = Hook(model, "app/0")
    run(leader, "secret-set", secret, "password=second")
    leader.commit()
    assert list(model.secrets[secret].revisions) == [1, 2]
    leader = Hook(model, "app/0")
    run(leader, "secret-remove", secret, "--revision", "1")
    leader.commit()
    assert list(model.secrets[secret].revisions) == [2]


def test_keys_and_labels_of_secrets(model: Model):
    add_secret(model, "--label", "admin")
    leader = Hook(model, "app/0")
    assert refused(leader, "secret-add", "pw=first") == 'key "pw" not valid'
    said = refused(leader, "secret-add", "--label", "admin", "password=other")
    assert said == 'secret with label "admin" already exists'


# Status, state, actions


def test_a_status_is_set_at_once(model: Model):
    run(Hook(model, "app/1"), "status-set", "--application=False", "blocked", "--", "-no-")
    assert model.statuses == {"app/1": ("blocked", "-no-")}


def test_only_the_leader_has_to_do_with_the_status_of_the_application(model: Model):
    other = Hook(model, "app/1")
    for command in (
        ["status-set", "--application=True", "active"],
        ["status-get", "--application=true"],
    ):
        assert refused(other, *command) == "this unit is not the leader"


def test_a_unit_keeps_a_state_of_its_own_in_the_controller(model: Model):
    hook = Hook(model, "app/1")
    run(hook, "state-set", "--file", "-", piped='{"a": "1", "b": "2"}')
    run(hook, "state-delete", "a")
    assert model.charm_states == {}
    hook.commit()
    assert json.loads(run(Hook(model, "app/1"), "state-get")) == {"b": "2"}
    assert json.loads(run(Hook(model, "app/0"), "state-get")) == {}


def test_hook_commands_of_actions_are_for_actions(model: Model):
    assert refused(Hook(model, "app/0"), "action-get") == "not running an action"
    action = Hook(model, "app/0", parameters={"size": 3})
    assert json.loads(run(action, "action-get")) == {"size": 3}
    run(action, "action-set", "total=3")
    assert action.results == {"total": "3"}


def test_what_the_stand_in_does_not_have_fails(model: Model):
    said = refused(Hook(model, "app/0"), "network-get", "peers")
    assert said == "network-get is not part of this stand-in for the hook environment"


# The order of hooks


def names(done: list[Done]) -> list[str]:
    return [each.check().event.name for each in done]


def test_order_of_hooks_of_new_units(deploy: Deploy):
    leader, other = deploy("peer-data", units=2, source=IDLE)
    assert names(leader.set_up()) == [
        "install",
        "fastapi-peer-relation-created",
        "leader-elected",
        "config-changed",
        "start",
    ]
    assert names(other.set_up()) == [
        "install",
        "fastapi-peer-relation-created",
        "leader-settings-changed",
        "config-changed",
        "start",
    ]
    for unit in (leader, other):
        joined, changed = unit.settle()
        assert names([joined, changed]) == [
            "fastapi-peer-relation-joined",
            "fastapi-peer-relation-changed",
        ]
        assert joined.event.environment["JUJU_REMOTE_UNIT"] != unit.name


def test_a_single_unit_sees_nobody_join(deploy: Deploy):
    (unit,) = deploy("peer-data", source=IDLE)
    unit.set_up()
    assert unit.settle() == []


def test_order_of_hooks_of_an_upgrade(deploy: Deploy):
    leader, other = deploy("peer-data", units=2, source=IDLE)
    assert names(leader.upgrade()) == ["upgrade-charm", "config-changed", "start"]
    follows = ["upgrade-charm", "config-changed", "leader-settings-changed", "start"]
    assert names(other.upgrade()) == follows
    assert names(other.upgrade_on_kubernetes()) == ["stop", *follows]


def test_a_removed_leader_is_followed_by_another(deploy: Deploy):
    leader, other = deploy("peer-data", units=2, source=IDLE)
    for unit in (leader, other):
        unit.set_up()
    for unit in (leader, other):
        unit.settle()
    leader.model.bags[0, leader.name] = {"key": "value"}
    assert names(leader.remove()) == ["fastapi-peer-relation-departed", "stop", "remove"]
    assert other.model.leader == other.name
    departed, elected = other.settle()
    assert names([departed, elected]) == ["fastapi-peer-relation-departed", "leader-elected"]
    assert departed.event.environment["JUJU_DEPARTING_UNIT"] == leader.name
    # Its settings are there for as long as the relation is, and its number is not used again.
    assert bag_of(other, leader.name) == {"key": "value"}
    assert other.model.add_unit() == "fastapi-demo/2"


def bag_of(unit: Unit, owner: str) -> dict[str, str]:
    return json.loads(run(Hook(unit.model, unit.name), "relation-get", "-r", "0", "-", owner))


# The same through a charm in a process of its own

PROBE = """
import json, os, subprocess, sys

name = os.environ["JUJU_HOOK_NAME"]
def command(*arguments):
    done = subprocess.run(arguments, capture_output=True, text=True)
    print(done.stdout.strip() or done.stderr.strip() or "done")

command("is-leader", "--format=json")
command("relation-set", "-r", "fastapi-peer:0", f"{name}=written")
command("relation-set", "-r", "fastapi-peer:0", "--app", f"{name}=written")
command("status-set", "maintenance", name)
sys.exit(name == "update-status")
"""


def test_a_process_meets_the_same_rules(deploy: Deploy):
    leader, other = deploy("peer-data", units=2, source=PROBE)
    refused = 'ERROR invalid value "0" for option -r: relation not found'
    assert leader.dispatch("install").output.splitlines() == ["true", refused, refused, "done"]
    created = other.dispatch(other.model.relation_event(0, "created"))
    refused = "ERROR cannot write relation settings"
    assert created.output.splitlines() == ["false", "done", refused, "done"]


def test_a_hook_that_fails_changes_no_databag_but_the_status(deploy: Deploy):
    (leader,) = deploy("peer-data", source=PROBE)
    created = leader.model.relation_event(0, "created")
    leader.dispatch(created).check()
    assert leader.dispatch("update-status").status == 1
    assert leader.model.bags[0, leader.name] == {"fastapi-peer-relation-created": "written"}
    assert leader.model.statuses[leader.name] == ("maintenance", "update-status")


def test_what_every_hook_is_told(deploy: Deploy):
    source = "import os\nfor key in os.environ: print(key, os.environ[key])"
    (unit,) = deploy("stored-state", source=source)
    told = dict(line.split(" ", 1) for line in unit.dispatch("start").output.splitlines())
    assert told["JUJU_CHARM_DIR"] == str(unit.directory)
    assert told["JUJU_DISPATCH_PATH"] == "hooks/start"
    assert told["JUJU_HOOK_NAME"] == "start"
    assert told["JUJU_UNIT_NAME"] == "stored-state-demo/0"
    told = dict(line.split(" ", 1) for line in unit.run_action("count").output.splitlines())
    assert told["JUJU_DISPATCH_PATH"] == "actions/count"
    assert told["JUJU_ACTION_NAME"] == "count"
    assert told["JUJU_HOOK_NAME"] == ""


def test_a_hook_command_can_be_made_to_fail(deploy: Deploy):
    (leader,) = deploy("peer-data", source=PROBE)
    done = leader.dispatch("start", refuse={"is-leader": "the controller is away"})
    assert done.output.splitlines()[0] == "ERROR the controller is away"
