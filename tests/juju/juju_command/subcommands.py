"""The subcommands of `juju` that are about one model."""

import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from hook_environment import Event, Hook
from hook_environment.unit import HOOK_COMMANDS

from juju_command.agent import Agent
from juju_command.application import Application
from juju_command.charm_file import unpack_file
from juju_command.juju_model import JujuModel, seconds_of
from juju_command.options import Options, Refused
from juju_command.report import status_of, unit_info

_PEBBLE = "/charm/bin/pebble"
_TYPES = {"boolean": bool, "float": float, "int": int, "secret": str, "string": str}


class TaskFailed(Refused):
    """A task that has run, and failed; `results` is printed nevertheless."""

    def __init__(self, code: int, results: dict[str, Any]):
        (about,) = results.values()
        super().__init__(
            f'the following task failed:\n - id "{about["id"]}" with return code {code}\n\n'
            "use 'juju show-task' to inspect the failure"
        )
        self.results = results


class NoTask(Refused):
    """Nothing was there to run: Juju says so, and takes it for no error."""


class Subcommands:
    """What each subcommand does with a model.

    The names of the methods are those of the subcommands, with underscores for dashes; each has
    its page in `juju-cli/list-of-juju-cli-commands/`. They take the options and the other
    arguments, and return what the command prints.
    """

    def __init__(self, model: JujuModel):
        self._model = model

    def set_model_constraints(self, options: Options, *constraints: str) -> object:
        """Take constraints, which mean nothing here: there are no machines to choose from."""
        _pairs(constraints)
        return ""

    def model_config(self, options: Options, *settings: str) -> object:
        """Change or return the configuration of the model, as far as there is any."""
        values = _pairs(settings)
        for name in [*values, *_listed(options, "reset")]:
            if name not in self._model.config:
                raise Refused(f'"{name}" of model-config is not part of this stand-in for juju')
        for duration in values.values():
            seconds_of(duration)
        if settings or "reset" in options:
            reset = dict.fromkeys(_listed(options, "reset"), "5m")
            self._model.config |= {**reset, **values}
            return ""
        _want_json("model-config", options)
        return {
            name: {"Value": value, "Source": "model"} for name, value in self._model.config.items()
        }

    def deploy(self, options: Options, charm: str, name: str | None = None) -> object:
        """Deploy a packed charm; its units run their hooks while time passes."""
        folder = self._unpack(charm)
        project = yaml.safe_load((folder / "charmcraft.yaml").read_text())
        name = name or str(project["name"])
        if name in self._model.applications:
            raise Refused(f'cannot add application "{name}": application already exists')
        # https://documentation.ubuntu.com/charmcraft/stable/reference/files/charmcraft-yaml-file/
        if "k8s-api" in project.get("assumes", ()) and not self._model.cluster:
            raise Refused(
                "Charm feature requirements cannot be met:\n"
                '  - charm requires feature "k8s-api" but model does not support it'
            )
        wanted = {
            resource
            for resource, about in project.get("resources", {}).items()
            if about["type"] == "oci-image"
        }
        if missing := sorted(wanted - self._resources(options, project)):
            raise Refused(f"local charm missing OCI images for: {', '.join(missing)}")
        model = self._model
        application = Application(
            name, folder, self._new_directory(), model.write_log, model.cloud
        )
        application.model.name = model.name
        application.configure(_typed(application, _pairs(options.get("config", ()))))
        application.add_units(_count(options, 1))
        model.applications[name] = application
        return ""

    def refresh(self, options: Options, name: str) -> object:
        """Upgrade all units to a packed charm, be it the same.

        "Note that you cannot upgrade a Charmhub charm to the same version. However, upgrading a
        local charm from path works (and goes through the entire upgrade sequence) even if the
        charm is exactly the same" (`hook/#upgrade-charm`). "The charm must match what was
        originally used to deploy".
        """
        application = self._model.application(name)
        if "path" not in options:
            raise Refused("refresh without --path is not part of this stand-in for juju")
        folder = self._unpack(options["path"][-1])
        project = yaml.safe_load((folder / "charmcraft.yaml").read_text())
        before = application.project["name"]
        if project["name"] != before:
            raise Refused(f'cannot upgrade "{before}" to "{project["name"]}"')
        self._resources(options, project)
        application.refresh(folder)
        return ""

    def add_unit(self, options: Options, name: str) -> object:
        """Add units to an application."""
        self._model.application(name).add_units(_count(options, 1))
        return ""

    def remove_unit(self, options: Options, *names: str) -> object:
        """Remove units.

        "For Kubernetes models only a single application can be supplied and only the
        `--num-units` argument supported. Specific units cannot be targeted for removal as that is
        handled by Kubernetes".
        """
        if not self._model.cluster:
            if "num-units" in options:
                raise Refused("--num-units for non k8s models not valid")
            for name in names:
                self._application_of(self._model.agent(name)).remove_units(name)
            return ""
        if len(names) != 1:
            raise Refused("only single application supported")
        if "/" in names[0]:
            raise Refused(
                "k8s models do not support removing named units.\n"
                "Instead specify an application with --num-units."
            )
        count = _count(options, 0)
        application = self._model.application(names[0])
        if count <= 0:
            raise Refused("specify the number of units (> 0) to remove using --num-units")
        application.scale_down(count)
        return ""

    def remove_application(self, options: Options, *names: str) -> object:
        """Remove applications, as soon as their units have run their last hooks."""
        for name in names:
            application = self._model.application(name)
            application.remove_units(*application.agents)
            self._model.leaving.add(name)
        return ""

    def config(self, options: Options, name: str, *settings: str) -> object:
        """Change or return the configuration of an application."""
        application = self._model.application(name)
        if settings or "reset" in options:
            reset = _defaults(application, _listed(options, "reset"))
            application.configure(reset | _typed(application, _pairs(settings)))
            return ""
        _want_json("config", options)
        values = application.model.config
        return {
            "application": name,
            "charm": application.project["name"],
            "settings": {
                key: {
                    "type": option["type"],
                    **({"value": values[key]} if values.get(key) is not None else {}),
                }
                for key, option in application.options.items()
            },
        }

    def status(self, options: Options) -> object:
        """Return the status of all there is; `report` has its form."""
        _want_json("status", options)
        return status_of(self._model)

    def show_unit(self, options: Options, name: str) -> object:
        """Return what is known of a unit; `report` has its form."""
        _want_json("show-unit", options)
        agent = self._model.agent(name)
        return {agent.name: unit_info(self._model, self._application_of(agent), agent)}

    def debug_log(self, options: Options) -> object:
        """Return the log: "setting --lines or --limit to 0 will print the maximum number"."""
        limit = int(options.get("limit", ["0"])[-1])
        return "".join(f"{line}\n" for line in self._model.log[-limit:])

    def run(self, options: Options, name: str, action: str, *parameters: str) -> object:
        """Run an action.

        The results of an action that fails are printed as well, with its message.
        """
        _want_json("run", options)
        agent = self._agent_for_task(name, options, "60s")
        known = self._application_of(agent).project.get("actions", {})
        if action not in known:
            raise NoTask(f'action "{action}" not defined on unit "{agent.name}"')
        schema = known[action].get("params", {})
        defaults = {key: each["default"] for key, each in schema.items() if "default" in each}
        given = {key: yaml.safe_load(value) for key, value in _pairs(parameters).items()}
        for path in options.get("params", ()):
            given = (yaml.safe_load(Path(path).read_text()) or {}) | given
        task = str(next(self._model.tasks))
        environment = {"JUJU_ACTION_NAME": action, "JUJU_ACTION_UUID": task}
        done, error = agent.run(Event(action, environment, defaults | given))
        failure = done.hook.failure or (f"exit status {done.status}" if done.status else None)
        results: dict[str, Any] = {"return-code": done.status, **_printed(done.output, error)}
        for key, value in done.hook.results.items():
            _put(results, key, value)
        about: dict[str, Any] = {"id": task, "results": results, "unit": agent.name}
        about["status"] = "failed" if failure else "completed"
        if failure:
            about["message"] = failure
        if done.hook.progress:
            about["log"] = done.hook.progress
        return _judged(about, done.status)

    def exec(self, options: Options, *command: str) -> object:
        """Run one hook command: commands "are executed in a 'hook context' for the unit".

        Other commands are refused, for they would run on the machine of the test.
        """
        _want_json("exec", options)
        name, *arguments = shlex.split(command[0]) if len(command) == 1 else command
        if "unit" not in options or name not in HOOK_COMMANDS:
            raise Refused(f"exec {' '.join(command)} is not part of this stand-in for juju")
        agent = self._agent_for_task(options["unit"][-1], options, "5m")
        hook = Hook(agent.unit.model, agent.name)
        code, output, error = hook.run(name, arguments, "")
        if code == 0:
            hook.commit()
        task = str(next(self._model.tasks))
        results = {"return-code": code, **_printed(output, error)}
        about = {"id": task, "status": "completed", "results": results, "unit": agent.name}
        return _judged(about, code)

    def ssh(self, options: Options, name: str, *command: str) -> object:
        """Talk to the Pebble of a charm container, which runs Juju's agent and a check of it.

        Other commands are refused, for they would run on the machine of the test.
        """
        agent = self._model.agent(name)
        words = shlex.split(" ".join(command))
        match self._model.cluster and words:
            case [program, "stop-checks", "liveness"] if program == _PEBBLE:
                agent.is_checked = False
            case [program, "start-checks", "liveness"] if program == _PEBBLE:
                agent.is_checked = True
            case [program, "stop", "container-agent"] if program == _PEBBLE:
                agent.stop()
            case [program, "start", "container-agent"] if program == _PEBBLE:
                agent.start()
            case _:
                raise Refused(f"ssh {shlex.join(words)} is not part of this stand-in for juju")
        return ""

    def _application_of(self, agent: Agent) -> Application:
        return self._model.application(agent.unit.model.application)

    def _unpack(self, charm: str) -> Path:
        if not charm.startswith((".", "/")):
            raise Refused(f'"{charm}" of Charmhub is not part of this stand-in for juju')
        if not Path(charm).is_file():
            raise Refused(f"charm file {charm} not found")
        folder = self._new_directory()
        unpack_file(Path(charm), folder)
        return folder

    def _new_directory(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self._model.directory))

    def _resources(self, options: Options, project: dict[str, Any]) -> set[str]:
        """Return the names of the resources that are given."""
        given = set(_pairs(options.get("resource", ())))
        for name in sorted(given - project.get("resources", {}).keys()):
            raise Refused(f'unrecognized resource "{name}"')
        return given

    def _agent_for_task(self, unit: str, options: Options, default: str) -> Agent:
        """Return the agent of a unit, as soon as it runs."""
        try:
            agent = self._model.agent(unit)
        except Refused as refused:
            raise NoTask(str(refused)) from refused
        for _ in range(int(seconds_of(options.get("wait", [default])[-1]))):
            if agent.is_running:
                return agent
            self._model.pass_second()
        raise Refused(f"timed out waiting for results from: unit {agent.name}")


