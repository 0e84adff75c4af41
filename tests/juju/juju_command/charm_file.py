"""A packed charm, as `charmcraft pack` names it."""

import zipfile
from pathlib import Path

import yaml


def pack_file(charm: Path, directory: Path) -> Path:
    """Return a new `.charm` file of a charm.

    Charmcraft is not asked. The file has `charmcraft.yaml` and `src/`, of which `hook_environment`
    makes the rest where the charm is deployed.

    Args:
        charm: the folder with `charmcraft.yaml` and `src/charm.py`.
        directory: where to put the file.
    """
    name = yaml.safe_load((charm / "charmcraft.yaml").read_text())["name"]
    packed = directory / f"{name}_amd64.charm"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in [charm / "charmcraft.yaml", *sorted(charm.glob("src/*.py"))]:
            archive.write(path, path.relative_to(charm))
    return packed


def unpack_file(packed: Path, directory: Path) -> None:
    """Unpack a `.charm` file into a directory."""
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(directory)
