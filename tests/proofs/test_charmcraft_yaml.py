"""Charmcraft accepts every example's `charmcraft.yaml`, by its own models."""

from pathlib import Path
from typing import Any

import pydantic
import pytest
import yaml
from charmcraft.models.project import CharmcraftProject
from craft_application.errors import CraftValidationError

ROOT = Path(__file__).parents[2]
# Charmcraft reads a key of its own that it deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:The 'charmhub' field:DeprecationWarning")
FILES = sorted(ROOT.glob("examples/*/charmcraft.yaml"))


def refusals(project: dict[str, Any]) -> list[str]:
    """Return what Charmcraft has against a project, with the keys."""
    try:
        CharmcraftProject.unmarshal(project)
    except pydantic.ValidationError as error:
        return [
            f"{'.'.join(map(str, each['loc'])) or 'the file'}: {each['msg']}"
            for each in error.errors()
        ]
    except CraftValidationError as error:
        return [f"{error}: {error.details}"]
    except ValueError as error:
        # What Charmcraft says of a type that it has no model for.
        return [str(error)]
    return []


@pytest.mark.parametrize("file", FILES, ids=[file.parent.name for file in FILES])
def test_charmcraft_accepts(file: Path):
    found = refusals(yaml.safe_load(file.read_text(encoding="utf-8")))
    assert not found, f"{file.relative_to(ROOT)}: {'; '.join(found)}"


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"peer": {}}, "peer"),
        ({"platforms": {"amd65": None}}, "platforms"),
        ({"parts": {"charm": {"plugin": "charms"}}}, "parts"),
        ({"assumes": "juju >= 3.6"}, "assumes"),
        ({"name": None}, "name"),
        ({"type": "bundle"}, "'type: bundle'"),
        ({"type": "charms"}, "field type"),
    ],
)
def test_charmcraft_refuses(change: dict[str, Any], key: str):
    project = yaml.safe_load(FILES[0].read_text(encoding="utf-8"))
    found = refusals(project | change)
    assert any(key in each for each in found), found
