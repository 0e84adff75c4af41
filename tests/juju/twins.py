"""A charm that keeps one count in two stored states and a databag, so that a mixture shows."""

import ops


class Twins(ops.CharmBase):
    """Count update-status events everywhere at once."""

    _one = ops.StoredState()
    _other = ops.StoredState()

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        # More than fits into one page of SQLite's file, and more each time.
        self._one.set_default(count=0, filler="")
        self._other.set_default(count=0, filler="")
        framework.observe(self.on.update_status, self._on_update_status)
        framework.observe(self.on.config_changed, self._on_config_changed)

    def _on_update_status(self, event: ops.UpdateStatusEvent) -> None:
        for stored in (self._one, self._other):
            stored.count += 1
            stored.filler = str(stored.count) * 10_000 * stored.count
        peers = self.model.get_relation("peers")
        assert peers is not None
        peers.data[self.unit]["count"] = str(self._one.count)
        self.unit.status = ops.ActiveStatus(f"counted {self._one.count}")

    def _on_config_changed(self, event: ops.ConfigChangedEvent) -> None:
        for stored in (self._one, self._other):
            assert stored.filler == str(stored.count) * 10_000 * stored.count
        print(self._one.count, self._other.count)


if __name__ == "__main__":
    ops.main(Twins)
