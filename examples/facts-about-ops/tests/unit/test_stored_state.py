"""What `ops.StoredState` does."""

import collections
import dataclasses
import datetime
import enum
import pathlib
import traceback
from typing import Any

import ops
import pytest
from ops import testing

META = {"name": "demo"}


class Colour(str, enum.Enum):
    """An enumeration of strings, as Python before 3.11 writes it."""

    RED = "red"


class Charm(ops.CharmBase):
    """Stores what a test gives it, in its update-status event."""

    _stored = ops.StoredState()
    value: Any = None

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        self.has_returned = False
        framework.observe(self.on.update_status, self._on_update_status)

    def _on_update_status(self, event: ops.UpdateStatusEvent) -> None:
        self._stored.value = self.value
        self.has_returned = True


class RenamedCharm(Charm):
    """The same charm under another name."""


class Counter(ops.CharmBase):
    """Counts in an attribute."""

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        self.count = 0


@dataclasses.dataclass
class Point:
    """An object of a class that is not Python's own."""

    x: int = 0


def state_with(value: Any) -> testing.State:
    """Return a state in which the charm has stored a value."""
    stored = testing.StoredState("_stored", owner_path="Charm", content={"value": value})
    return testing.State(stored_states={stored})


def value_in(state: testing.State) -> Any:
    """Return the value that the charm has stored."""
    return state.get_stored_state("_stored", owner_path="Charm").content["value"]


def test_an_attribute_is_gone_in_the_next_event():
    ctx = testing.Context(Counter, meta=META)
    with ctx(ctx.on.start(), testing.State()) as manager:
        manager.charm.count += 1
        state = manager.run()
    with ctx(ctx.on.update_status(), state) as manager:
        assert manager.charm.count == 0


def test_a_stored_value_is_there_in_the_next_event():
    ctx = testing.Context(Charm, meta=META)
    with ctx(ctx.on.start(), testing.State()) as manager:
        manager.charm._stored.count = 1
        state = manager.run()
    with ctx(ctx.on.start(), state) as manager:
        assert manager.charm._stored.count == 1


def test_set_default_sets_what_is_not_there():
    ctx = testing.Context(Charm, meta=META)
    with ctx(ctx.on.start(), testing.State()) as manager:
        manager.charm._stored.set_default(value=1)
        assert manager.charm._stored.value == 1


def test_set_default_keeps_what_is_there():
    ctx = testing.Context(Charm, meta=META)
    with ctx(ctx.on.start(), state_with(42)) as manager:
        manager.charm._stored.set_default(value=1)
        assert manager.charm._stored.value == 42


@pytest.mark.parametrize(
    "value", [None, True, 42, 0.5, "text", b"bytes", [1], {"key": 1}, {3: "three"}, {1, 2}]
)
def test_a_simple_value_is_kept(value: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Charm, "value", value)
    ctx = testing.Context(Charm, meta=META)
    state_out = ctx.run(ctx.on.update_status(), testing.State())
    assert value_in(state_out) == value


@pytest.mark.parametrize(
    "value",
    [(1, 2), frozenset({1}), 1j, datetime.date(2026, 1, 31), pathlib.Path("/srv"), Point()],
)
def test_an_object_of_another_class_is_refused(value: Any):
    ctx = testing.Context(Charm, meta=META)
    with ctx(ctx.on.start(), testing.State()) as manager:
        refusal = f"cannot be a {type(value).__name__}: must be int/float/dict/list/etc"
        with pytest.raises(AttributeError, match=refusal):
            manager.charm._stored.value = value


def test_a_list_a_dictionary_and_a_set_may_be_changed_in_place():
    ctx = testing.Context(Charm, meta=META)
    with ctx(ctx.on.start(), testing.State()) as manager:
        stored = manager.charm._stored
        stored.set_default(a_list=[1], a_dictionary={"a": 1}, a_set={1})
        stored.a_list.append(2)
        stored.a_dictionary["b"] = 2
        stored.a_set.add(2)
        state_out = manager.run()
    content = state_out.get_stored_state("_stored", owner_path="Charm").content
    assert content == {"a_list": [1, 2], "a_dictionary": {"a": 1, "b": 2}, "a_set": {1, 2}}


def test_a_tuple_in_a_list_is_let_through(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Charm, "value", [(1, 2)])
    ctx = testing.Context(Charm, meta=META)
    state_out = ctx.run(ctx.on.update_status(), testing.State())
    assert value_in(state_out) == [(1, 2)]


def test_an_object_in_a_list_is_refused_after_the_handler(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Charm, "value", [Point()])
    ctx = testing.Context(Charm, meta=META)
    with ctx(ctx.on.update_status(), testing.State()) as manager:
        with pytest.raises(testing.errors.UncaughtCharmError) as failure:
            manager.run()
        assert manager.charm.has_returned
    cause = failure.value.__cause__
    assert isinstance(cause, ValueError)
    assert __file__ not in [frame.filename for frame in traceback.extract_tb(cause.__traceback__)]


@pytest.mark.parametrize("value", [Colour.RED, collections.defaultdict(int)])
def test_an_object_of_a_subclass_is_refused_after_the_handler(
    monkeypatch: pytest.MonkeyPatch, value: object
):
    monkeypatch.setattr(Charm, "value", value)
    ctx = testing.Context(Charm, meta=META)
    with ctx(ctx.on.update_status(), testing.State()) as manager:
        with pytest.raises(testing.errors.UncaughtCharmError, match="unable to save the data"):
            manager.run()
        assert manager.charm.has_returned


def test_a_value_is_lost_when_its_class_is_renamed():
    ctx = testing.Context(RenamedCharm, meta=META)
    with ctx(ctx.on.start(), state_with(42)) as manager:
        manager.charm._stored.set_default(value=None)
        assert manager.charm._stored.value is None
    assert {line.level for line in ctx.juju_log} == {"DEBUG"}


def test_a_value_is_lost_when_its_attribute_is_renamed():
    ctx = testing.Context(Charm, meta=META)
    earlier = testing.StoredState("_state", owner_path="Charm", content={"value": 42})
    with ctx(ctx.on.start(), testing.State(stored_states={earlier})) as manager:
        manager.charm._stored.set_default(value=None)
        assert manager.charm._stored.value is None
    assert {line.level for line in ctx.juju_log} == {"DEBUG"}


def test_the_reference_says_what_an_upgrade_keeps():
    reference = " ".join((ops.StoredState.__doc__ or "").split())
    assert "stored alongside the charm (in the charm container for Kubernetes" in reference
    assert "upgraded in-place on the machine, so the data is preserved" in reference
    assert "the pod is replaced, so any data is lost" in reference
