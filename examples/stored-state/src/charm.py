#!/usr/bin/env python3
"""A machine charm that measures its machine once and remembers the result."""

import hashlib
import logging
import time

import ops

logger = logging.getLogger(__name__)

# The time that hashing one password should take, in seconds.
TARGET_TIME = 0.1
# Enough iterations for a steady measurement.
SAMPLE_ITERATIONS = 100_000


class MyCharm(ops.CharmBase):
    """Remember how many PBKDF2 iterations this machine manages in TARGET_TIME."""

    _stored = ops.StoredState()

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        self._stored.set_default(expensive_value=None)
        framework.observe(self.on.start, self._on_start)
        framework.observe(self.on.update_status, self._on_update_status)
        framework.observe(self.on.collect_unit_status, self._on_collect_unit_status)

    def _calculate_expensive_value(self) -> int:
        """Return the number of iterations that take TARGET_TIME on this machine."""
        before = time.perf_counter()
        hashlib.pbkdf2_hmac("sha256", b"password", b"salt", SAMPLE_ITERATIONS)
        elapsed = time.perf_counter() - before
        return int(SAMPLE_ITERATIONS * TARGET_TIME / elapsed)

    def _on_start(self, event: ops.StartEvent) -> None:
        """Measure the machine, unless an earlier start did: start comes after a reboot too."""
        if self._stored.expensive_value is None:
            self._stored.expensive_value = self._calculate_expensive_value()

    def _on_update_status(self, event: ops.UpdateStatusEvent) -> None:
        """Use the stored value, which may not be there yet."""
        if self._stored.expensive_value is not None:
            logger.info("Hashing passwords with %d iterations", self._stored.expensive_value)

    def _on_collect_unit_status(self, event: ops.CollectStatusEvent) -> None:
        """Show the stored value in `juju status`."""
        if self._stored.expensive_value is None:
            event.add_status(ops.WaitingStatus("waiting for the start event"))
        else:
            event.add_status(ops.ActiveStatus(f"{self._stored.expensive_value} iterations"))


if __name__ == "__main__":
    ops.main(MyCharm)
