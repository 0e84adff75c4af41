"""What Juju's controller keeps of one application."""

import dataclasses
import itertools
import threading
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any


@dataclasses.dataclass(frozen=True)
class Event:
    """A hook or an action that Juju wants a unit to run."""

    name: str
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """What Juju tells besides what it tells every hook."""
    parameters: Mapping[str, Any] | None = None
    """The parameters of an action; None for a hook."""


@dataclasses.dataclass
class Secret:
    """A secret with all its revisions."""

    owner: str
    """The name of the application or of the unit."""
    label: str | None
    description: str | None
    revisions: dict[int, dict[str, str]]
    tracked: dict[str, int] = dataclasses.field(default_factory=dict)
    """The revision that each unit reads until it asks for a newer one, by the unit's name."""


@dataclasses.dataclass(frozen=True)
class Storage:
    """An instance of a storage of the charm: a file system, here a folder (`storage/`)."""

    name: str
    """What the charm calls it."""
    number: int
    location: Path
    """Where it is mounted; in neither the charm's folder nor its container."""

    @property
    def id(self) -> str:
        """What hook commands call this instance: "data/0", for example."""
        return f"{self.name}/{self.number}"


@dataclasses.dataclass
class Model:
    """One application, and what outlives its containers and machines: all but the charm's files.

    Nothing here knows of hooks: what is in a model has been committed.
    """

    application: str
    peers: dict[str, int]
    """The ID of each peer relation, by its name."""
    config: dict[str, Any] = dataclasses.field(default_factory=dict)
    storages: list[str] = dataclasses.field(default_factory=list)
    """The names of the storages that each unit has one instance of."""
    independent: set[str] = dataclasses.field(default_factory=set)
    """The storages that are machine-independent: an instance "can outlive a machine and be
    reattached to another machine". Any other is "machine-dependent (e.g., a directory on disk tied
    to the machine which goes away if the unit is destroyed)". Which it is, is "how things are set
    up during deployment" (`storage/`)."""
    on_kubernetes: bool = False
    leader: str | None = None
    units: list[str] = dataclasses.field(default_factory=list)
    entered: dict[str, set[int]] = dataclasses.field(default_factory=dict)
    """The relations that each unit has had relation-created of."""
    bags: dict[tuple[int, str], dict[str, str]] = dataclasses.field(default_factory=dict)
    """The databags, by relation and owner; those of removed units stay."""
    secrets: dict[str, Secret] = dataclasses.field(default_factory=dict)
    attached: dict[str, list[Storage]] = dataclasses.field(default_factory=dict)
    """The storage of each unit, from storage-attached until storage-detaching has run."""
    detached: list[Storage] = dataclasses.field(default_factory=list)
    """The storage of removed units that can be attached to others."""
    charm_states: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    """What each unit keeps with state-set."""
    statuses: dict[str, tuple[str, str]] = dataclasses.field(default_factory=dict)
    """The status and message of each unit and of the application."""
    pending: dict[str, list[Event]] = dataclasses.field(default_factory=dict)
    """What Juju has to tell each unit yet, in the order of its telling."""
    version: str = ""
    name: str = "testing"
    """What the model is called, in which there may be other applications."""
    log: list[tuple[str, str, str]] = dataclasses.field(default_factory=list)
    """Unit, level and message of each line."""
    lock: threading.RLock = dataclasses.field(default_factory=threading.RLock)
    unit_numbers: itertools.count = dataclasses.field(default_factory=itertools.count)
    storage_numbers: itertools.count = dataclasses.field(default_factory=itertools.count)
    uuid: str = dataclasses.field(default_factory=lambda: str(uuid.uuid4()))

    def add_unit(self) -> str:
        """Add a unit, as the leader if there is none, and return its name.

        The number of a removed unit is not used again.
        """
        name = f"{self.application}/{next(self.unit_numbers)}"
        self.units.append(name)
        self.entered[name] = set()
        self.attached[name] = []
        self.pending[name] = []
        if self.leader is None:
            self.leader = name
        return name

    def remove_unit(self, unit: str) -> None:
        """Remove a unit that has run its last hook, and have the others told.

        "Settings persist beyond its own departure" (`hook/#endpoint-relation-departed`). A secret
        of its own goes with it. When it has led, "one of the remaining units will be elected as
        leader" (`hook/#leader-elected`), later: see `elect`.
        """
        self.units.remove(unit)
        del self.pending[unit]
        del self.attached[unit]
        self.secrets = {key: each for key, each in self.secrets.items() if each.owner != unit}
        self.charm_states.pop(unit, None)
        for other in self.units:
            for relation in self.entered[other] & self.entered[unit]:
                self.tell(other, self.relation_event(relation, "departed", unit))

    def elect(self, unit: str) -> None:
        """Make a unit the leader, and have all told.

        "The new leader will receive `leader-elected`"; the one that leads no longer "will only
        receive a `leader-settings-changed` event, just like all the other non-leader units"
        (`hook/#leader-elected`).
        """
        self.leader = unit
        for each in self.units:
            self.tell(each, Event(leadership_hook(leads=each == unit)))

    def enter(self, unit: str, relation: int) -> None:
        """Have a unit enter a peer relation, once, and have those that meet there told.

        "The relation-joined hook always runs once when a related unit is first seen", and
        relation-changed "always runs once immediately following" it (`hook/#relation-hooks`).
        """
        if relation in self.entered[unit]:
            return
        self.entered[unit].add(relation)
        for other in self.units:
            if other != unit and relation in self.entered[other]:
                for told, about in ((other, unit), (unit, other)):
                    self.tell(told, self.relation_event(relation, "joined", about))
                    self.tell(told, self.relation_event(relation, "changed", about))

    def databag_changed(self, relation: int, owner: str, writer: str) -> None:
        """Have the others told that a databag has changed.

        "Units only receive `relation-changed` events for **other** units' changes"
        (`hook/#endpoint-relation-changed`).
        """
        unit = None if owner == self.application else owner
        for other in self.units:
            if other != writer and relation in self.entered[other]:
                self.tell(other, self.relation_event(relation, "changed", unit))

    def tell(self, unit: str, event: Event) -> None:
        """Have a unit told of something, unless that is still before it."""
        if event not in self.pending[unit]:
            self.pending[unit].append(event)

    def storage_event(self, storage: Storage, kind: str) -> Event:
        """Return an event of a storage; `hook/#storage-hooks` lists what is set for it."""
        environment = {
            "JUJU_STORAGE_ID": storage.id,
            "JUJU_STORAGE_LOCATION": str(storage.location),
            "JUJU_STORAGE_KIND": "filesystem",
        }
        return Event(f"{storage.name}-storage-{kind}", environment)

    def relation_event(self, relation: int, kind: str, unit: str | None = None) -> Event:
        """Return an event of a peer relation, about one unit or, without, about none.

        `hook/#relation-hooks` lists what is set for it.
        """
        (name,) = (name for name, known in self.peers.items() if known == relation)
        environment = {
            "JUJU_RELATION": name,
            "JUJU_RELATION_ID": f"{name}:{relation}",
            "JUJU_REMOTE_APP": self.application,
        }
        if unit is not None:
            environment["JUJU_REMOTE_UNIT"] = unit
        if unit is not None and kind == "departed":
            environment["JUJU_DEPARTING_UNIT"] = unit
        return Event(f"{name}-relation-{kind}", environment)


def leadership_hook(*, leads: bool) -> str:
    """Return the hook that a unit gets when a leader has been elected (`hook/#leader-elected`)."""
    return "leader-elected" if leads else "leader-settings-changed"
