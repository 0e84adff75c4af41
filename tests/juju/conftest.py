"""Units of charms, in a folder that goes with the test."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# A build's own sessions of pytest do not have it from the project's settings.
sys.path.insert(0, str(Path(__file__).parent))

from hook_environment import Unit, model_of
from stored import TWINS

ROOT = Path(__file__).parents[2]
Deploy = Callable[..., list[Unit]]


@pytest.fixture
def deploy(tmp_path: Path) -> Deploy:
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


@pytest.fixture(autouse=True)
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out a build's measuring of what runs: a process that is killed leaves half a file."""
    monkeypatch.delenv("COVERAGE_PROCESS_START", raising=False)


@pytest.fixture
def fresh(deploy: Deploy) -> Unit:
    """A unit whose charm, that of `twins.py`, has stored nothing yet."""
    (unit,) = deploy("keeper", source=TWINS)
    unit.model.enter(unit.name, 0)
    return unit


@pytest.fixture
def counted(fresh: Unit) -> Unit:
    """A unit whose charm has counted one event."""
    fresh.dispatch("update-status").check()
    return fresh
