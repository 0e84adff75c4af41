"""What `ops` leaves to the leader."""

import ops
import pytest
from ops import testing

META = {"name": "demo"}


def test_the_leader_sets_the_status_of_the_application():
    ctx = testing.Context(ops.CharmBase, meta=META)
    with ctx(ctx.on.start(), testing.State(leader=True)) as manager:
        manager.charm.app.status = ops.ActiveStatus("ready")
        assert manager.run().app_status == testing.ActiveStatus("ready")


def test_no_other_unit_sets_or_reads_the_status_of_the_application():
    ctx = testing.Context(ops.CharmBase, meta=META)
    with ctx(ctx.on.start(), testing.State(leader=False)) as manager:
        with pytest.raises(RuntimeError, match="cannot set application status"):
            manager.charm.app.status = ops.ActiveStatus("ready")
        with pytest.raises(RuntimeError, match="cannot get application status"):
            _ = manager.charm.app.status


def test_the_next_leader_has_the_secrets_of_the_application():
    ctx = testing.Context(ops.CharmBase, meta=META)
    with ctx(ctx.on.leader_elected(), testing.State(leader=True)) as manager:
        secret_id = manager.charm.app.add_secret({"password": "old and long"}).id
        state = manager.run()
    next_leader = testing.Context(ops.CharmBase, meta=META, unit_id=1)
    with next_leader(next_leader.on.leader_elected(), state) as manager:
        secret = manager.charm.model.get_secret(id=secret_id)
        assert secret.get_content() == {"password": "old and long"}
        secret.set_content({"password": "new and long"})


def test_leader_settings_changed_is_deprecated():
    assert ".. deprecated::" in str(ops.LeaderSettingsChangedEvent.__doc__)
