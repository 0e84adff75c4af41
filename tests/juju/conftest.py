"""Units of charms, in a folder that goes with the test."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hook_environment import Unit, model_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
def deploy(tmp_path: Path) -> Callable[..., list[Unit]]:
    """Return what deploys a charm, or the source of another one in its place."""

    def deploy(charm: str, *, units: int = 1, source: str | None = None) -> list[Unit]:
        example = ROOT / "examples" / charm
        folder = example if example.exists() else Path(__file__).with_name(charm)
        model = model_of(folder)
        return [
            Unit(model, folder, tmp_path / f"{charm} {number}", source=source)
            for number in range(units)
        ]

    return deploy
