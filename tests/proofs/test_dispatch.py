"""Each example's charm runs as a program, dispatched with Juju's environment and hook commands.

`ops.main` runs in a process of its own here, as it does in a unit:
https://documentation.ubuntu.com/juju/3.6/reference/hook/. `hook_environment` is in `tests/juju`.
"""

from pathlib import Path

import pytest
from hook_environment import Unit, model_of

ROOT = Path(__file__).parents[2]
CHARMS = sorted(path.parent for path in ROOT.glob("examples/*/charmcraft.yaml"))


@pytest.mark.parametrize("charm", CHARMS, ids=[charm.name for charm in CHARMS])
def test_charm_is_dispatched(charm: Path, tmp_path: Path):
    unit = Unit(model_of(charm), charm, tmp_path / "charm")
    for done in [*unit.set_up(), unit.dispatch("update-status")]:
        done.check()
    assert unit.name in unit.model.statuses
    assert unit.state_file.is_file()
