"""One run of a hook or an action: what its hook commands read, and the changes that wait."""

import copy
import json
import re
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hook_environment.model import Model, Secret, Storage

# `secret/`: "lowercase letter first, then letters, numbers and dashes, at least three characters".
_SECRET_KEY = re.compile(r"[a-z][a-z0-9-]*[a-z0-9]")
# The options of hook commands that stand alone; any other takes a value.
_FLAGS = {"app", "application", "include-data", "peek", "refresh"}


class Refused(Exception):
    """A hook command that Juju answers with an error; the text is the error's."""


class Hook:
    """What one hook sees of the model, and what it would change there.

    The names of the methods are those of the hook commands, with underscores for dashes. Each
    takes the options and the other arguments, and returns what the command prints.
    """

    def __init__(
        self,
        model: Model,
        unit: str,
        *,
        parameters: dict[str, Any] | None = None,
        storage: str | None = None,
    ):
        self.model = model
        self.unit = unit
        self.storage = storage
        """The storage that a storage hook is about, by its ID."""
        self.parameters = parameters
        """The parameters of an action, or None in a hook."""
        self.results: dict[str, str] = {}
        self.failure: str | None = None
        """The message of action-fail."""
        self.progress: list[str] = []
        """The messages of action-log."""
        self.commands: list[list[str]] = []
        """Every hook command that was run, with its arguments."""
        self.log: list[tuple[str, str]] = []
        """Level and message of each line."""
        self.refusals: dict[str, str] = {}
        """Hook commands that are to fail, with what they say."""
        self.on_command: Callable[[str], None] = lambda name: None
        """Called with the name of each hook command before it runs."""
        self._bags: dict[tuple[int, str], dict[str, str]] = {}
        self._secrets: dict[str, Secret | None] = {}
        self._charm_state: dict[str, str] | None = None

    def run(self, name: str, arguments: Sequence[str], piped: str) -> tuple[int, str, str]:
        """Run a hook command; return its exit status, and what it prints to stdout and stderr."""
        self.commands.append([name, *arguments])
        self.on_command(name)
        method = getattr(self, name.replace("-", "_"), None)
        try:
            if name in self.refusals:
                raise Refused(self.refusals[name])
            if method is None:
                raise Refused(f"{name} is not part of this stand-in for the hook environment")
            options, values = _parse(arguments)
            if options.get("file") == "-":
                options["file"] = piped
            with self.model.lock:
                answer = method(options, values)
        except Refused as refused:
            return 1, "", f"ERROR {refused}\n"
        raw = isinstance(answer, str) and options.get("format") != "json"
        return 0, str(answer) if raw else json.dumps(answer), ""

    def commit(self) -> None:
        """Apply the changes that wait, and have other units told of databags that have changed.

        "All values are set in a transaction at the point when the hook terminates successfully
        (i.e. the hook exit code is 0)" (`hook-command/list-of-hook-commands/relation-set/`).
        Secrets and state-set wait with them: the reference does not say when those are applied.
        """
        with self.model.lock:
            for place, changes in self._bags.items():
                before = self.model.bags.get(place, {})
                # "Setting an empty string causes the setting to be removed" (relation-set).
                after = {key: value for key, value in (before | changes).items() if value}
                self.model.bags[place] = after
                # "The controller inspects the data and determines whether the relation data has
                # been changed" (`hook/#endpoint-relation-changed`).
                if after != before:
                    self.model.databag_changed(*place, writer=self.unit)
            for secret_id, secret in self._secrets.items():
                if secret is None:
                    self.model.secrets.pop(secret_id, None)
                else:
                    self.model.secrets[secret_id] = secret
            if self._charm_state is not None:
                self.model.charm_states[self.unit] = self._charm_state

    def _leads(self) -> bool:
        return self.model.leader == self.unit

    def _relation(self, options: dict[str, str]) -> int:
        """Return the ID of the relation that a command is about.

        "Starting from when `*-relation-created` is received, relation data can be read-written by
        units" (`hook/#endpoint-relation-created`): before, there is no relation for this unit.
        """
        asked = options["relation"] if "relation" in options else options["r"]
        endpoint, _, number = asked.rpartition(":")
        names = [name for name, known in self.model.peers.items() if str(known) == number]
        if not names or endpoint not in ("", *names) or int(number) not in self._entered():
            raise Refused(f'invalid value "{number}" for option -r: relation not found')
        return int(number)

    def _entered(self) -> set[int]:
        return self.model.entered[self.unit]

    def is_leader(self, options: dict[str, str], values: list[str]) -> object:
        """`hook-command/list-of-hook-commands/is-leader/`."""
        return self._leads()

    def relation_ids(self, options: dict[str, str], values: list[str]) -> object:
        """`hook-command/list-of-hook-commands/relation-ids/`."""
        (name,) = values
        relation = self.model.peers.get(name)
        return [f"{name}:{relation}"] if relation in self._entered() else []

    def relation_list(self, options: dict[str, str], values: list[str]) -> object:
        """Return the other units: a peer relation is of an application to itself (`relation/`)."""
        relation = self._relation(options)
        if "app" in options:
            return self.model.application
        return [
            unit
            for unit in self.model.units
            if unit != self.unit and relation in self.model.entered[unit]
        ]

    def relation_get(self, options: dict[str, str], values: list[str]) -> object:
        """Return a databag of a peer relation.

        "All units can read all of the application's databags" (`relation/`). This "will include
        any changes that have been made with `relation-set`", and "key value pairs for remote units
        that have departed remain accessible" (`hook-command/list-of-hook-commands/relation-get/`).
        """
        place = self._relation(options), (values[1] if len(values) > 1 else self.unit)
        if place[1] not in self.model.entered and place[1] != self.model.application:
            raise Refused("permission denied")
        bag = self.model.bags.get(place, {}) | self._bags.get(place, {})
        bag = {key: value for key, value in bag.items() if value}
        return bag if not values or values[0] == "-" else bag.get(values[0], "")

    def relation_set(self, options: dict[str, str], values: list[str]) -> object:
        """Have a change wait for this unit's databag, or, from the leader, for the application's.

        "There is no way to write settings for any unit other than the local unit", "setting values
        are not inspected and are stored as strings", "if the unit is the leader, it can set the
        application settings" (`hook-command/list-of-hook-commands/relation-set/`).
        """
        relation = self._relation(options)
        if "app" in options and not self._leads():
            raise Refused("cannot write relation settings")
        owner = self.model.application if "app" in options else self.unit
        settings = json.loads(options.get("file", "{}")) | dict(_pairs(values))
        changes = {key: _as_string(value) for key, value in settings.items()}
        self._bags.setdefault((relation, owner), {}).update(changes)
        return ""

    def _secret(self, options: dict[str, str], values: list[str]) -> tuple[str, Secret]:
        """Return ID and secret, this hook's own changes included."""
        secrets = self.model.secrets | self._secrets
        for secret_id, secret in secrets.items():
            named = secret_id in values or (
                not values and secret and secret.label == options["label"]
            )
            if secret is not None and named:
                return secret_id, secret
        raise Refused(f'secret "{values[0] if values else options["label"]}" not found')

    def _managed(self, options: dict[str, str], values: list[str]) -> tuple[str, Secret]:
        """Return ID and a copy of a secret that this unit may change.

        "By default, a secret is owned by the application, meaning only the unit leader can manage
        it" (`hook-command/list-of-hook-commands/secret-add/`).
        """
        secret_id, secret = self._secret(options, values[:1])
        if secret.owner == self.model.application and not self._leads():
            raise Refused(f'secret "{secret_id}" not found')
        return secret_id, copy.deepcopy(secret)

    def secret_add(self, options: dict[str, str], values: list[str]) -> object:
        """Have a new secret wait. See `_managed` for who may add one of the application."""
        owner = self.unit
        if options.get("owner", "application") == "application":
            if not self._leads():
                raise Refused("this unit is not the leader")
            owner = self.model.application
        label = options.get("label")
        if label and any(
            secret and (secret.owner, secret.label) == (owner, label)
            for secret in (self.model.secrets | self._secrets).values()
        ):
            # "A label is unique per owner" (`secret/`).
            raise Refused(f'secret with label "{label}" already exists')
        secret_id = f"secret:{uuid.uuid4().hex[:20]}"
        content = _content(values)
        self._secrets[secret_id] = Secret(owner, label, options.get("description"), {1: content})
        return secret_id

    def secret_set(self, options: dict[str, str], values: list[str]) -> object:
        """Have a new revision wait. "Publishing a new revision adds a record" (`secret/`)."""
        secret_id, secret = self._managed({}, values)
        if values[1:]:
            secret.revisions[max(secret.revisions) + 1] = _content(values[1:])
        secret.label = options.get("label", secret.label)
        secret.description = options.get("description", secret.description)
        self._secrets[secret_id] = secret
        return ""

    def secret_get(self, options: dict[str, str], values: list[str]) -> object:
        """Return a revision: "the owner application's units read it implicitly" (`secret/`).

        "The first time the value is fetched, the latest revision is used. Subsequent calls will
        always return this same revision unless `--peek` or `--refresh` are used"
        (`hook-command/list-of-hook-commands/secret-get/`).
        """
        _, secret = self._secret(options, values[:1])
        if secret.owner not in (self.unit, self.model.application):
            raise Refused("permission denied")
        latest = max(secret.revisions)
        if "peek" in options:
            return secret.revisions[latest]
        if "refresh" in options or self.unit not in secret.tracked:
            secret.tracked[self.unit] = latest
        return secret.revisions[secret.tracked[self.unit]]

    def secret_info_get(self, options: dict[str, str], values: list[str]) -> object:
        """`hook-command/list-of-hook-commands/secret-info-get/`."""
        secret_id, secret = self._managed(options, values)
        owner = "application" if secret.owner == self.model.application else "unit"
        about = {"revision": max(secret.revisions), "label": secret.label or "", "owner": owner}
        return {secret_id.removeprefix("secret:"): about | {"rotation": "never"}}

    def secret_ids(self, options: dict[str, str], values: list[str]) -> object:
        """`hook-command/list-of-hook-commands/secret-ids/`: of secrets owned here."""
        owners = {self.unit, *([self.model.application] if self._leads() else [])}
        secrets = self.model.secrets | self._secrets
        return [
            secret_id for secret_id, secret in secrets.items() if secret and secret.owner in owners
        ]

    def secret_remove(self, options: dict[str, str], values: list[str]) -> object:
        """Have a revision, or the whole secret, wait to be removed."""
        secret_id, secret = self._managed({}, values)
        self._secrets[secret_id] = None
        if "revision" in options:
            secret.revisions.pop(int(options["revision"]), None)
            self._secrets[secret_id] = secret if secret.revisions else None
        return ""

    def state_get(self, options: dict[str, str], values: list[str]) -> object:
        """`hook-command/list-of-hook-commands/state-get/`."""
        kept = self._charm_state
        if kept is None:
            kept = self.model.charm_states.get(self.unit, {})
        return kept.get(values[0], "") if values else kept

    def state_set(self, options: dict[str, str], values: list[str]) -> object:
        """`hook-command/list-of-hook-commands/state-set/`."""
        new = json.loads(options.get("file", "{}")) | dict(_pairs(values))
        before = self.model.charm_states.get(self.unit, {})
        self._charm_state = {**before, **(self._charm_state or {}), **new}
        return ""

    def state_delete(self, options: dict[str, str], values: list[str]) -> object:
        """`hook-command/list-of-hook-commands/state-delete/`."""
        before = self._charm_state or self.model.charm_states.get(self.unit, {})
        self._charm_state = {key: value for key, value in before.items() if key not in values}
        return ""

    def storage_list(self, options: dict[str, str], values: list[str]) -> object:
        """Return the IDs of "all storage instances attached to the unit".

        "A storage name may be specified, in which case only storage instances for that named
        storage will be returned" (`hook-command/list-of-hook-commands/storage-list/`).
        """
        return [each.id for each in self._attached() if each.name in values or not values]

    def storage_get(self, options: dict[str, str], values: list[str]) -> object:
        """Return what is known of a storage, or one value of it.

        "If the executing hook is a storage hook, information about the storage related to the
        hook will be reported; this may be overridden by specifying the name of the storage as
        reported by `storage-list`, and must be specified for non-storage hooks"
        (`hook-command/list-of-hook-commands/storage-get/`).
        """
        asked = options.get("s", self.storage)
        if asked is None:
            raise Refused("no storage instance specified")
        for each in self._attached():
            if each.id == asked:
                about = {"kind": "filesystem", "location": str(each.location)}
                return about[values[0]] if values else about
        raise Refused(f'invalid value "{asked}" for option -s: storage not found')

    def _attached(self) -> list[Storage]:
        return self.model.attached[self.unit]

    def _status_owner(self, options: dict[str, str]) -> str:
        if options.get("application", "false").lower() == "false":
            return self.unit
        if not self._leads():
            raise Refused("this unit is not the leader")
        return self.model.application

    def status_get(self, options: dict[str, str], values: list[str]) -> object:
        """`hook-command/list-of-hook-commands/status-get/`."""
        owner = self._status_owner(options)
        status, message = self.model.statuses.get(owner, ("unknown", ""))
        about = {"status": status, "message": message, "status-data": {}}
        return about if owner == self.unit else {"application-status": about | {"units": {}}}

    def status_set(self, options: dict[str, str], values: list[str]) -> object:
        """Set a status at once.

        "Changes made via `status-set` are applied without waiting for a hook execution to end and
        are not rolled back if a hook execution fails", and a unit that sets the application's
        without leading "will receive an error"
        (`hook-command/list-of-hook-commands/status-set/`).
        """
        status, *message = values
        self.model.statuses[self._status_owner(options)] = (status, " ".join(message))
        return ""

    def config_get(self, options: dict[str, str], values: list[str]) -> object:
        """`hook-command/list-of-hook-commands/config-get/`."""
        return self.model.config if not values else self.model.config.get(values[0])

    def juju_log(self, options: dict[str, str], values: list[str]) -> object:
        """`hook-command/list-of-hook-commands/juju-log/`."""
        line = options.get("log-level", "INFO"), " ".join(values)
        self.log.append(line)
        self.model.log.append((self.unit, *line))
        return ""

    def goal_state(self, options: dict[str, str], values: list[str]) -> object:
        """`hook-command/list-of-hook-commands/goal-state/`."""
        about = {"status": "active", "since": "2026-01-01 00:00:00Z"}
        return {"units": dict.fromkeys(self.model.units, about), "relations": {}}

    def application_version_set(self, options: dict[str, str], values: list[str]) -> object:
        """`hook-command/list-of-hook-commands/application-version-set/`."""
        (self.model.version,) = values
        return ""

    def _parameters(self) -> dict[str, Any]:
        if self.parameters is None:
            raise Refused("not running an action")
        return self.parameters

    def action_get(self, options: dict[str, str], values: list[str]) -> object:
        """`hook-command/list-of-hook-commands/action-get/`."""
        return self._parameters()

    def action_set(self, options: dict[str, str], values: list[str]) -> object:
        """`hook-command/list-of-hook-commands/action-set/`: "values are always strings"."""
        self._parameters()
        self.results.update(_pairs(values))
        return ""

    def action_fail(self, options: dict[str, str], values: list[str]) -> object:
        """`hook-command/list-of-hook-commands/action-fail/`."""
        self._parameters()
        self.failure = values[0] if values else "action failed without reason given, check action"
        return ""

    def action_log(self, options: dict[str, str], values: list[str]) -> object:
        """`hook-command/list-of-hook-commands/action-log/`."""
        self._parameters()
        self.progress.append(" ".join(values))
        return ""


