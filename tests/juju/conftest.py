"""Units of charms, in a folder that goes with the test."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hook_environment import Unit, model_of

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def deploy(tmp_path: Path) -> Callable[..., list[Unit]]:
    """Return what deploys an example's charm, or the source of another one in its place."""

    def deploy(example: str, *, units: int = 1, source: str | None = None) -> list[Unit]:
        charm = EXAMPLES / example
        model = model_of(charm)
        return [
            Unit(model, charm, tmp_path / f"unit {number}", source=source)
            for number in range(units)
        ]

    return deploy
