"""Settings for pytest that hold for examples, pages and tests alike."""

pytest_plugins = ["evergreen.pytest_plugin"]