def _parse(arguments: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return the options, by name, and the other arguments."""
    options: dict[str, str] = {}
    values: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            values.extend(rest)
        elif argument.startswith("-") and argument != "-":
            name, given, value = argument.lstrip("-").partition("=")
            if not given:
                value = "true" if name in _FLAGS else next(rest)
            options[name] = value
        else:
            values.append(argument)
    return options, values


def _pairs(values: Sequence[str]) -> list[tuple[str, str]]:
    """Return keys and values of arguments of the form key=value."""
    for each in values:
        if "=" not in each:
            raise Refused(f'expected "key=value", got "{each}"')
    return [(key, value) for key, _, value in (each.partition("=") for each in values)]


def _as_string(value: object) -> str:
    """Return a value of a file of settings: JSON as ops writes it, which is YAML, too."""
    if isinstance(value, dict | list):
        raise Refused("cannot unmarshal a map or a list into a string")
    return value if isinstance(value, str) else json.dumps(value)


def _content(values: Sequence[str]) -> dict[str, str]:
    """Return the content of a secret.

    Of the forms of an argument, only `key=value` and `key#file=path` are known here
    (`hook-command/list-of-hook-commands/secret-add/`).
    """
    content = {}
    for name, value in _pairs(values):
        key, _, form = name.partition("#")
        if len(key) < 3 or not _SECRET_KEY.fullmatch(key):
            raise Refused(f'key "{key}" not valid')
        content[key] = Path(value).read_text() if form == "file" else value
    return content
