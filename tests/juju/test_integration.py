"""The examples' integration tests notice what is wrong, with a stand-in for the command `juju`.

That they pass when nothing is wrong, `tests/proofs/test_integration.py` shows.
"""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from juju_command.integration import run_integration_tests

ROOT = Path(__file__).parents[2]
CHARM, TESTS = "src/charm.py", "tests/integration/test_charm.py"
Damage = tuple[str, str, str]
"""A file, a text in it, and what to have there instead."""

# By example and test: the damage, and the error that the test is to end with.
LATER = {
    "stored-state": {
        "test_leader_and_non_leader_each_have_a_value": (
            (TESTS, r"\d* iterations", r"\d* rounds"),
            "AssertionError",
        ),
        "test_later_events_read_the_same_value": (
            (TESTS, "juju.debug_log()", "juju.debug_logs()"),
            "AttributeError: 'Juju' object has no attribute 'debug_logs'",
        ),
        "test_value_survives_an_upgrade": (
            (
                CHARM,
                "self._stored.set_default(expensive_value=None)",
                "self._stored.set_default(expensive_value=None)\n"
                '        if "upgrade" in __import__("os").environ["JUJU_DISPATCH_PATH"]:\n'
                "            self._stored.expensive_value = 7",
            ),
            "AssertionError",
        ),
        "test_value_outlives_a_change_of_leader": (
            (TESTS, "juju.remove_unit(old_leader)", "juju.remove_unit(APP)"),
            'unit "stored-state-demo" not found',
        ),
    },
    "peer-data": {
        "test_all_units_report_the_same_total_and_id": (
            (TESTS, 'int(results["this-unit"]) for results', 'int(results["unit"]) for results'),
            "KeyError: 'unit'",
        ),
        "test_counters_and_id_survive_new_pods": (
            (TESTS, "jubilant.all_active(status, APP) and all", 'status.apps["demo"] and all'),
            "KeyError: 'demo'",
        ),
        "test_new_leader_inherits_the_id": (
            (
                CHARM,
                "if self.unit.is_leader() and self._deployment_id() is None:",
                "if self.unit.is_leader():",
            ),
            "AssertionError",
        ),
    },
}
AT_ONCE = {
    "a keyword that Jubilant does not have": (
        "stored-state",
        (TESTS, "num_units=2", "units=2"),
        "test_deploy",
        "TypeError",
    ),
    "a key that the status does not have": (
        "stored-state",
        (TESTS, "unit.workload_status.message", "unit.workload_status.text"),
        "test_leader_and_non_leader_each_have_a_value",
        "AttributeError: 'StatusInfo' object has no attribute 'text'",
    ),
    "nothing is waited for": (
        "stored-state",
        (TESTS, "lambda status: jubilant.all_active(status, APP),", "lambda status: True,"),
        "test_leader_and_non_leader_each_have_a_value",
        "AssertionError",
    ),
    "a resource is missing": (
        "peer-data",
        (TESTS, "num_units=2, resources=RESOURCES", "num_units=2"),
        "test_deploy",
        "local charm missing OCI images for: demo-server-image",
    ),
    "the charm fails": (
        "stored-state",
        (CHARM, "self._calculate_expensive_value()\n", "self._calculate()\n"),
        "test_deploy",
        'hook failed: "start"',
    ),
}


def run_damaged(
    example: str, damages: Sequence[Damage], folder: Path, *options: str
) -> subprocess.CompletedProcess[str]:
    """Run the integration tests of a copy of an example, with damages."""
    copy = folder / example
    shutil.copytree(ROOT / "examples" / example, copy)
    for file, before, after in damages:
        text = (copy / file).read_text()
        assert before in text, before
        (copy / file).write_text(text.replace(before, after, 1))
    return run_integration_tests(copy, folder, *options)


def failure_of(test: str, output: str) -> str:
    """Return what pytest prints of a test that has failed, or nothing."""
    found = re.search(rf"^_+ {test} _+\n(.*?)^(_|=|-)+ ", output, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a run prints in which each test but the first has a damage of its own, by example."""
    return {
        example: run_damaged(
            example,
            [damage for damage, _ in damages.values()],
            tmp_path_factory.mktemp("damaged"),
        ).stdout
        for example, damages in LATER.items()
    }


@pytest.mark.parametrize(
    ("example", "test"), [(example, test) for example, tests in LATER.items() for test in tests]
)
def test_a_test_notices_its_damage(example: str, test: str, outputs: dict[str, str]):
    _, error = LATER[example][test]
    assert error in failure_of(test, outputs[example]), outputs[example]


@pytest.mark.parametrize("what", AT_ONCE)
def test_a_damage_is_noticed_at_once(what: str, tmp_path: Path):
    example, damage, test, error = AT_ONCE[what]
    done = run_damaged(example, [damage], tmp_path, "-x")
    assert done.returncode == 1
    assert error in failure_of(test, done.stdout), done.stdout
