"""What Jubilant does, with a stand-in for the command `juju` that prints what a test writes."""

import json
import pathlib
from typing import Any

import jubilant
import pytest

SCRIPT = """\
#!/bin/sh
cd "$(dirname "$0")"
echo "juju $*" >>calls
[ ! -f "$1" ] || cat "$1"
"""
STATUS = {
    "model": {
        "name": "testing",
        "type": "iaas",
        "controller": "concierge-lxd",
        "cloud": "localhost",
        "version": "3.6.14",
    },
    "machines": {},
    "applications": {},
}


class StandIn:
    """A folder with a command `juju` and what it prints."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.command = folder / "juju"
        self.command.write_text(SCRIPT)
        self.command.chmod(0o755)
        self._folder = folder

    def answer(self, subcommand: str, answer: object) -> None:
        """Have a subcommand print something as JSON."""
        (self._folder / subcommand).write_text(json.dumps(answer))

    @property
    def calls(self) -> list[str]:
        """The commands that were run."""
        return (self._folder / "calls").read_text().splitlines()


@pytest.fixture
def stand_in(tmp_path: pathlib.Path) -> StandIn:
    """Return a stand-in that reports a model without applications."""
    stand_in = StandIn(tmp_path)
    stand_in.answer("status", STATUS)
    return stand_in


@pytest.fixture
def juju(stand_in: StandIn) -> jubilant.Juju:
    """Return the real thing, with the stand-in for its command."""
    return jubilant.Juju(cli_binary=stand_in.command)


# Waiting.


def test_wait_asks_again_until_the_condition_holds(juju: jubilant.Juju, stand_in: StandIn):
    answers = iter([False, False, True])
    juju.wait(lambda status: next(answers), delay=0, successes=1)
    assert stand_in.calls == ["juju status --format json"] * 3


def test_the_condition_has_to_hold_three_times_in_a_row(juju: jubilant.Juju, stand_in: StandIn):
    answers = iter([True, True, False, True, True, True])
    juju.wait(lambda status: next(answers), delay=0)
    assert len(stand_in.calls) == 6


@pytest.mark.parametrize("successes", [1, 2, 5])
def test_successes_says_how_often_the_condition_has_to_hold(
    juju: jubilant.Juju, stand_in: StandIn, successes: int
):
    juju.wait(lambda status: True, delay=0, successes=successes)
    assert len(stand_in.calls) == successes


def test_a_wait_ends_as_soon_as_the_error_condition_holds(juju: jubilant.Juju, stand_in: StandIn):
    with pytest.raises(jubilant.WaitError):
        juju.wait(lambda status: False, error=lambda status: True, delay=0)
    assert len(stand_in.calls) == 1


def test_a_wait_ends_when_the_time_is_up(juju: jubilant.Juju):
    with pytest.raises(TimeoutError):
        juju.wait(lambda status: False, delay=0, timeout=0.01)


def test_an_error_that_ends_a_wait_shows_the_status(juju: jubilant.Juju):
    with pytest.raises(jubilant.WaitError) as failure:
        juju.wait(lambda status: False, error=lambda status: True, delay=0)
    first, *others = str(failure.value).splitlines()
    assert first.startswith("error function")
    assert "\n".join(others) == str(juju.status())


def test_a_condition_that_raises_ends_the_wait(juju: jubilant.Juju, stand_in: StandIn):
    with pytest.raises(KeyError):
        juju.wait(lambda status: status.apps["demo"].is_active, delay=0)
    assert len(stand_in.calls) == 1


@pytest.mark.parametrize("application", ["active", "waiting"])
@pytest.mark.parametrize("unit", ["active", "waiting"])
def test_all_active_wants_the_application_and_every_unit_active(
    juju: jubilant.Juju, stand_in: StandIn, application: str, unit: str
):
    app = {
        "charm": "local:demo-0",
        "charm-origin": "local",
        "charm-name": "demo",
        "charm-rev": 0,
        "exposed": False,
        "application-status": {"current": application},
        "units": {
            "demo/0": {"workload-status": {"current": "active"}},
            "demo/1": {"workload-status": {"current": unit}},
        },
    }
    stand_in.answer("status", STATUS | {"applications": {"demo": app}})
    all_are = application == unit == "active"
    assert jubilant.all_active(juju.status(), "demo") == all_are


# Asking.


def test_run_returns_what_the_action_set_logged_and_printed(
    juju: jubilant.Juju, stand_in: StandIn
):
    results = {"total": "3", "stdout": "adding\n", "stderr": "slowly\n", "return-code": 0}
    task = {"id": "4", "status": "completed", "results": results, "log": ["added up"]}
    stand_in.answer("run", {"demo/0": task})
    done = juju.run("demo/0", "add")
    assert done.results == {"total": "3"}
    assert done.log == ["added up"]
    assert (done.stdout, done.stderr) == ("adding\n", "slowly\n")


def test_show_unit_has_the_databags_that_a_unit_writes(juju: jubilant.Juju, stand_in: StandIn):
    relation: dict[str, Any] = {
        "relation-id": 0,
        "endpoint": "peers",
        "related-endpoint": "peers",
        "application-data": {"key": "of the application"},
        "local-unit": {"in-scope": True, "data": {"key": "of the unit"}},
    }
    unit = {"charm": "local:demo-0", "opened-ports": [], "leader": True, "life": "alive"}
    stand_in.answer("show-unit", {"demo/0": {**unit, "relation-info": [relation]}})
    (shown,) = juju.show_unit("demo/0").relation_info
    assert shown.app_data == {"key": "of the application"}
    assert shown.local_unit is not None
    assert shown.local_unit.data == {"key": "of the unit"}


# Acting.


def test_remove_unit_takes_an_application_and_a_number(juju: jubilant.Juju, stand_in: StandIn):
    juju.remove_unit("demo", num_units=2)
    assert stand_in.calls == ["juju remove-unit --no-prompt demo --num-units 2"]


def test_refresh_takes_the_path_of_a_packed_charm(juju: jubilant.Juju, stand_in: StandIn):
    juju.refresh("demo", path=pathlib.Path("/srv/demo.charm"))
    assert stand_in.calls == ["juju refresh demo --path /srv/demo.charm"]


def test_model_config_sets_options_of_the_model(juju: jubilant.Juju, stand_in: StandIn):
    juju.model_config({"update-status-hook-interval": "10s"})
    assert stand_in.calls == ["juju model-config update-status-hook-interval=10s"]


def test_ssh_runs_a_command_on_a_unit(juju: jubilant.Juju, stand_in: StandIn):
    juju.ssh("demo/0", "/charm/bin/pebble", "services")
    assert stand_in.calls == ["juju ssh demo/0 /charm/bin/pebble services"]
