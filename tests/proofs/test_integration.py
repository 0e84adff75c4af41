"""Each example's integration tests pass with a stand-in for the command `juju`.

No Juju runs here. The tests are as they are published, and so is Jubilant; what it finds as `juju`
is `tests/juju/juju_command`, which dispatches the charm's hooks in processes of their own.
"""

import re
from pathlib import Path

import pytest
from juju_command.integration import run_integration_tests

ROOT = Path(__file__).parents[2]
CHARMS = sorted(path.parents[1] for path in ROOT.glob("examples/*/tests/integration"))


@pytest.mark.parametrize("charm", CHARMS, ids=[charm.name for charm in CHARMS])
def test_with_a_stand_in_for_juju(charm: Path, tmp_path: Path):
    done = run_integration_tests(charm, tmp_path)
    assert done.returncode == 0, done.stdout
    # None is skipped.
    assert re.search(r"^=+ \d+ passed in ", done.stdout, re.MULTILINE), done.stdout
