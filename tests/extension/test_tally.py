"""What became of the mutants is shown as long as it is about what is published."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from bs4 import BeautifulSoup
from evergreen.example import environment_for_extension
from evergreen.figures import NOT_MEASURED
from evergreen.tally import Tally, read_tally

if TYPE_CHECKING:
    from conftest import Project

TALLY = Tally("a", mutants=9, killed=4, equivalent=2, free=2, survived=1)
COUNTS = ("mutants", "mutants killed", "mutants equivalent", "mutants free", "mutants survived")
FIGURES = "".join(f"{{measured}}`{name}`\n" for name in COUNTS)
PAGE = f"""\
# Figures

{FIGURES}
```{{testcode}}
from sums import add
spare = 1
print(add(1, 2))
```

```{{testoutput}}
3
```
"""


def test_what_was_written_is_read(tmp_path: Path):
    path = tmp_path / "mutants.json"
    TALLY.write(path)
    assert read_tally(path, "a") == TALLY
    assert read_tally(path, "b") is None


@pytest.mark.parametrize("content", [None, b"", b"\xff", b"[]", b"{}", b'{"digest": "a"}'])
def test_what_cannot_be_read_is_not_known(tmp_path: Path, content: bytes | None):
    path = tmp_path / "mutants.json"
    if content is not None:
        path.write_bytes(content)
    assert read_tally(path, "a") is None


def test_what_the_file_says_already_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "mutants.json"
    TALLY.write(path)
    monkeypatch.setattr("evergreen.tally.write_whole", None)
    TALLY.write(path)


def keep_tally(project: Project) -> Project:
    with (project.folder / "conf.py").open("a") as conf:
        conf.write('evergreen_mutants = "mutants.json"\n')
    project.page("figures.md", PAGE, {"default": "sums"})
    free = '[[free]]\nchanges = ["spare = 2"]\nreason = "Nobody asks for it."\n'
    project.write({"examples/sums/mutants.toml": free})
    return project


@pytest.fixture(scope="module")
def tally(make_project: Callable[[], Project]) -> str:
    """Return what the command writes."""
    project = keep_tally(make_project())
    build = project.build()
    subprocess.run(
        [sys.executable, "-m", "evergreen.mutants", "--doctrees", str(build.doctrees)],
        cwd=project.folder,
        # `make coverage` measures it.
        env={**os.environ, **environment_for_extension()},
        check=True,
    )
    return (project.folder / "mutants.json").read_text()


@pytest.fixture
def tried(project: Project, tally: str) -> Project:
    """Return a project whose mutants have been tried."""
    project.write({"mutants.json": tally})
    return keep_tally(project)


def shown(project: Project) -> list[str]:
    build = project.build("html")
    assert build.refusal is None, build.warnings
    page = build.output / "pages/figures.html"
    parsed = BeautifulSoup(page.read_text(encoding="utf-8"), "lxml")
    return [each.get_text() for each in parsed.select(".measured")]


def test_the_command_leaves_a_tally_that_a_build_shows(tried: Project, tally: str):
    # Two of the sum, one of the output, and four literals, of which `spare` may be any.
    assert shown(tried) == ["6", "5", "0", "1", "0"]
    data = json.loads(tally)
    assert [data[name.rpartition(" ")[2]] for name in COUNTS] == [6, 5, 0, 1, 0]


def test_a_tally_does_not_depend_on_words_or_on_the_place_of_a_block(tried: Project):
    tried.page("figures.md", PAGE.replace("\n\n", "\n\nMore words.\n\n", 1), {"default": "sums"})
    assert shown(tried) == ["6", "5", "0", "1", "0"]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("pages/figures.md", "spare = 1", "spare = 2"),
        ("pages/figures.md", "\n3\n", "\n...3\n"),
        ("examples/sums/src/sums.py", "a + b", "b + a"),
        ("examples/sums/tests/test_sums.py", "(1, 2)", "(2, 1)"),
        ("pages/sums.md", "```\n", ":end-at: def add\n```\n"),
        ("mutants.json", '"digest": "', '"digest": "0'),
    ],
)
def test_a_tally_of_something_else_is_not_shown(tried: Project, file: str, old: str, new: str):
    path = tried.folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    assert shown(tried) == [NOT_MEASURED] * 5


def test_where_mutants_are_not_kept_none_are_known(project: Project):
    project.page("figures.md", PAGE, {"default": "sums"})
    assert shown(project) == [NOT_MEASURED] * 5
