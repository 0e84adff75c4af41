"""A site of another domain is built and proven, from the command line, by the extension alone."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import evergreen
import pytest
from bs4 import BeautifulSoup

SITE = Path(__file__).parent / "site"
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(Path(evergreen.__file__).parents[1]),
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "NO_COLOR": "1",
}
TESTS = {
    "docs/length.md::default",
    "docs/length.md::weather",
    "docs/temperature.md::default",
    "docs/temperature.md::terminal session at line 56",
    "examples/length/test_convert.py::test_known_lengths",
    "examples/temperature/test_convert.py::test_absolute_zero_is_the_limit",
    "examples/temperature/test_convert.py::test_it_is_a_command",
    "examples/temperature/test_convert.py::test_known_temperatures",
}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def build(folder: Path, builder: str = "html") -> subprocess.CompletedProcess[str]:
    output = f"_build/{builder}"
    return run(folder, "sphinx", "-c", ".", "-d", "_build/doctrees", "-b", builder, "docs", output)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the site, built."""
    folder = shutil.copytree(SITE, tmp_path_factory.mktemp("copy") / "site")
    built = build(folder)
    assert built.returncode == 0, built.stdout
    assert "proving example length, example temperature, docs/length.md" in built.stdout
    return folder


@pytest.fixture
def copy(site: Path, tmp_path: Path) -> Path:
    """Return a copy of the built site, to be changed."""
    return shutil.copytree(site, tmp_path / "site")


def test_its_pages_are_published(site: Path):
    html = (site / "_build/html/temperature.html").read_text(encoding="utf-8")
    for shown in ("ABSOLUTE_ZERO", "69.8", "below absolute zero", "212.0", "test_known_temp"):
        assert shown in html


def _page(site: Path, name: str) -> BeautifulSoup:
    return BeautifulSoup((site / f"_build/html/{name}.html").read_text("utf-8"), "lxml")


def test_its_pages_show_why_they_can_be_believed(site: Path):
    page = _page(site, "temperature")
    summaries = [each.get_text() for each in page.select("details.evidence > summary")]
    # The limit, the function, the command; and the tests.
    assert summaries == [*["Proven by 7 tests"] * 3, "Proven by 5 tests"]
    assert [each.get_text() for each in page.select(".claim")] == [
        *("nothing is colder than this✓", "make a command of the module✓")
    ]


def test_its_figures_are_those_of_the_build(site: Path):
    figures = [each.get_text() for each in _page(site, "index").select(".measured")]
    assert figures[1:] == ["3", "12", platform.python_version()]
    assert int(figures[0]) > 20


def test_words_alone_need_no_proof(copy: Path):
    index = copy / "docs/index.md"
    index.write_text(index.read_text(encoding="utf-8").replace("length\n", ""), encoding="utf-8")
    built = build(copy)
    assert built.returncode == 0
    assert "everything is proven already" in built.stdout
    assert "length.md: WARNING: document isn't included in any toctree" in built.stdout


DIFFERS = "the output differs from what the page shows"
DAMAGE = {
    "read": (
        [
            ("docs/temperature.md", "--verbose", "--verbos"),
            ("examples/temperature/convert.py", "def to_fahrenheit", "def fahrenheit"),
        ],
        [
            ("docs/temperature.md", "--verbos", "the command 'python -m pytest' has no option"),
            (
                "docs/temperature.md",
                "```{literalinclude} ../examples/temperature/convert.py\n"
                ":caption: convert.py\n:pyobject:",
                "../examples/temperature/convert.py has no symbol 'to_fahrenheit'",
            ),
        ],
    ),
    "shown": (
        [
            ("docs/length.md", "5 feet", "6 feet"),
            ("docs/length.md", "32.0 False", "33.0 False"),
            ("docs/temperature.md", "69.8", "70"),
            ("docs/temperature.md", "212.0", "213.0"),
        ],
        [
            ("docs/length.md", "from convert import to_feet", DIFFERS),
            ("docs/length.md", "from convert import to_fahrenheit", DIFFERS),
            ("docs/temperature.md", "from convert import to_fahrenheit", DIFFERS),
            ("docs/temperature.md", "$ python convert.py 100", "'python convert.py 100' prints"),
        ],
    ),
    # The pages that use it are told of when its tests pass.
    "run": (
        [("examples/temperature/convert.py", "9 / 5 + 32", "9 / 5 + 30")],
        [
            (
                "examples/temperature/test_convert.py",
                "@pytest.mark.parametrize",
                f"examples/temperature/test_convert.py::test_known_temperatures[{each}] (example",
            )
            for each in ("0-32", "100-212", "-40--40")
        ],
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_what_is_no_longer_true_is_told_at_its_place(copy: Path, name: str):
    edits, places = DAMAGE[name]
    for file, old, new in edits:
        text = (copy / file).read_text(encoding="utf-8")
        assert text.count(old) == 1
        (copy / file).write_text(text.replace(old, new), encoding="utf-8")
    shutil.rmtree(copy / "_build/html")
    built = build(copy)
    assert built.returncode == 1
    assert not list(copy.rglob("*.html"))
    for path, at, message in places:
        before, found, _ = (copy / path).read_text(encoding="utf-8").partition(at)
        assert found
        line = before.count("\n") + 1
        assert f"{path}:{line}: WARNING: {message}" in built.stdout, built.stdout
    told = re.findall(r"^(\S+?):\d+: WARNING: ", built.stdout, re.MULTILINE)
    assert set(told) == {path for path, _, _ in places}, built.stdout


def test_sphinx_itself_agrees(copy: Path):
    built = build(copy, "doctest")
    assert built.returncode == 0, built.stdout
    assert "4 tests" in built.stdout
    assert "0 failures in tests" in built.stdout


@pytest.mark.parametrize(
    "options", [[], ["-p", "xdist", "-p", "randomly", "-n", "2", "--dist", "load"]]
)
def test_pytest_by_hand_runs_pages_and_examples_in_any_order(copy: Path, options: list[str]):
    done = run(copy, "pytest", "-v", *options)
    assert done.returncode == 0, done.stdout
    for test in TESTS:
        assert test in done.stdout
    assert "12 passed" in done.stdout
