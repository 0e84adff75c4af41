"""One model of the stand-in's controller."""

import datetime
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from juju_command.agent import Agent
from juju_command.application import Application
from juju_command.options import Refused
from juju_command.pebble import Cluster

VERSION = "3.6.14"
_START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
_UNITS = {"h": 3600, "m": 60, "s": 1}


class JujuModel:
    """A model: its applications, its configuration, its log and its clock.

    Args:
        name: what it is called.
        directory: where it may have files.
        cluster: where its applications are deployed; None on machines.
    """

    def __init__(self, name: str, directory: Path, cluster: Cluster | None):
        self.name = name
        self.directory = directory
        self.cluster = cluster
        self.cloud: Cluster | Iterator[int] = cluster or itertools.count()
        self.applications: dict[str, Application] = {}
        self.leaving: set[str] = set()
        """The applications that are gone as soon as their units are."""
        # `hook/#update-status`: "default: 5m".
        self.config = {"update-status-hook-interval": "5m"}
        self.tasks = itertools.count(1)
        """The IDs of actions."""
        self.log: list[str] = []
        self.seconds = 0
        self._seen: dict[str, tuple[tuple[str, str], datetime.datetime]] = {}

    @property
    def now(self) -> datetime.datetime:
        """What the model's clock shows."""
        return _START + datetime.timedelta(seconds=self.seconds)

    def application(self, name: str) -> Application:
        """Return an application.

        Raises:
            Refused: when there is none of this name.
        """
        if name not in self.applications:
            raise Refused(f'application "{name}" not found')
        return self.applications[name]

    def agent(self, unit: str) -> Agent:
        """Return the agent of a unit; `app/leader` is the unit that leads.

        Raises:
            Refused: when there is no such unit.
        """
        application = self.applications.get(unit.partition("/")[0])
        if application and unit.endswith("/leader"):
            unit = application.model.leader or unit
        if application is None or unit not in application.agents:
            raise Refused(f'unit "{unit}" not found')
        return application.agents[unit]

    def write_log(self, unit: str, level: str, module: str, message: str) -> None:
        """Add a line: "<entity> <timestamp> <log-level> <module>:<line-no> <message>".

        (`juju-cli/list-of-juju-cli-commands/debug-log/`; the line number is no longer shown.)
        """
        entity = f"unit-{unit.replace('/', '-')}"
        self.log.append(f"{entity}: {self.now:%H:%M:%S} {level} {module} {message}")

    def since(self, owner: str, status: tuple[str, str]) -> str:
        """Return when a status was first seen on its owner, as `juju status` shows it."""
        if owner not in self._seen or self._seen[owner][0] != status:
            self._seen[owner] = status, self.now
        return f"{self._seen[owner][1]:%d %b %Y %H:%M:%SZ}"

    def pass_second(self) -> None:
        """Let all units do what there is to do in a second."""
        self.seconds += 1
        interval = seconds_of(self.config["update-status-hook-interval"])
        for name, application in list(self.applications.items()):
            application.pass_second(interval)
            if name in self.leaving and not application.agents:
                self.leaving.remove(name)
                del self.applications[name]


def seconds_of(duration: str) -> float:
    """Return the seconds of a duration such as 1m30s.

    Raises:
        Refused: when it is none.
    """
    if not re.fullmatch(r"(\d+(\.\d+)?[hms])+", duration):
        raise Refused(f'time: invalid duration "{duration}"')
    parts = re.findall(r"([\d.]+)([hms])", duration)
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
