"""A charm's files as they are on a unit."""

import shlex
import sys
from pathlib import Path

import yaml

from hook_environment.model import Model


def model_of(charm: Path) -> Model:
    """Return a model with an application of a charm, without units.

    Args:
        charm: the folder with `charmcraft.yaml`.

    Raises:
        ValueError: when the charm asks for storage of a kind that is not part of this stand-in.
    """
    project = yaml.safe_load((charm / "charmcraft.yaml").read_text())
    options = project.get("config", {}).get("options", {})
    storages = project.get("storage", {})
    for name, storage in storages.items():
        if storage["type"] != "filesystem" or not {"type", "description"}.issuperset(storage):
            raise ValueError(
                f"{charm.name}: the storage {name} is not a single file system without options, "
                "and other storage is not part of this stand-in for the hook environment"
            )
    return Model(
        project["name"],
        {name: number for number, name in enumerate(project.get("peers", {}))},
        {name: option["default"] for name, option in options.items() if "default" in option},
        storages=list(storages),
        on_kubernetes="containers" in project,
    )


def pack(charm: Path, directory: Path, *, source: str | None = None) -> None:
    """Put a charm into a directory as Charmcraft packs it, over what was packed there before.

    Charmcraft makes the other YAML files, and `dispatch`, from `charmcraft.yaml`:
    https://documentation.ubuntu.com/charmcraft/stable/reference/files/.

    Args:
        charm: the folder with `charmcraft.yaml` and `src/charm.py`.
        directory: where the agent has, or shall have, its charm.
        source: what to have in `src/charm.py` instead. If there is nothing to replace, the
            directory leads to the charm's own files, so that tools know the lines that ran.
    """
    directory.mkdir(parents=True, exist_ok=True)
    project = yaml.safe_load((charm / "charmcraft.yaml").read_text())
    for name, content in {
        "metadata.yaml": project,
        "actions.yaml": project.get("actions", {}),
        "config.yaml": project.get("config", {}),
    }.items():
        (directory / name).write_text(yaml.safe_dump(content))
    packed = directory / "src"
    if packed.is_symlink():
        packed.unlink()
    if source is None:
        if packed.exists():
            (packed / "charm.py").unlink()
            packed.rmdir()
        packed.symlink_to(charm / "src", target_is_directory=True)
    else:
        packed.mkdir(exist_ok=True)
        (packed / "charm.py").write_text(source)
    dispatch = directory / "dispatch"
    dispatch.write_text(f"#!/bin/sh\nexec {shlex.quote(sys.executable)} src/charm.py\n")
    dispatch.chmod(0o755)
