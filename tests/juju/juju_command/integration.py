"""The integration tests of an example, with the stand-in for `juju`."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

from juju_command.charm_file import pack_file


def run_integration_tests(
    charm: Path, directory: Path, *options: str
) -> subprocess.CompletedProcess[str]:
    """Run a charm's integration tests as they are, as `tox -e integration` does.

    Args:
        charm: the folder with `charmcraft.yaml`, `src/` and `tests/integration/`.
        directory: where to put the packed charm.
        options: more options of pytest.

    Returns:
        How pytest ended.
    """
    project = yaml.safe_load((charm / "charmcraft.yaml").read_text())
    command = [
        *(sys.executable, "-m", "pytest", "--tb=short", "--rootdir", str(charm)),
        *("-p", "no:cacheprovider", "-p", "pytest-jubilant", "-p", "juju_command.plugin"),
        *("--stand-in-for-juju", "k8s" if "containers" in project else "machine"),
        *options,
        "tests/integration",
    ]
    environment = {
        **os.environ,
        "CHARM_PATH": str(pack_file(charm, directory)),
        "PYTEST_ADDOPTS": "",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    return subprocess.run(
        command,
        cwd=charm,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
