"""The guides cannot go out of date: each way to damage an example, or ops, fails `make check`."""

import shutil
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
from damage import (
    CHARM,
    CHARM_TEST,
    GUIDE,
    LISTING,
    PEER_CHARM,
    Sabotage,
    assert_noticed,
    edit,
    replaces,
)

EXAMPLES = [
    replaces(
        "method-renamed",
        CHARM,
        "def _calculate_expensive_value",
        "def _compute_expensive_value",
        GUIDE,
        "_calculate_expensive_value",
    ),
    replaces(
        "key-renamed",
        CHARM,
        "set_default(expensive_value=None)",
        "set_default(costly_value=None)",
        f"{CHARM_TEST}:",
        "costly_value",
    ),
    replaces(
        "value-changed",
        CHARM,
        "SAMPLE_ITERATIONS = 100_000",
        "SAMPLE_ITERATIONS = 10_000",
        "test_start_measures_the_machine (example stored-state) failed",
    ),
    replaces(
        "positional-default",
        CHARM,
        "set_default(expensive_value=None)",
        'set_default("expensive_value", None)',
        "(example stored-state) failed",
        "TypeError",
    ),
    replaces(
        "lower-case-owner",
        CHARM_TEST,
        'owner_path="MyCharm", content',
        'owner_path="mycharm", content',
        f"{CHARM_TEST}:",
        "(example stored-state) failed",
    ),
    replaces(
        "test-renamed",
        CHARM_TEST,
        "def test_second_start_keeps_the_value",
        "def check_second_start_keeps_the_value",
        GUIDE,
        "test_second_start_keeps_the_value",
    ),
    replaces(
        "test-skipped",
        CHARM_TEST,
        "def test_second_start",
        "@pytest.mark.skip\ndef test_second_start",
        "was skipped",
        "a skipped test proves nothing",
    ),
    replaces(
        "deprecated-call",
        CHARM_TEST,
        "from charm import MyCharm\n",
        "from charm import MyCharm\nimport warnings\n\nwarnings.warn('old', DeprecationWarning)\n",
        f"{CHARM_TEST}:",
        "DeprecationWarning: old",
    ),
    replaces(
        "test-does-not-import",
        CHARM_TEST,
        "from charm import MyCharm",
        "from charms import MyCharm",
        f"{CHARM_TEST}:1",
        "No module named 'charms'",
    ),
    replaces(
        "charm-does-not-parse",
        CHARM,
        "def _on_start(self",
        "def _on_start(self,,",
        CHARM,
    ),
    replaces(
        "non-leader-writes",
        PEER_CHARM,
        "self.unit.is_leader() and ",
        "",
        "(example peer-data) failed",
        "RelationDataAccessError",
    ),
    replaces(
        "no-guard-before-the-relation",
        PEER_CHARM,
        "if self.peers is None or key not in",
        "if key not in",
        "test_start_before_the_peer_relation (example peer-data) failed",
        "AttributeError",
    ),
    replaces(
        "key-unknown-to-charmcraft",
        "examples/peer-data/charmcraft.yaml",
        "charm-user: non-root",
        "charm-users: non-root",
        "examples/peer-data/charmcraft.yaml: charm-users: Extra inputs are not permitted",
    ),
    replaces(
        "peer-relation-renamed",
        "examples/peer-data/charmcraft.yaml",
        "fastapi-peer:",
        "fastapi-mates:",
        "(example peer-data) failed",
        "fastapi-peer",
    ),
    replaces(
        "misspelt-jubilant-method",
        "examples/stored-state/tests/integration/test_charm.py",
        "juju.remove_unit(",
        "juju.remove_units(",
        "test_with_a_stand_in_for_juju[stored-state]",
        "'Juju' object has no attribute 'remove_units'",
    ),
    replaces(
        "untidy-code",
        CHARM,
        "TARGET_TIME = 0.1",
        "TARGET_TIME  =  0.1",
        CHARM,
    ),
]


def adds_unused_example(folder: Path) -> list[str]:
    """Add an example that no page shows."""
    shutil.copytree(folder / "examples/stored-state", folder / "examples/forgotten")
    return ["examples/forgotten/pyproject.toml:1", "no page embeds anything of the example"]


def removes_tests(folder: Path) -> list[str]:
    """Delete an example's tests."""
    shutil.rmtree(folder / "examples/stored-state/tests/unit")
    return [LISTING, "tests/unit/test_charm.py cannot be embedded: there is no such file"]


@pytest.mark.parametrize("sabotage", [*EXAMPLES, adds_unused_example, removes_tests])
def test_check_fails_and_says_where(
    sabotage: Sabotage, folder: Path, check: Callable[..., subprocess.CompletedProcess[str]]
):
    expected = sabotage(folder)

    assert_noticed(folder, check(), expected)


# What may change in ops itself: the file, the text, and what takes its place.
OPS_CHANGES = {
    "set_default-renamed": ("ops/framework.py", "def set_default(", "def set_defaults("),
    "message-changed": (
        "ops/model.py",
        "is not leader and cannot write application data",
        "may not write application data",
    ),
    "type-accepted": (
        "ops/framework.py",
        "must be int/float/dict/list/etc",
        "must be a simple type",
    ),
}


@pytest.mark.parametrize("change", OPS_CHANGES)
def test_check_fails_when_ops_changes(
    change: str,
    folder: Path,
    tmp_path: Path,
    check: Callable[..., subprocess.CompletedProcess[str]],
):
    file, old, new = OPS_CHANGES[change]
    installed = Path(sysconfig.get_path("purelib"), "ops")
    shutil.copytree(installed, tmp_path / "ops", ignore=shutil.ignore_patterns("__pycache__"))
    edit(tmp_path, file, old, new)
    # As installing another ops does: what was built before it is out of date.
    shutil.rmtree(folder / "_build/html")

    done = check(PYTHONPATH=str(tmp_path))

    assert done.returncode != 0, "the check did not notice"
    assert "No site" in done.stdout
    assert "failed" in done.stdout or GUIDE in done.stdout, done.stdout
