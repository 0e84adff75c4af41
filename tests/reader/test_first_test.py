"""A reader of *Your first test, in five minutes* does as told, and has two tests that pass."""

import os
import subprocess
import sys
from pathlib import Path

from bs4 import BeautifulSoup

PAGE = (
    Path(__file__).parents[2] / "_build/html/explanation/get-started-with-charm-testing/index.html"
)


def test_the_first_test_passes(tmp_path: Path):
    page = BeautifulSoup(PAGE.read_text(encoding="utf-8"), "lxml")
    section = page.select_one("#your-first-test-in-five-minutes")
    assert section is not None
    blocks = [each.get_text() for each in section.select(":scope > .highlight-python pre")]
    install, run = (each.get_text() for each in section.select(".highlight-console pre"))
    assert install.strip() == '$ python -m pip install "ops[testing]" pytest'
    command, file = run.strip().removeprefix("$ ").rsplit(" ", 1)
    (tmp_path / file).write_text("\n\n".join(blocks), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, *command.split()[1:], "-p", "no:cacheprovider", file],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
