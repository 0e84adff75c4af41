"""A unit: its charm's files, and the agent that dispatches its hooks."""

import dataclasses
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from hook_environment.answering import answering
from hook_environment.charm import pack
from hook_environment.hook import Hook
from hook_environment.model import Event, Model, Storage, leadership_hook

STATE_FILE = ".unit-state.db"
HOOK_COMMANDS = [
    *("action-fail", "action-get", "action-log", "action-set", "application-version-set"),
    *("close-port", "config-get", "credential-get", "goal-state", "is-leader", "juju-log"),
    *("juju-reboot", "network-get", "open-port", "opened-ports", "relation-get", "relation-ids"),
    *("relation-list", "relation-model-get", "relation-set", "resource-get", "secret-add"),
    *("secret-get", "secret-grant", "secret-ids", "secret-info-get", "secret-remove"),
    *("secret-revoke", "secret-set", "state-delete", "state-get", "state-set", "status-get"),
    *("status-set", "storage-add", "storage-get", "storage-list"),
]


@dataclasses.dataclass(frozen=True)
class Done:
    """How a dispatch ended."""

    event: Event
    status: int
    """The exit status; negative for a signal."""
    output: str
    """What the charm printed to stdout and stderr. Juju puts it into its log."""
    hook: Hook

    def check(self) -> "Done":
        """Return this.

        Raises:
            AssertionError: when the hook has failed.
        """
        logged = "\n".join(": ".join(line) for line in self.hook.log)
        assert self.status == 0, f"{self.event.name} failed:\n{self.output}\n{logged}"
        return self


class Process(Protocol):
    """What a dispatch needs of `subprocess.Popen`."""

    def wait(self) -> int:
        """Wait for the end, and return the exit status; negative for a signal."""
        ...


