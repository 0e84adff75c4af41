"""An application: its charm, its units' agents and its leader, as time passes."""

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from hook_environment import Event, Unit, model_of

from juju_command.agent import Agent, Log
from juju_command.pebble import Cluster, Pod

SECONDS_OF_LEASE = 60
"""When the leader is gone, the "lease [is] to expire within 60s, and another unit of the same
application will be elected leader" (`hook/#leader-elected`)."""


class Application:
    """An application of a packed charm.

    Args:
        name: what it is called.
        charm: the folder of the unpacked charm.
        directory: where its units may have their files.
        log: where to write what Juju logs.
        cloud: where it is deployed: a cluster, or numbers for new machines.
    """

    def __init__(
        self, name: str, charm: Path, directory: Path, log: Log, cloud: Cluster | Iterator[int]
    ):
        self.project = _read_project(charm)
        self.revision = 0
        self.model = model_of(charm)
        self.model.application = name
        self.agents: dict[str, Agent] = {}
        """The agents of its units, by the unit's name."""
        self._charm = charm
        self._directory = directory
        self._log = log
        self._cloud = cloud
        self._lease_left = SECONDS_OF_LEASE
        self._to_upgrade: list[Agent] = []

    @property
    def options(self) -> dict[str, dict[str, Any]]:
        """The options of the configuration, by their names."""
        return self.project.get("config", {}).get("options", {})

    @property
    def url(self) -> str:
        """How Juju names the charm."""
        return self.url_of(self.revision)

    def url_of(self, revision: int) -> str:
        """Return how Juju names a revision of the charm."""
        return f"local:{self.project['name']}-{revision}"

    def add_units(self, count: int) -> None:
        """Add units, which have all their hooks to run yet."""
        for _ in range(count):
            directory = Path(tempfile.mkdtemp(dir=self._directory))
            unit = Unit(self.model, self._charm, directory)
            if isinstance(self._cloud, Cluster):
                containers = list(self.project.get("containers", {}))
                place = Pod(self._cloud, unit.name.replace("/", "-"), containers)
            else:
                place = next(self._cloud)
            self.agents[unit.name] = Agent(unit, self.revision, self._log, place)

    def remove_units(self, *units: str) -> None:
        """Have units run their last hooks, and leave."""
        for unit in units:
            if not self.agents[unit].is_leaving:
                self.agents[unit].remove()

    def scale_down(self, count: int) -> None:
        """Remove so many units: a StatefulSet removes those with the highest numbers."""
        staying = [name for name, agent in self.agents.items() if not agent.is_leaving]
        self.remove_units(*staying[-count:])

    def refresh(self, charm: Path) -> None:
        """Upgrade all units to a charm.

        "On machines, charm upgrades happen at the same time on all units of an application.
        However, on Kubernetes [...] charm upgrades happen sequentially, unit by unit"
        (`juju-cli/list-of-juju-cli-commands/refresh/`): in a StatefulSet, the highest first.
        """
        self._charm = charm
        self.project = _read_project(charm)
        self.revision += 1
        if isinstance(self._cloud, Cluster):
            self._to_upgrade = list(self.agents.values())
        else:
            for agent in self.agents.values():
                agent.upgrade(charm, self.revision)

    def configure(self, values: dict[str, Any]) -> None:
        """Change the configuration, and have the units told if another has come of it."""
        if self.model.config | values != self.model.config:
            self.model.config |= values
            for unit in self.model.units:
                self.model.tell(unit, Event("config-changed"))

    def pass_second(self, update_interval: float) -> None:
        """Let each agent do what there is to do, and elect another leader if it is time."""
        if self._to_upgrade and all(agent.is_idle for agent in self.agents.values()):
            self._to_upgrade.pop().upgrade(self._charm, self.revision)
        for agent in list(self.agents.values()):
            agent.pass_second(update_interval)
            if agent.is_gone:
                del self.agents[agent.name]
                if isinstance(self._cloud, Cluster):
                    # A StatefulSet gives the numbers of pods that are gone again.
                    numbers = [int(name.partition("/")[2]) for name in self.agents]
                    self.model.unit_numbers = itertools.count(max(numbers, default=-1) + 1)
        leader = self.agents.get(self.model.leader or "")
        if leader and leader.is_running:
            self._lease_left = SECONDS_OF_LEASE
            return
        self._lease_left -= 1
        running = [agent for agent in self.agents.values() if agent.is_running]
        if self._lease_left <= 0 and running:
            self.model.elect(running[0].name)


def _read_project(charm: Path) -> dict[str, Any]:
    return yaml.safe_load((charm / "charmcraft.yaml").read_text())