def _pairs(settings: Sequence[str]) -> dict[str, str]:
    for each in settings:
        if "=" not in each:
            raise Refused(f'expected "key=value", got "{each}"')
    return {key: value for key, _, value in (each.partition("=") for each in settings)}


def _listed(options: Options, name: str) -> list[str]:
    return [each for value in options.get(name, ()) for each in value.split(",")]


def _count(options: Options, default: int) -> int:
    return int(options.get("num-units", [str(default)])[-1])


def _defaults(application: Application, keys: Sequence[str]) -> dict[str, Any]:
    return {key: _option(application, key).get("default") for key in keys}


def _option(application: Application, key: str) -> dict[str, Any]:
    if key not in application.options:
        raise Refused(f'unknown option "{key}"')
    return application.options[key]


def _typed(application: Application, settings: dict[str, str]) -> dict[str, Any]:
    """Return values of options of the configuration as of the types that these have."""
    typed: dict[str, Any] = {}
    for key, text in settings.items():
        kind = _option(application, key)["type"]
        value = text if kind in ("string", "secret") else yaml.safe_load(text)
        if not isinstance(value, _TYPES[kind]):
            raise Refused(f'option "{key}" expected {kind}, got "{text}"')
        typed[key] = value
    return typed


def _printed(output: str, error: str) -> dict[str, str]:
    return {key: text for key, text in (("stdout", output), ("stderr", error)) if text}


def _judged(about: dict[str, Any], code: int) -> dict[str, Any]:
    """Return what is printed of a task.

    Raises:
        TaskFailed: when it ended with another return code than 0.
    """
    results = {about["unit"]: about}
    if code:
        raise TaskFailed(code, results)
    return results


def _put(results: dict[str, Any], key: str, value: str) -> None:
    """Put a result where its key says.

    Keys are "a flat period-separated path of keys", and the result is "a nested object containing
    the merged results, with any conflicting values overwriting previous values"
    (`hook-command/list-of-hook-commands/action-set/`).
    """
    *outer, last = key.split(".")
    for name in outer:
        if not isinstance(results.get(name), dict):
            results[name] = {}
        results = results[name]
    results[last] = value


def _want_json(subcommand: str, options: Options) -> None:
    if options.get("format") != ["json"]:
        raise Refused(f"{subcommand} without --format json is not part of this stand-in for juju")
