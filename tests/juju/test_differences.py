"""Where a charm behaves differently in `ops.testing`: each charm is run in both.

The build rests on these.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hook_environment import Unit
from ops import testing
from stored import last_error

Deploy = Callable[..., list[Unit]]
# The metadata of the charm of the folder `keeper`, whose name and peer relation these take.
META = yaml.safe_load(Path(__file__).with_name("keeper").joinpath("charmcraft.yaml").read_text())
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


def charm_and_context(event: str, handler: str) -> tuple[str, testing.Context]:
    """Return the source of a charm with one handler, and a context for it."""
    source = CHARM.format(event=event, handler=handler)
    names: dict[str, Any] = {"__name__": "charm"}
    exec(source, names)
    meta = {key: META[key] for key in ("name", "peers")}
    return source, testing.Context(names["Charm"], meta=meta, actions=META["actions"])


def test_there_is_no_relation_data_in_install(deploy: Deploy):
    source, ctx = charm_and_context(
        "install", 'self.model.get_relation("peers").data[self.unit]["key"] = "value"'
    )
    peers = testing.PeerRelation("peers")
    state = ctx.run(ctx.on.install(), testing.State(relations={peers}))
    assert state.get_relation(peers.id).local_unit_data["key"] == "value"

    (unit,) = deploy("keeper", source=source)
    done = unit.dispatch("install")
    assert done.status == 1
    assert last_error(done) == "AttributeError: 'NoneType' object has no attribute 'data'"


def test_a_unit_that_does_not_lead_adds_no_secret_of_the_application(deploy: Deploy):
    source, ctx = charm_and_context("start", 'self.app.add_secret({"password": "correct horse"})')
    state = ctx.run(ctx.on.start(), testing.State(leader=False))
    assert [secret.owner for secret in state.secrets] == ["app"]

    _, other = deploy("keeper", units=2, source=source)
    done = other.dispatch("start")
    assert done.status == 1
    (traceback,) = [message for level, message in done.hook.log if level == "ERROR"]
    assert "ops.model.ModelError: ERROR this unit is not the leader" in traceback
    assert other.model.secrets == {}


def test_the_status_of_a_hook_that_fails_reaches_juju(deploy: Deploy):
    source, ctx = charm_and_context(
        "start", 'self.unit.status = ops.BlockedStatus("half way"); raise RuntimeError("stop")'
    )
    with pytest.raises(testing.errors.UncaughtCharmError):
        ctx.run(ctx.on.start(), testing.State())

    (unit,) = deploy("keeper", source=source)
    assert unit.dispatch("start").status == 1
    assert unit.model.statuses[unit.name] == ("blocked", "half way")


def test_an_action_reports_no_null_character(deploy: Deploy):
    source, ctx = charm_and_context("recall_action", r'event.set_results({"id": "\0"})')
    ctx.run(ctx.on.action("recall"), testing.State())
    assert ctx.action_results == {"id": "\0"}

    (unit,) = deploy("keeper", source=source)
    done = unit.run_action("recall")
    assert done.status == 1
    assert last_error(done) == "ValueError: embedded null byte"
