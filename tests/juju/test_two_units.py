"""Two units run hooks at once."""

import threading
from collections.abc import Callable

from hook_environment import Done, Unit
from stored import TWINS, bag_of, stored_by

Deploy = Callable[..., list[Unit]]


def entered(units: list[Unit]) -> list[Unit]:
    for unit in units:
        unit.model.enter(unit.name, 0)
    return units


def dispatch_at_once(units: list[Unit], event: str) -> None:
    """Run a hook on each unit; none sets its status before each has written its databag."""
    barrier = threading.Barrier(len(units), timeout=60)
    done: list[Done] = []

    def wait(command: str) -> None:
        if command == "status-set":
            barrier.wait()

    def dispatch(unit: Unit) -> None:
        done.append(unit.dispatch(event, on_command=wait))

    threads = [threading.Thread(target=dispatch, args=[unit]) for unit in units]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.check().status for each in done] == [0] * len(units)


def test_each_unit_keeps_what_it_has_written_while_the_other_wrote(deploy: Deploy):
    units = entered(deploy("keeper", units=2, source=TWINS))
    for count in ("1", "2"):
        dispatch_at_once(units, "update-status")
        assert [bag_of(unit) for unit in units] == [{"count": count}] * 2
    assert [stored_by(unit) for unit in units] == ["2 2"] * 2


def test_no_start_is_lost_when_units_start_at_once(deploy: Deploy):
    units = entered(deploy("peer-data", units=3))
    for _ in range(2):
        dispatch_at_once(units, "start")
    counts = units[0].run_action("get-start-counts").check().hook.results
    assert (counts["this-unit"], counts["total"]) == ("2", "6")


def test_a_hook_does_not_see_what_another_unit_has_not_committed(deploy: Deploy):
    one, other = entered(deploy("peer-data", units=2))
    totals = []

    def ask(command: str) -> None:
        if command == "status-set":
            totals.append(other.run_action("get-start-counts").check().hook.results["total"])

    # The hook sets its status after it has written its databag.
    one.dispatch("start", on_command=ask).check()
    assert totals == ["0"]
    assert other.run_action("get-start-counts").check().hook.results["total"] == "1"
