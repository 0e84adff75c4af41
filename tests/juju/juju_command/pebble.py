"""Pebble in the containers of Kubernetes units: it knows services, and runs none.

It answers what the examples ask of https://documentation.ubuntu.com/pebble/reference/api/.
"""

import contextlib
import dataclasses
import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml
from hook_environment import Event

from juju_command.charm_process import PEBBLE

_CHANGE = {
    "id": "1",
    "kind": "services",
    "summary": "Change services",
    "status": "Done",
    "ready": True,
    "spawn-time": "2026-01-01T00:00:00Z",
    "ready-time": "2026-01-01T00:00:00Z",
}


class Pebble:
    """The Pebble of one container."""

    def __init__(self) -> None:
        self._services: dict[str, dict[str, Any]] = {}
        self._running: set[str] = set()

    def answer(self, request: str, query: dict[str, list[str]], body: dict[str, Any]) -> object:
        """Return the result of a request, such as "GET /v1/services".

        Raises:
            LookupError: when the request is not one that this knows.
        """
        match request:
            case "GET /v1/system-info":
                return {"version": "v1.0.0"}
            case "POST /v1/layers":
                layer = yaml.safe_load(body["layer"])
                for name, service in layer.get("services", {}).items():
                    before = self._services.get(name, {})
                    merged = service["override"] == "merge"
                    self._services[name] = before | service if merged else service
                return True
            case "GET /v1/services":
                asked = [name for names in query.get("names", ()) for name in names.split(",")]
                return [
                    {
                        "name": name,
                        "startup": service.get("startup", "disabled"),
                        "current": "active" if name in self._running else "inactive",
                    }
                    for name, service in sorted(self._services.items())
                    if name in asked or not asked
                ]
            case "POST /v1/services" if body["action"] in ("replan", "start", "stop"):
                enabled = {
                    name
                    for name, service in self._services.items()
                    if service.get("startup") == "enabled"
                }
                if body["action"] == "stop":
                    self._running -= {*body["services"]}
                else:
                    self._running |= enabled if body["action"] == "replan" else {*body["services"]}
                return True
            case "GET /v1/changes/1/wait":
                return _CHANGE
        raise LookupError(f"{request} {body} is not part of this stand-in for Pebble")


@dataclasses.dataclass(frozen=True)
class Cluster:
    """All Pebbles of a Kubernetes cluster."""

    address: str
    """Where they are served, each below its name."""
    pebbles: dict[str, Pebble]
    """By name: `unit/container`, with the unit's name as in names of pods."""


@dataclasses.dataclass(frozen=True)
class Pod:
    """The containers of one unit."""

    cluster: Cluster
    unit: str
    """The unit's name as in names of pods."""
    containers: Sequence[str]

    @property
    def environment(self) -> dict[str, str]:
        """What a charm's process needs to find them."""
        return {PEBBLE: f"{self.cluster.address}/{self.unit}"}

    def start(self) -> list[Event]:
        """Start new containers; return what the charm is told of them.

        "The container has just become ready (for the first time, or again, after pod churn)"
        (`hook/#container-pebble-ready`).
        """
        for container in self.containers:
            self.cluster.pebbles[f"{self.unit}/{container}"] = Pebble()
        return [
            Event(f"{container}-pebble-ready", {"JUJU_WORKLOAD_NAME": container})
            for container in self.containers
        ]


@contextlib.contextmanager
def serving() -> Iterator[Cluster]:
    """Serve the Pebbles of a cluster that has none yet."""
    pebbles: dict[str, Pebble] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            name, version, path = address.path.lstrip("/").partition("/v1/")
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                result = pebbles[name].answer(
                    f"{self.command} {version}{path}",
                    parse_qs(address.query),
                    json.loads(body or "{}"),
                )
                status, answer = 200, {"result": result, "change": "1"}
            except LookupError as error:
                status, answer = 400, {"result": {"message": str(error)}}
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield Cluster(f"http://127.0.0.1:{server.server_port}", pebbles)
        finally:
            server.shutdown()
            thread.join()
