"""What `juju status` and `juju show-unit` print as JSON, in the form that Jubilant reads."""

from typing import Any

from juju_command.agent import Agent
from juju_command.application import Application
from juju_command.juju_model import VERSION, JujuModel
from juju_command.pebble import Pod

# Of the statuses of units, the "highest-priority" one is the application's
# (`status/#application-status`); the order is that of core/status in Juju's source.
_PRIORITIES = ["error", "blocked", "maintenance", "waiting", "active", "unknown"]


def status_of(model: JujuModel) -> dict[str, Any]:
    """Return what `juju status` prints."""
    agents = [agent for each in model.applications.values() for agent in each.agents.values()]
    machines = {str(agent.place): agent for agent in agents if isinstance(agent.place, int)}
    return {
        "model": {
            "name": model.name,
            "type": "caas" if model.cluster else "iaas",
            "controller": "stand-in",
            "cloud": "k8s" if model.cluster else "localhost",
            "version": VERSION,
            "model-status": {"current": "available"},
        },
        "machines": {number: _machine(model, agent) for number, agent in machines.items()},
        "applications": {
            name: _application(model, application)
            for name, application in model.applications.items()
        },
        "storage": {},
        "controller": {"timestamp": f"{model.now:%H:%M:%SZ}"},
    }


def unit_info(model: JujuModel, application: Application, agent: Agent) -> dict[str, Any]:
    """Return what `juju show-unit` prints of a unit: among other things, all databags."""
    data = application.model
    own = data.entered[agent.name]
    return {
        "workload-version": data.version,
        "opened-ports": [],
        "charm": application.url_of(agent.revision),
        "leader": data.leader == agent.name,
        "life": "alive",
        "relation-info": [
            {
                "relation-id": relation,
                "endpoint": name,
                "related-endpoint": name,
                "application-data": data.bags.get((relation, data.application), {}),
                "local-unit": {
                    "in-scope": True,
                    "data": data.bags.get((relation, agent.name), {}),
                },
                "related-units": {
                    unit: {"in-scope": True, "data": data.bags.get((relation, unit), {})}
                    for unit in data.units
                    if unit != agent.name and relation in data.entered[unit]
                },
            }
            for name, relation in data.peers.items()
            if relation in own
        ],
        **_place(agent),
    }


def _application(model: JujuModel, application: Application) -> dict[str, Any]:
    data, project = application.model, application.project
    derived = min(
        (agent.workload_status for agent in application.agents.values()),
        key=lambda status: _PRIORITIES.index(status[0]),
        default=("unknown", ""),
    )
    status = data.statuses.get(data.application, derived)
    return {
        "charm": application.url,
        "base": _base(application),
        "charm-origin": "local",
        "charm-name": project["name"],
        "charm-rev": application.revision,
        **({"scale": len(application.agents)} if model.cluster else {}),
        "exposed": False,
        **({"life": "dying"} if data.application in model.leaving else {}),
        "application-status": _info(model, data.application, status),
        "relations": {
            name: [
                {
                    "related-application": data.application,
                    "interface": peer["interface"],
                    "scope": "global",
                }
            ]
            for name, peer in project.get("peers", {}).items()
        },
        "units": {
            name: _unit(model, application, agent) for name, agent in application.agents.items()
        },
        "version": data.version,
    }


def _unit(model: JujuModel, application: Application, agent: Agent) -> dict[str, Any]:
    unit = {
        "workload-status": _info(model, agent.name, agent.workload_status),
        "juju-status": {
            **_info(model, f"agent of {agent.name}", agent.agent_status),
            "version": VERSION,
        },
        **_place(agent),
    }
    if application.model.leader == agent.name:
        unit["leader"] = True
    if application.revision != agent.revision:
        unit["upgrading-from"] = application.url_of(agent.revision)
    return unit


def _machine(model: JujuModel, agent: Agent) -> dict[str, Any]:
    return {
        "juju-status": {"current": "started", "version": VERSION},
        "instance-id": f"juju-{agent.place}",
        "machine-status": {"current": "running", "message": "Running"},
        "base": _base(model.application(agent.name.partition("/")[0])),
    }


def _place(agent: Agent) -> dict[str, str]:
    if isinstance(agent.place, Pod):
        return {"provider-id": agent.place.unit}
    return {"machine": str(agent.place)}


def _base(application: Application) -> dict[str, str]:
    name, _, channel = application.project["base"].partition("@")
    return {"name": name, "channel": f"{channel}/stable"}


def _info(model: JujuModel, owner: str, status: tuple[str, str]) -> dict[str, str]:
    current, message = status
    return {"current": current, "message": message, "since": model.since(owner, status)}