class Unit:
    """A unit of a model's application.

    Args:
        model: what all units of the application share.
        charm: the folder with `charmcraft.yaml` and `src/charm.py`.
        directory: where to have the charm; the folder is made.
        source: what to have in `src/charm.py` instead of what is there.
        storages: storage that a removed unit has left, as `juju add-unit --attach-storage` names
            it (`juju-cli/list-of-juju-cli-commands/add-unit/`). Any other that the charm asks for
            is new.
    """

    def __init__(
        self,
        model: Model,
        charm: Path,
        directory: Path,
        *,
        source: str | None = None,
        storages: Sequence[Storage] = (),
    ):
        self.model = model
        self.charm = charm
        self.source = source
        self.name = model.add_unit()
        self.directory = directory
        pack(charm, directory, source=source)
        self.storages = list(storages)
        """Its storage, which it sees from storage-attached on."""
        model.detached = [each for each in model.detached if each not in storages]
        for name in model.storages:
            if not any(each.name == name for each in storages):
                number = next(model.storage_numbers)
                location = directory.with_name(f"{directory.name} {name} {number}")
                location.mkdir()
                self.storages.append(Storage(name, number, location))

    @property
    def state_file(self) -> Path:
        """Where ops keeps the charm's StoredState and deferred events."""
        return self.directory / STATE_FILE

    def dispatch(
        self,
        event: str | Event,
        *,
        refuse: Mapping[str, str] | None = None,
        on_command: Callable[[str], None] = lambda name: None,
        start: Callable[..., Process] = subprocess.Popen,
    ) -> Done:
        """Run one hook or action to its end, and apply its changes if it has succeeded.

        Args:
            event: the hook, by its name if Juju tells nothing more with it.
            refuse: hook commands that fail, and what they say.
            on_command: called with the name of each hook command before it runs.
            start: starts the process, as `subprocess.Popen` does.
        """
        if isinstance(event, str):
            event = Event(event)
        action = event.parameters is not None
        parameters = dict(event.parameters) if event.parameters is not None else None
        storage = event.environment.get("JUJU_STORAGE_ID")
        hook = Hook(self.model, self.name, parameters=parameters, storage=storage)
        hook.refusals.update(refuse or {})
        hook.on_command = on_command
        if event.name.endswith("-relation-created"):
            self.model.enter(self.name, self.model.peers[event.environment["JUJU_RELATION"]])
        if event.name.endswith("-storage-attached"):
            self.attach(*(each for each in self.storages if each.id == storage))
        with answering(HOOK_COMMANDS, hook.run) as environment, tempfile.TemporaryFile() as output:
            process = start(
                [self.directory / "dispatch"],
                cwd=self.directory,
                env={
                    # What a test runner tells its children, too: measuring may go on in there.
                    **os.environ,
                    **environment,
                    "PATH": f"{environment['PATH']}{os.pathsep}{os.environ['PATH']}",
                    "PYTHONDONTWRITEBYTECODE": "1",
                    # `hook/#hook-execution` lists what is set for every hook.
                    "JUJU_CHARM_DIR": str(self.directory),
                    "JUJU_DISPATCH_PATH": f"{'actions' if action else 'hooks'}/{event.name}",
                    "JUJU_HOOK_NAME": "" if action else event.name,
                    "JUJU_MODEL_NAME": self.model.name,
                    "JUJU_MODEL_UUID": self.model.uuid,
                    "JUJU_UNIT_NAME": self.name,
                    "JUJU_VERSION": "3.6.14",
                    **event.environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
            status = process.wait()
            output.seek(0)
            text = output.read().decode()
        # "If the unit agent process is killed for any reason while running a hook, [...] it will
        # treat that hook as having failed -- just as if it had returned a non-zero exit code"
        # (`hook/#errors-in-hooks`).
        if status == 0:
            hook.commit()
            if event.name.endswith("-storage-detaching"):
                attached = self.model.attached[self.name]
                attached[:] = [each for each in attached if each.id != storage]
        return Done(event, status, text, hook)

    def attach(self, *storages: Storage) -> None:
        """Have the charm see storage, once: "available for the charm to use".

        (`hook/#storage-hooks`)
        """
        attached = self.model.attached[self.name]
        attached += [each for each in storages if each not in attached]

    def run_action(self, name: str, **parameters: Any) -> Done:
        """Run an action. Its environment is that of a hook, with the action's name and ID."""
        environment = {"JUJU_ACTION_NAME": name, "JUJU_ACTION_UUID": str(uuid.uuid4())}
        return self.dispatch(Event(name, environment, parameters))

    def settle(self) -> list[Done]:
        """Run all that Juju has to tell this unit, and return how each hook ended."""
        done = []
        while self.model.pending[self.name]:
            done.append(self.dispatch(self.model.pending[self.name].pop(0)))
        return done

    def _run(self, *events: str | Event) -> list[Done]:
        return [self.dispatch(event) for event in events]

    def set_up(self) -> list[Done]:
        """Run the hooks of a new unit."""
        return self._run(*self.first_hooks())

    def first_hooks(self) -> list[str | Event]:
        """Return the hooks of a new unit, in Juju's order.

        `hook/#installation-phase` has them without relations. For machine charms all
        storage-attached hooks "will be run before the `install` event fires"; for Kubernetes
        charms they "are run sometime after the `start` hook has completed"
        (`hook/#storage-hooks`). A peer relation's relation-created
        comes before start (`hook/#endpoint-relation-created`), and "`leader-elected` is always
        emitted **after** peer-`relation-created`" (`hook/#leader-elected`); a unit that does not
        lead gets leader-settings-changed in its place (`hook/#leader-settings-changed`).
        """
        created = [
            self.model.relation_event(relation, "created")
            for relation in self.model.peers.values()
        ]
        leadership = leadership_hook(leads=self.model.leader == self.name)
        attached = [self.model.storage_event(each, "attached") for each in self.storages]
        hooks = ["install", *created, leadership, "config-changed", "start"]
        return [*hooks, *attached] if self.model.on_kubernetes else [*attached, *hooks]

    def restart_agent(self) -> list[Done]:
        """Restart the agent: of the unit nothing is in its process, so only a hook comes of it.

        Config-changed also runs "when recovering from transient unit agent errors"
        (`hook/#config-changed`).
        """
        return self._run("config-changed")

    def upgrade(self, *, source: str | None = None) -> list[Done]:
        """Upgrade the charm as on a machine: its files are replaced, and other files stay."""
        self.source = source
        self.replace_charm()
        return self._run(*self.hooks_after_upgrade(in_new_pod=False))

    def upgrade_on_kubernetes(self, *, source: str | None = None) -> list[Done]:
        """Upgrade the charm as on Kubernetes: stop (old charm), then a new container."""
        stopped = self._run("stop")
        self.source = source
        self.replace_container()
        return stopped + self._run(*self.hooks_after_upgrade(in_new_pod=True))

    def hooks_after_upgrade(self, *, in_new_pod: bool) -> list[str]:
        """Return the hooks of the new charm (`hook/#upgrade-charm`).

        The reference lists start after any upgrade, but Juju's agent sends it to a unit that has
        not started yet, as one in a new pod. What holds without a start holds with one.
        """
        # "`leader-settings-changed` (if the unit is not the leader)"
        follows = [] if self.model.leader == self.name else ["leader-settings-changed"]
        starts = ["start"] if in_new_pod else []
        return ["upgrade-charm", "config-changed", *follows, *starts]

    def recreate_container(self) -> list[Done]:
        """Have Kubernetes replace the pod.

        Start comes "on pod churn", immediately after config-changed (`hook/#start`).
        """
        self.replace_container()
        return self._run("config-changed", "start")

    def replace_charm(self) -> None:
        """Put the charm over what is there, and let other files stay."""
        pack(self.charm, self.directory, source=self.source)

    def replace_container(self) -> None:
        """Put the charm into an empty folder.

        Storage of the provider `rootfs` is "a sub-directory on the unit's root filesystem"
        (`storage/#rootfs`), which a new container has anew.
        """
        shutil.rmtree(self.directory)
        self.replace_charm()
        for each in self.storages:
            if each.name not in self.model.independent:
                shutil.rmtree(each.location)
                each.location.mkdir()

    def remove(self) -> list[Done]:
        """Remove the unit and its machine or container, and have another one lead, if it led."""
        done = self._run(*self.last_hooks())
        self.leave()
        if self.model.leader == self.name:
            self.model.leader = None
            if self.model.units:
                self.model.elect(self.model.units[0])
        return done

    def last_hooks(self) -> list[str | Event]:
        """Return the hooks of a unit that is to be removed.

        A departing unit gets relation-departed "once for each remaining unit"
        (`hook/#endpoint-relation-departed`), and stop and remove last (`hook/#teardown-phase`); a
        peer relation has no relation-broken (`hook/#endpoint-relation-broken`). Storage-detaching
        comes "after the `stop` hook has completed and all such hooks will be run before triggering
        the `remove` hook" (`hook/#storage-hooks`).
        """
        departed = [
            self.model.relation_event(relation, "departed", other)
            for relation in self.model.entered[self.name]
            for other in self.model.units
            if other != self.name and relation in self.model.entered[other]
        ]
        detaching = [
            self.model.storage_event(each, "detaching") for each in self.model.attached[self.name]
        ]
        return [*departed, "stop", *detaching, "remove"]

    def leave(self) -> None:
        """Have the model forget the unit, and remove its files.

        Storage that is tied to the machine "goes away if the unit is destroyed"; other storage
        "can outlive a machine and be reattached to another machine" (`storage/`).
        """
        self.model.remove_unit(self.name)
        shutil.rmtree(self.directory)
        for each in self.storages:
            if each.name in self.model.independent:
                self.model.detached.append(each)
            else:
                shutil.rmtree(each.location)
