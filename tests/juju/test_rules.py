"""Each of Juju's rules that the stand-in for the hook environment keeps.

The page that a rule was read from stands beside the rule, in `hook_environment`.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hook_environment import Done, Hook, Model, Storage, Unit, model_of

Deploy = Callable[..., list[Unit]]
ROOT = Path(__file__).parents[2]
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


# Storage


@pytest.fixture
def stored(model: Model) -> Model:
    """The model, with storage in app/0: data/0 and logs/1."""
    model.attached["app/0"] = [
        Storage("data", 0, Path("/mnt/data")),
        Storage("logs", 1, Path("/mnt/logs")),
    ]
    return model


def test_storage_list_has_what_is_attached_to_this_unit(stored: Model):
    hook = Hook(stored, "app/0")
    assert json.loads(run(hook, "storage-list", "--format=json")) == ["data/0", "logs/1"]
    assert json.loads(run(hook, "storage-list", "--format=json", "logs")) == ["logs/1"]
    assert json.loads(run(Hook(stored, "app/1"), "storage-list", "--format=json")) == []


def test_storage_get_has_to_be_told_of_which(stored: Model):
    hook = Hook(stored, "app/0")
    assert json.loads(run(hook, "storage-get", "-s", "logs/1", "--format=json")) == {
        "kind": "filesystem",
        "location": "/mnt/logs",
    }
    assert run(hook, "storage-get", "-s", "data/0", "location") == "/mnt/data"
    assert refused(hook, "storage-get", "location") == "no storage instance specified"
    for unit, storage in (("app/0", "data/1"), ("app/1", "data/0")):
        said = refused(Hook(stored, unit), "storage-get", "-s", storage)
        assert said == f'invalid value "{storage}" for option -s: storage not found'


def test_a_storage_hook_is_about_one_storage_unless_told_of_another(stored: Model):
    hook = Hook(stored, "app/0", storage="logs/1")
    assert run(hook, "storage-get", "location") == "/mnt/logs"
    assert run(hook, "storage-get", "-s", "data/0", "location") == "/mnt/data"


@pytest.mark.parametrize("option", ["type: block", "type: filesystem\n    location: /srv"])
def test_storage_of_another_kind_is_not_part_of_the_stand_in(option: str, tmp_path: Path):
    (tmp_path / "charmcraft.yaml").write_text(f"name: app\nstorage:\n  data:\n    {option}\n")
    with pytest.raises(ValueError, match="the storage data is not a single file system"):
        model_of(tmp_path)


# What each storage holds is listed in every hook of a charm that writes its hook's name there.
STORING = """
import json, os, subprocess

def command(*arguments):
    done = subprocess.run([*arguments, "--format=json"], capture_output=True, text=True)
    return json.loads(done.stdout)

if "storage" in os.environ["JUJU_HOOK_NAME"]:
    about = command("storage-get")
    assert about["location"] == os.environ["JUJU_STORAGE_LOCATION"]
    assert about["kind"] == os.environ["JUJU_STORAGE_KIND"]
for storage in command("storage-list"):
    location = command("storage-get", "-s", storage)["location"]
    print(storage, *sorted(os.listdir(location)))
    open(os.path.join(location, os.environ["JUJU_HOOK_NAME"]), "w").close()
"""


TIED, FREE = "machine-dependent-storage", "machine-independent-storage"


def test_storage_of_a_machine_is_attached_before_install_and_detaching_after_stop(deploy: Deploy):
    (unit,) = deploy("keeper", source=STORING)
    first, last = unit.set_up(), unit.remove()
    attached = [f"{TIED}-storage-attached", f"{FREE}-storage-attached"]
    assert names(first)[:3] == [*attached, "install"]
    # What is not attached yet is not listed.
    assert [each.output.count("\n") for each in first[:3]] == [1, 2, 2]
    detaching = [f"{TIED}-storage-detaching", f"{FREE}-storage-detaching"]
    assert names(last) == ["stop", *detaching, "remove"]
    # A storage is there while it is detaching.
    assert [each.output.count("\n") for each in last] == [2, 2, 1, 0]


def test_storage_on_kubernetes_is_attached_after_start(deploy: Deploy):
    (unit,) = deploy("keeper", source=IDLE)
    unit.model.on_kubernetes = True
    attached = [f"{TIED}-storage-attached", f"{FREE}-storage-attached"]
    assert names(unit.set_up())[-3:] == ["start", *attached]
    assert model_of(ROOT / "examples/peer-data").on_kubernetes
    assert not model_of(ROOT / "examples/stored-state").on_kubernetes


def test_storage_stays_attached_when_the_hook_fails(deploy: Deploy):
    (unit,) = deploy("keeper", source="import sys; sys.exit('no')")
    unit.attach(*unit.storages)
    event = unit.model.storage_event(unit.storages[0], "detaching")
    assert unit.dispatch(event).status == 1
    assert unit.model.attached[unit.name] == unit.storages


def test_storage_outlives_the_charm_and_not_always_the_container(deploy: Deploy):
    (unit,) = deploy("keeper", source=STORING)
    unit.model.independent = {FREE}
    unit.attach(*unit.storages)
    written = unit.dispatch("install").check().output
    assert written.splitlines() == [f"{TIED}/0", f"{FREE}/1"]
    unit.replace_charm()
    read = unit.dispatch("start").check().output
    assert read.splitlines() == [f"{TIED}/0 install", f"{FREE}/1 install"]
    unit.replace_container()
    read = unit.dispatch("start").check().output
    assert read.splitlines() == [f"{TIED}/0", f"{FREE}/1 install start"]


def test_storage_goes_with_its_machine_or_is_left_for_another_unit(deploy: Deploy):
    (unit,) = deploy("keeper", source=STORING)
    unit.model.independent = {FREE}
    tied, free = unit.storages
    unit.set_up()
    unit.remove()
    assert not tied.location.exists()
    assert unit.model.detached == [free]
    other = Unit(unit.model, unit.charm, unit.directory, source=STORING, storages=[free])
    assert unit.model.detached == []
    # A number is not used again.
    assert [each.id for each in other.storages] == [f"{FREE}/1", f"{TIED}/2"]
    attached = other.set_up()[0].check()
    assert attached.event.name == f"{FREE}-storage-attached"
    assert f"{FREE}-storage-detaching" in attached.output


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
    assert names(leader.upgrade()) == ["upgrade-charm", "config-changed"]
    follows = ["upgrade-charm", "config-changed", "leader-settings-changed"]
    assert names(other.upgrade()) == follows
    assert names(other.upgrade_on_kubernetes()) == ["stop", *follows, "start"]


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
