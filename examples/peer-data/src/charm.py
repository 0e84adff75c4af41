#!/usr/bin/env python3
"""A Kubernetes charm that keeps its state in a peer relation."""

import json
import logging
import sys
import uuid
from typing import TypeAlias

import ops

logger = logging.getLogger(__name__)

# The name of the peer relation in charmcraft.yaml.
PEER_NAME = "fastapi-peer"

JSONData: TypeAlias = dict[str, "JSONData"] | list["JSONData"] | str | int | float | bool | None

SERVICE_NAME = "fastapi"
LAYER: ops.pebble.LayerDict = {
    "services": {
        SERVICE_NAME: {
            "override": "replace",
            "command": "/bin/uvicorn api_demo_server.app:app --host 0.0.0.0 --port 8000",
            "environment": {"DEMO_SERVER_LOGFILE": "/tmp/demo_server.log"},
            "startup": "enabled",
        }
    }
}


class FastAPIDemoCharm(ops.CharmBase):
    """Run a web server, count its units' starts, and give the deployment an ID."""

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        self.container = self.unit.get_container("demo-server")
        framework.observe(self.on.start, self._count)
        framework.observe(self.on[PEER_NAME].relation_created, self._ensure_deployment_id)
        framework.observe(self.on.leader_elected, self._ensure_deployment_id)
        framework.observe(self.on.get_start_counts_action, self._on_get_start_counts_action)
        framework.observe(self.on.demo_server_pebble_ready, self._on_demo_server_pebble_ready)
        framework.observe(self.on.collect_unit_status, self._on_collect_unit_status)

    @property
    def peers(self) -> ops.Relation | None:
        """The peer relation, or None while Juju has not created it yet."""
        return self.model.get_relation(PEER_NAME)

    def set_peer_data(self, owner: ops.Unit | ops.Application, key: str, data: JSONData) -> None:
        """Store data as JSON in the databag of this unit, or, as the leader, of this app."""
        if self.peers is None:
            logger.warning("Cannot store %s of %s: no peer relation yet", key, owner.name)
            return
        self.peers.data[owner][key] = json.dumps(data)

    def get_peer_data(self, owner: ops.Unit | ops.Application, key: str) -> JSONData:
        """Return what a unit or the app has stored under a key, or None if there is nothing."""
        if self.peers is None or key not in self.peers.data[owner]:
            return None
        try:
            return json.loads(self.peers.data[owner][key])
        except (ValueError, RecursionError):
            self._warn_malformed(owner, key)
            return None

    def _warn_malformed(self, owner: ops.Unit | ops.Application, key: str) -> None:
        """Say which data is being ignored: not what it is, as logs are for everyone to read."""
        logger.warning("Ignoring malformed %s of %s", key, owner.name)

    def _started_counter(self, unit: ops.Unit) -> int:
        """Return how often a unit has started."""
        match self.get_peer_data(unit, "unit_stats"):
            case {"started_counter": count} if type(count) is int and 0 < count < sys.maxsize:
                return count
            case None:
                return 0
            case _:
                self._warn_malformed(unit, "unit_stats")
                return 0

    def _count(self, event: ops.StartEvent) -> None:
        """Count this start. On Kubernetes, every new pod of the unit is a start."""
        counter = self._started_counter(self.unit) + 1
        self.set_peer_data(self.unit, "unit_stats", {"started_counter": counter})

    def _deployment_id(self) -> str | None:
        """Return the ID that a leader, this one or an earlier one, gave the deployment."""
        match self.get_peer_data(self.app, "deployment_id"):
            case str(deployment_id) if deployment_id.isalnum():
                return deployment_id
            case None:
                return None
            case _:
                self._warn_malformed(self.app, "deployment_id")
                return None

    def _ensure_deployment_id(self, event: ops.EventBase) -> None:
        """Give the deployment its ID, unless it has one: the next leader inherits it."""
        if self.unit.is_leader() and self._deployment_id() is None:
            self.set_peer_data(self.app, "deployment_id", uuid.uuid4().hex)

    def _on_get_start_counts_action(self, event: ops.ActionEvent) -> None:
        """Report the counters. Every unit may read the databags of all its peers."""
        if self.peers is None:
            event.fail("no peer relation yet")
            return
        # The units of a peer relation are the other ones.
        units = {self.unit, *self.peers.units}
        event.set_results(
            {
                "this-unit": self._started_counter(self.unit),
                "total": sum(self._started_counter(unit) for unit in units),
                "deployment-id": self._deployment_id() or "not set yet",
            }
        )

    def _on_demo_server_pebble_ready(self, event: ops.PebbleReadyEvent) -> None:
        """Start the web server, as often as its container comes up."""
        try:
            event.workload.add_layer("fastapi-demo", LAYER, combine=True)
            event.workload.replan()
        except ops.pebble.ConnectionError:
            logger.warning("Pebble is gone again: waiting for the next pebble-ready event")

    def _is_serving(self) -> bool:
        """Return whether the web server is running: not before pebble-ready has started it."""
        try:
            return self.container.get_service(SERVICE_NAME).is_running()
        except (ops.ModelError, ops.pebble.ConnectionError):
            return False

    def _on_collect_unit_status(self, event: ops.CollectStatusEvent) -> None:
        """Say what the unit waits for; of several statuses, Juju shows the most pressing one."""
        if self.peers is None:
            event.add_status(ops.WaitingStatus("waiting for the peer relation"))
        if not self._is_serving():
            event.add_status(ops.WaitingStatus("waiting for the web server"))
        event.add_status(ops.ActiveStatus())


if __name__ == "__main__":
    ops.main(FastAPIDemoCharm)
