"""State-transition tests: state in, one event, state out."""

import hashlib
from unittest import mock

import pytest
from ops import testing

from charm import MyCharm

# What an earlier event left behind: the name of the attribute, and of the class that has it.
STORED = testing.StoredState("_stored", owner_path="MyCharm", content={"expensive_value": 42})


def test_start_measures_the_machine():
    ctx = testing.Context(MyCharm)
    with (
        mock.patch("time.perf_counter", side_effect=[2.0, 2.09375]),
        mock.patch("hashlib.pbkdf2_hmac", wraps=hashlib.pbkdf2_hmac) as pbkdf2_hmac,
    ):
        state_out = ctx.run(ctx.on.start(), testing.State())
    pbkdf2_hmac.assert_called_once_with("sha256", b"password", b"salt", 100_000)
    stored = state_out.get_stored_state("_stored", owner_path="MyCharm")
    assert stored.content == {"expensive_value": 106_666}


def test_second_start_keeps_the_value():
    ctx = testing.Context(MyCharm)
    with mock.patch.object(MyCharm, "_calculate_expensive_value") as calculate:
        state_out = ctx.run(ctx.on.start(), testing.State(stored_states={STORED}))
    calculate.assert_not_called()
    stored = state_out.get_stored_state("_stored", owner_path="MyCharm")
    assert stored.content == {"expensive_value": 42}


def test_update_status_reads_the_value():
    ctx = testing.Context(MyCharm)
    state_out = ctx.run(ctx.on.update_status(), testing.State(stored_states={STORED}))
    assert testing.JujuLogLine("INFO", "Hashing passwords with 42 iterations") in ctx.juju_log
    assert state_out.unit_status == testing.ActiveStatus("42 iterations")


def test_value_survives_from_start_to_update_status(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(MyCharm, "_calculate_expensive_value", lambda self: 7)
    ctx = testing.Context(MyCharm)
    started = ctx.run(ctx.on.start(), testing.State())
    updated = ctx.run(ctx.on.update_status(), started)
    assert testing.JujuLogLine("INFO", "Hashing passwords with 7 iterations") in ctx.juju_log
    assert updated.unit_status == testing.ActiveStatus("7 iterations")


def test_update_status_before_start():
    ctx = testing.Context(MyCharm)
    state_out = ctx.run(ctx.on.update_status(), testing.State())
    # What ops itself logs is for debugging; the charm has logged nothing.
    assert {line.level for line in ctx.juju_log} == {"DEBUG"}
    assert state_out.unit_status == testing.WaitingStatus("waiting for the start event")


def test_nothing_is_measured_before_start():
    ctx = testing.Context(MyCharm)
    state_out = ctx.run(ctx.on.install(), testing.State())
    stored = state_out.get_stored_state("_stored", owner_path="MyCharm")
    assert stored.content == {"expensive_value": None}
