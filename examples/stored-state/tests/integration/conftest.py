"""Fixtures of the integration tests; the `juju` fixture comes from pytest-jubilant."""

import os
import pathlib

import pytest


@pytest.fixture(scope="session")
def charm() -> pathlib.Path:
    """Return the packed charm: CHARM_PATH, or the only .charm file beside charmcraft.yaml."""
    if "CHARM_PATH" in os.environ:
        return pathlib.Path(os.environ["CHARM_PATH"]).resolve(strict=True)
    root = pathlib.Path(__file__).parents[2]
    packed = list(root.glob("*.charm"))
    assert len(packed) == 1, f"one packed charm expected in {root}, found {packed}"
    return packed[0]
