"""What runs the hooks of one unit, as time passes."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hook_environment import Done, Event, Unit

from juju_command.charm_process import CharmProcess
from juju_command.pebble import Pod

Log = Callable[[str, str, str, str], None]
"""Takes a unit's name, a level, a module and a message."""
FIRST_RETRY, LAST_RETRY = 5, 300
"""The seconds before a hook that has failed runs again (`automatically-retry-hooks` in
`configuration/list-of-model-configuration-keys/`): the first time, and at most. Each time, it is
twice as long, as in apiserver/facades/agent/retrystrategy in Juju's source."""
LIVENESS = 15
"""The seconds before a container is restarted whose agent has stopped: three checks have failed,
as in caas/kubernetes/provider/application in Juju's source."""


class Agent:
    """A unit's agent. It does one thing in a second, if there is one to do.

    Args:
        unit: the unit, which has run no hook yet.
        revision: the revision of its charm.
        log: where to write what Juju logs.
        place: the machine's number, or the containers in its pod.
    """

    def __init__(self, unit: Unit, revision: int, log: Log, place: int | Pod):
        self.unit = unit
        self.revision = revision
        self.place = place
        self.is_running = True
        self.is_checked = True
        """Whether its container is restarted when the agent has stopped."""
        self.is_leaving = False
        self.is_gone = False
        self._log = log
        self._pod = place if isinstance(place, Pod) else None
        self._seconds = 0
        self._seconds_stopped = 0
        self._seconds_since_update = 0
        self._failed: Event | None = None
        self._retry_at = 0
        self._delay = 0
        self._steps: list[Event | Callable[[], None]] = []
        self._follow_up(unit.first_hooks())

    @property
    def name(self) -> str:
        """The name of the unit."""
        return self.unit.name

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self._steps and not self.unit.model.pending[self.name] and not self._failed

    @property
    def workload_status(self) -> tuple[str, str]:
        """What `juju status` shows of the charm: a status and a message (`status/`)."""
        if not self.is_running:
            return "unknown", f"agent lost, see 'juju show-status-log {self.name}'"
        if self._failed:
            return "error", f'hook failed: "{self._failed.name}"'
        place = "installing agent" if self._pod else "waiting for machine"
        return self.unit.model.statuses.get(self.name, ("waiting", place))

    @property
    def agent_status(self) -> tuple[str, str]:
        """What `juju status` shows of the agent (`status/#agent-status`)."""
        if not self.is_running:
            return "lost", "agent is not communicating with the server"
        if self.name not in self.unit.model.statuses:
            return "allocating", ""
        return ("idle" if self.is_idle or self._failed else "executing"), ""

    def pass_second(self, update_interval: float) -> None:
        """Do the next thing there is to do, if it is time for it.

        Args:
            update_interval: the seconds from one update-status to the next.
        """
        self._seconds += 1
        if not self.is_running:
            self._seconds_stopped += 1
            if self.is_checked and self._seconds_stopped == LIVENESS:
                self.start()
            return
        self._seconds_since_update += 1
        pending = self.unit.model.pending[self.name]
        if self._failed:
            if self._seconds >= self._retry_at:
                self._run_hook(self._failed)
        elif self._steps:
            step = self._steps.pop(0)
            if isinstance(step, Event):
                self._run_hook(step)
            else:
                step()
        elif pending:
            self._run_hook(pending.pop(0))
        elif self._seconds_since_update >= update_interval:
            self._seconds_since_update = 0
            self._run_hook(Event("update-status"))

    def stop(self) -> None:
        """Stop running anything."""
        self.is_running = False
        self._seconds_stopped = 0

    def start(self) -> None:
        """Go on; config-changed runs "when recovering from transient unit agent errors".

        (`hook/#config-changed`)
        """
        self.is_running = True
        self._steps.append(Event("config-changed"))

    def upgrade(self, charm: Path, revision: int) -> None:
        """Have the unit go over to another charm (`hook/#upgrade-charm`)."""
        if self._pod:
            self._steps.append(Event("stop"))

        def replace() -> None:
            self.unit.charm = charm
            self.revision = revision
            if self._pod:
                self.unit.replace_container()
            else:
                self.unit.replace_charm()
            self._follow_up(self.unit.hooks_after_upgrade(in_new_pod=self._pod is not None))

        self._steps.append(replace)

    def remove(self) -> None:
        """Have the unit run its last hooks, and leave."""
        self.is_leaving = True

        def tear_down() -> None:
            self._steps += [*map(_event, self.unit.last_hooks()), leave]

        def leave() -> None:
            self.unit.leave()
            self.is_gone = True

        self._steps.append(tear_down)

    def run(self, event: Event) -> tuple[Done, str]:
        """Run a hook or an action; return how it ended, and what it printed to stderr."""
        environment = self._pod.environment if self._pod else {}

        def start(command: list[Path], **popen: Any) -> CharmProcess:
            popen |= {"env": popen["env"] | environment, "stderr": errors}
            return CharmProcess(command, **popen)

        with tempfile.TemporaryFile() as errors:
            done = self.unit.dispatch(event, start=start)
            errors.seek(0)
            error = errors.read().decode()
        for level, message in done.hook.log:
            self._log(self.name, level, f"unit.{self.name}.juju-log", message)
        return done, error

    def _run_hook(self, event: Event) -> None:
        statuses = self.unit.model.statuses
        installing = ("maintenance", "installing charm software")
        if event.name == "install":
            statuses[self.name] = installing
        done, error = self.run(event)
        for line in (done.output + error).splitlines():
            self._log(self.name, "WARNING", f"unit.{self.name}.{event.name}", line)
        if done.status == 0:
            self._failed, self._delay = None, 0
            if statuses.get(self.name) == installing:
                # "The unit will go to `unknown/idle`" (`status/#agent-status`).
                statuses[self.name] = ("unknown", "")
            return
        what = f'hook "{event.name}" failed: exit status {done.status}'
        self._log(self.name, "ERROR", "juju.worker.uniter.operation", what)
        self._failed, self._delay = event, min(self._delay * 2, LAST_RETRY) or FIRST_RETRY
        self._retry_at = self._seconds + self._delay

    def _follow_up(self, hooks: Sequence[str | Event]) -> None:
        """Have hooks run before anything else, and then those that a new pod brings."""
        workloads = self._pod.start() if self._pod else []
        self._steps[:0] = [*map(_event, hooks), *workloads]


def _event(hook: str | Event) -> Event:
    return Event(hook) if isinstance(hook, str) else hook
