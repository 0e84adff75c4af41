"""How tests are shared among the workers of `make test`, and what starts Python fast for them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from warm_python import warm_python

# Each of their tests takes long. What they share is made by each worker, or has a group's mark.
SEPARATE = {Path(__file__).with_name(name) for name in ("juju", "sabotage")}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Have one worker run all tests of a file, so that what they share is made once."""
    # What pytest-xdist tells its workers of `--dist loadgroup`. A build runs some of these tests
    # without pytest-xdist, which knows the mark.
    if config.getoption("loadgroup", False):
        for item in items:
            if SEPARATE.isdisjoint(item.path.parents):
                item.add_marker(pytest.mark.xdist_group(str(item.path)))


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield a folder of the environment's commands, whose `python` starts fast."""
    with warm_python(tmp_path_factory.mktemp("warm")) as folder:
        yield folder
