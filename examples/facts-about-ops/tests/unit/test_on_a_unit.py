"""What `ops.main` does on a unit: in a process of its own, with stand-ins for hook commands."""

import contextlib
import os
import pathlib
import sqlite3
import subprocess
import sys

import pytest

CHARM = """\
import logging

import ops


class Charm(ops.CharmBase):
    _stored = ops.StoredState()

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        framework.observe(self.on.start, self._on_start)
        framework.observe(self.on.config_changed, self._on_config_changed)
        framework.observe(self.on.stop, self._on_stop)

    def _on_start(self, event: ops.StartEvent) -> None:
        logging.info("handling start")
        self._stored.value = 1
        self._stored.text = "two"

    def _on_config_changed(self, event: ops.ConfigChangedEvent) -> None:
        event.defer()

    def _on_stop(self, event: ops.StopEvent) -> None:
        self._stored.value = 2
        raise RuntimeError("the disk is full")


if __name__ == "__main__":
    ops.main(Charm)
"""


class Unit:
    """A unit of a charm: its folder, and what it has called."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.charm_folder = folder / "charm"
        self.state_file = self.charm_folder / ".unit-state.db"
        self.source = self.charm_folder / "src" / "charm.py"
        self.source.parent.mkdir(parents=True)
        self.source.write_text(CHARM)
        self.metadata = self.charm_folder / "metadata.yaml"
        self.metadata.write_text("name: demo\n")
        self._calls = folder / "calls"
        self._hook_commands = folder / "bin"
        self._hook_commands.mkdir()
        for name, script in {
            "is-leader": "echo true",
            "juju-log": "",
            "state-get": "",
            "state-set": "cat >/dev/null",
        }.items():
            command = self._hook_commands / name
            command.write_text(f"#!/bin/sh\necho {name} \"$*\" >>'{self._calls}'\n{script}\n")
            command.chmod(0o755)

    @property
    def calls(self) -> str:
        """The hook commands that the charm has called, with their arguments."""
        return self._calls.read_text()

    def dispatch(self, event: str) -> int:
        """Run the charm as Juju does; return its exit status."""
        return subprocess.run(
            [sys.executable, "-W", "always::DeprecationWarning", self.source],
            cwd=self.charm_folder,
            env={
                "PATH": f"{self._hook_commands}{os.pathsep}{os.environ['PATH']}",
                "JUJU_CHARM_DIR": str(self.charm_folder),
                "JUJU_DISPATCH_PATH": f"hooks/{event}",
                "JUJU_HOOK_NAME": event,
                "JUJU_MODEL_NAME": "testing",
                "JUJU_MODEL_UUID": "00000000-0000-4000-8000-000000000000",
                "JUJU_UNIT_NAME": "demo/0",
                "JUJU_VERSION": "3.6.14",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
        ).returncode

    def query(self, sql: str) -> list[str]:
        """Return the first column of what the file of stored values holds."""
        with contextlib.closing(sqlite3.connect(self.state_file)) as database:
            return [row[0] for row in database.execute(sql)]


@pytest.fixture
def unit(tmp_path: pathlib.Path) -> Unit:
    """Return a new unit."""
    return Unit(tmp_path / "unit")


def test_main_sends_the_charm_the_event_that_juju_names(unit: Unit):
    assert unit.dispatch("start") == 0
    assert "handling start" in unit.calls


def test_an_error_that_a_handler_raises_is_in_the_log(unit: Unit):
    assert unit.dispatch("stop") == 1
    assert "RuntimeError: the disk is full" in unit.calls


def test_stored_values_are_in_a_file_next_to_the_charm(unit: Unit):
    unit.dispatch("start")
    handles = unit.query("SELECT handle FROM snapshot")
    assert "Charm/StoredStateData[_stored]" in handles


def test_the_file_of_stored_values_is_not_encrypted(unit: Unit):
    unit.dispatch("start")
    assert b"two" in unit.state_file.read_bytes()


def test_the_file_is_for_the_charms_user_alone(unit: Unit):
    unit.dispatch("start")
    assert unit.state_file.stat().st_mode & 0o777 == 0o600


def test_each_unit_has_a_file_of_its_own(unit: Unit, tmp_path: pathlib.Path):
    other = Unit(tmp_path / "other")
    unit.dispatch("start")
    other.dispatch("config-changed")
    assert [b"two" in each.state_file.read_bytes() for each in (unit, other)] == [True, False]


def test_all_values_of_a_stored_state_are_one_record(unit: Unit):
    unit.dispatch("start")
    handles = unit.query("SELECT handle FROM snapshot WHERE handle LIKE 'Charm/%'")
    assert handles == ["Charm/StoredStateData[_stored]"]


def test_nothing_is_kept_of_an_event_whose_handler_fails(unit: Unit):
    unit.dispatch("start")
    before = unit.query("SELECT data FROM snapshot")
    assert unit.dispatch("stop") == 1
    assert unit.query("SELECT data FROM snapshot") == before


def test_a_deferred_event_is_in_the_file_of_stored_values(unit: Unit):
    unit.dispatch("config-changed")
    assert unit.query("SELECT method_name FROM notice") == ["_on_config_changed"]


def test_use_juju_for_storage_makes_no_file_and_is_deprecated(unit: Unit):
    option = unit.source.read_text().replace("(Charm)", "(Charm, use_juju_for_storage=True)")
    unit.source.write_text(option)
    unit.dispatch("start")
    assert not unit.state_file.exists()
    assert "state-set" in unit.calls
    assert "DeprecationWarning: Controller storage is deprecated" in unit.calls


def test_a_podspec_charm_has_a_file_like_any_other(unit: Unit):
    unit.metadata.write_text("name: demo\nseries: [kubernetes]\n")
    unit.dispatch("start")
    assert "Charm/StoredStateData[_stored]" in unit.query("SELECT handle FROM snapshot")
