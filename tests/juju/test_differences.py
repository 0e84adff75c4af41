"""Where a charm behaves differently in `ops.testing`: each charm is run in both."""

from collections.abc import Callable
from typing import Any

import ops
import pytest
from hook_environment import Unit
from ops import testing

Deploy = Callable[..., list[Unit]]
META = {"name": "fastapi-demo", "peers": {"fastapi-peer": {"interface": "fastapi_demo_peers"}}}
CHARM = """
import ops


class Charm(ops.CharmBase):
    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        framework.observe(self.on.{event}, self._on_event)

    def _on_event(self, event: ops.EventBase):
        {handler}


if __name__ == "__main__":
    ops.main(Charm)
"""


def charm_class(source: str) -> type[ops.CharmBase]:
    names: dict[str, Any] = {"__name__": "charm"}
    exec(source, names)
    return names["Charm"]


def test_there_is_no_relation_data_in_install(deploy: Deploy):
    source = CHARM.format(
        event="install",
        handler='self.model.get_relation("fastapi-peer").data[self.unit]["key"] = "value"',
    )
    peers = testing.PeerRelation("fastapi-peer")
    ctx = testing.Context(charm_class(source), meta=META)
    state = ctx.run(ctx.on.install(), testing.State(relations={peers}))
    assert state.get_relation(peers.id).local_unit_data["key"] == "value"

    (unit,) = deploy("peer-data", source=source)
    done = unit.dispatch("install")
    assert done.status == 1
    errors = [line for level, line in done.hook.log if level == "ERROR"]
    assert "AttributeError: 'NoneType' object has no attribute 'data'" in errors[0]


def test_a_unit_that_does_not_lead_adds_no_secret_of_the_application(deploy: Deploy):
    source = CHARM.format(
        event="start", handler='self.app.add_secret({"password": "correct horse"})'
    )
    ctx = testing.Context(charm_class(source), meta=META)
    state = ctx.run(ctx.on.start(), testing.State(leader=False))
    assert [secret.owner for secret in state.secrets] == ["app"]

    _, other = deploy("peer-data", units=2, source=source)
    done = other.dispatch("start")
    assert done.status == 1
    errors = [line for level, line in done.hook.log if level == "ERROR"]
    assert "ops.model.ModelError: ERROR this unit is not the leader" in errors[0]
    assert other.model.secrets == {}


def test_the_status_of_a_hook_that_fails_is_shown(deploy: Deploy):
    source = CHARM.format(
        event="start",
        handler='self.unit.status = ops.BlockedStatus("half way"); raise RuntimeError("stop")',
    )
    ctx = testing.Context(charm_class(source), meta=META)
    with pytest.raises(testing.errors.UncaughtCharmError):
        ctx.run(ctx.on.start(), testing.State())

    (unit,) = deploy("peer-data", source=source)
    assert unit.dispatch("start").status == 1
    assert unit.model.statuses[unit.name] == ("blocked", "half way")
