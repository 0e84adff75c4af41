"""Each example's charm runs as a program, dispatched with Juju's environment and hook commands.

`ops.main` runs in a process of its own here, as it does in a unit:
https://documentation.ubuntu.com/juju/3.6/reference/hook/.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHARMS = sorted(path.parent for path in ROOT.glob("examples/*/charmcraft.yaml"))
# What each hook command prints in a model that has nothing but this unit.
HOOK_COMMANDS = {
    "is-leader": "true",
    "juju-log": "",
    "relation-ids": "[]",
    "status-set": "",
}


@pytest.mark.parametrize("charm", CHARMS, ids=[charm.name for charm in CHARMS])
def test_charm_is_dispatched(charm: Path, tmp_path: Path):
    log = tmp_path / "log"
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, output in HOOK_COMMANDS.items():
        script = f"#!/bin/sh\necho \"{name} $*\" >>'{log}'\necho '{output}'\n"
        (commands / name).write_text(script)
        (commands / name).chmod(0o755)
    charm_directory = tmp_path / "charm"
    charm_directory.mkdir()
    (charm_directory / "src").symlink_to(charm / "src", target_is_directory=True)
    project = yaml.safe_load((charm / "charmcraft.yaml").read_text())
    # The files that Charmcraft packs a charm with:
    # https://documentation.ubuntu.com/charmcraft/stable/reference/files/
    for name, content in {
        "metadata.yaml": project,
        "actions.yaml": project.get("actions", {}),
        "config.yaml": project.get("config", {}),
    }.items():
        (charm_directory / name).write_text(yaml.safe_dump(content))

    done = subprocess.run(
        [sys.executable, charm_directory / "src/charm.py"],
        cwd=charm_directory,
        env={
            **os.environ,
            "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
            "JUJU_CHARM_DIR": str(charm_directory),
            "JUJU_DISPATCH_PATH": "hooks/update-status",
            "JUJU_HOOK_NAME": "update-status",
            "JUJU_MODEL_NAME": "testing",
            "JUJU_MODEL_UUID": "00000000-0000-4000-8000-000000000000",
            "JUJU_UNIT_NAME": f"{project['name']}/0",
            "JUJU_VERSION": "3.6.14",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr + log.read_text()
    assert "status-set " in log.read_text()
    assert (charm_directory / ".unit-state.db").is_file()
