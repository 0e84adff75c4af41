"""What `make test` takes from pytest-xdist to share the tests out is still there."""

from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling, LoadScopeScheduling

# A private name: what it returns for a test is the group that one worker runs.
SCOPE_OF = "_split_scope"


def test_the_scheduler_asks_for_the_group_of_each_test():
    assert SCOPE_OF in vars(LoadFileScheduling)
    assert SCOPE_OF in LoadScopeScheduling.schedule.__code__.co_names


@pytest.mark.parametrize(
    ("test", "group"),
    [
        ("tests/site/test_a.py::test_one[x]", "tests/site/test_a.py"),
        ("tests/juju/test_a.py::test_one[x]", "tests/juju/test_a.py::test_one[x]"),
    ],
)
def test_long_tests_are_shared_out_one_by_one(test: str, group: str, pytestconfig: pytest.Config):
    path = Path(__file__).parents[1] / "conftest.py"
    conftest = pytestconfig.pluginmanager.get_plugin(str(path))
    assert conftest is not None
    scheduling = conftest.Scheduling.__new__(conftest.Scheduling)
    assert getattr(scheduling, SCOPE_OF)(test) == group
