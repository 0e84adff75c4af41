"""What `ops` does with events."""

import ops
import pytest
from ops import testing


class Recorder(ops.CharmBase):
    """Records which of its handlers run."""

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        self.ran: list[str] = []
        framework.observe(self.on.start, self._on_start)
        framework.observe(self.on.config_changed, self._on_config_changed)
        framework.observe(self.on.collect_unit_status, self._on_collect_unit_status)
        framework.observe(self.on.collect_app_status, self._on_collect_app_status)

    def _on_start(self, event: ops.StartEvent) -> None:
        self.ran.append("start")

    def _on_config_changed(self, event: ops.ConfigChangedEvent) -> None:
        self.ran.append("config-changed")

    def _on_collect_unit_status(self, event: ops.CollectStatusEvent) -> None:
        self.ran.append("collect-unit-status")

    def _on_collect_app_status(self, event: ops.CollectStatusEvent) -> None:
        self.ran.append("collect-app-status")


class Deferring(ops.CharmBase):
    """Puts its start event aside once, and records which of its handlers run."""

    ran: tuple[str, ...] = ()

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        framework.observe(self.on.start, self._on_start)
        framework.observe(self.on.update_status, self._on_update_status)

    def _on_start(self, event: ops.StartEvent) -> None:
        if not Deferring.ran:
            event.defer()
        Deferring.ran += ("start",)

    def _on_update_status(self, event: ops.UpdateStatusEvent) -> None:
        Deferring.ran += ("update-status",)


def handlers_of(event: str, leader: bool = False) -> list[str]:
    """Return which handlers of the recorder run in an event, in their order."""
    ctx = testing.Context(Recorder, meta={"name": "demo"})
    with ctx(getattr(ctx.on, event)(), testing.State(leader=leader)) as manager:
        manager.run()
        return manager.charm.ran


def test_observe_has_a_handler_called_for_its_event():
    assert handlers_of("start") == ["start", "collect-unit-status"]
    assert handlers_of("config_changed") == ["config-changed", "collect-unit-status"]


@pytest.mark.parametrize("event", ["install", "start", "config_changed", "update_status", "stop"])
def test_collect_unit_status_comes_after_the_handlers_of_every_event(event: str):
    assert handlers_of(event)[-1] == "collect-unit-status"


def test_collect_app_status_comes_on_the_leader_only():
    assert "collect-app-status" in handlers_of("start", leader=True)
    assert handlers_of("start", leader=False) == ["start", "collect-unit-status"]


def test_an_event_that_nobody_observes_changes_nothing():
    ctx = testing.Context(ops.CharmBase, meta={"name": "demo"})
    state_out = ctx.run(ctx.on.start(), testing.State())
    assert state_out.unit_status == testing.UnknownStatus()


def test_a_deferred_event_comes_again_before_the_next_one():
    Deferring.ran = ()
    ctx = testing.Context(Deferring, meta={"name": "demo"})
    state = ctx.run(ctx.on.start(), testing.State())
    ctx.run(ctx.on.update_status(), state)
    assert Deferring.ran == ("start", "start", "update-status")
