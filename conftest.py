"""Settings for pytest that hold for examples, pages and tests alike."""

import ops
import pytest
import yaml

pytest_plugins = ["evergreen.pytest_plugin"]

# For each event Scenario writes and reads a charm's metadata, with the half of PyYAML that is
# written in Python: four tenths of the time that a test takes. `ops` itself uses libyaml.
yaml.SafeLoader, yaml.SafeDumper = yaml.CSafeLoader, yaml.CSafeDumper  # type: ignore[misc, assignment]


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """Free the charm of the test that has ended.

    `ops` 3.9 keeps the framework of every charm that it has run until the process ends: a
    WeakKeyDictionary whose values refer to their keys. With it stay 40 kB of memory and a
    temporary folder for each event. There is no public way to let go of them.
    """
    ops.Framework.on._cache.clear()
