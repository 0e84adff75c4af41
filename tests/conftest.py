"""How tests are shared among the workers of `make test`, and what starts Python fast for them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from evergreen.warm_python import warm_python
from xdist.scheduler import LoadFileScheduling

# What a build imports, besides what comes with Sphinx.
LIBRARIES = (
    "coverage.sqldata",
    "furo",
    "jubilant",
    "myst_parser.parsers.sphinx_",
    "myst_parser.sphinx_ext.main",
    "notfound.extension",
    "ops.testing",
    "pygments.lexers.python",
    "pygments.lexers.shell",
    "pytest_cov.engine",
    "pytest_sphinx",
    "slipcover",
    "sphinx.builders.dirhtml",
    "sphinx.cmd.build",
    "sphinx.ext.doctest",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "sphinx_design.extension",
    "sphinx_reredirects",
    "unittest.mock",
)
# Folders of tests each of which takes long: no worker is to wait for a file of them.
SEPARATE = ("tests/juju/", "tests/sabotage/")
# What shares something there that takes long to make.
TOGETHER = (
    "tests/juju/test_integration.py::test_a_test_notices_its_damage[",
    "tests/sabotage/test_pages.py::test_unproven_block_is_refused[",
)


class Scheduling(LoadFileScheduling):
    """Has one worker run all tests of a file, so that what they share is made once.

    The marks of `--dist loadgroup` would say the same, but pytest-xdist 3.8 writes them into
    `Item._nodeid`, which pytest 9.2 no longer reads: each test then is a group of its own.
    """

    def _split_scope(self, nodeid: str) -> str:
        # As LoadFileScheduling does it.
        if not nodeid.startswith(SEPARATE):
            return str(super()._split_scope(nodeid))
        return next(filter(nodeid.startswith, TOGETHER), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling:
    """Return what shares the tests out."""
    return Scheduling(config, log)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield a folder of the environment's commands, whose `python` starts fast."""
    # Most tests do without.
    from sphinx.application import builtin_extensions

    libraries = (*LIBRARIES, *builtin_extensions)
    with warm_python(tmp_path_factory.mktemp("warm"), libraries) as python:
        yield python.parent
