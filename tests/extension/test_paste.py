"""Pasting a page's captioned blocks from top to bottom gives the files they name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from evergreen.block import Embedded
from evergreen.paste import check_paste

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Project

FILE = """\
import math

x = 1


def area():
    return x

"""
CAPTION = "src/shapes.py"


@pytest.fixture
def check(tmp_path: Path):
    """Return a function that checks a page of blocks, given as first line, last line, caption."""
    file = tmp_path / "examples/sums/src/shapes.py"
    file.parent.mkdir(parents=True)
    file.write_text(FILE)
    (tmp_path / "examples/sums/README.md").write_text("words\n")

    def check(*blocks: tuple[int, int, str | None]) -> list[tuple[int | None, str, str]]:
        path = "examples/sums/src/shapes.py"
        embedded = [
            Embedded("pages/x.md", number, path, first, last, caption, "")
            for number, (first, last, caption) in enumerate(blocks, start=1)
        ]
        other = Embedded("pages/x.md", 9, "examples/sums/README.md", 1, 1, "README.md", "")
        problems = check_paste([*embedded, other], tmp_path, tmp_path / "examples")
        assert {problem.path for problem in problems} <= {"pages/x.md"}
        return [(problem.line, problem.kind, problem.what) for problem in problems]

    return check


@pytest.mark.parametrize(
    "blocks",
    [
        [],
        [(1, 8, CAPTION)],
        [(1, 1, CAPTION), (3, 3, CAPTION), (6, 7, CAPTION)],
        # What repeats lines, or shows them beforehand, has no caption.
        [(6, 7, None), (1, 3, CAPTION), (1, 1, None), (4, 7, CAPTION)],
        [(3, 3, None)],
    ],
)
def test_blocks_that_give_the_file_pass(check, blocks: list[tuple[int, int, str | None]]):
    assert check(*blocks) == []


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ([(3, 7, CAPTION)], [(1, "paste-gap", "lines 1 to 1", "'import math'")]),
        (
            [(1, 1, CAPTION), (6, 7, CAPTION)],
            [(2, "paste-gap", "lines 3 to 3", "'x = 1'")],
        ),
        ([(1, 3, CAPTION)], [(1, "paste-gap", "lines 6 to 7", "'def area():'")]),
        (
            [(1, 3, CAPTION), (3, 7, CAPTION)],
            [(2, "paste-order", "starts at line 3", "go on to line 3")],
        ),
        (
            [(1, 1, CAPTION), (6, 7, CAPTION), (3, 3, CAPTION)],
            [(3, "paste-order", "starts at line 3", "go on to line 7")],
        ),
        (
            [(1, 7, "shapes.py")],
            [(1, "paste-caption", "says 'shapes.py'", "from 'src/shapes.py'")],
        ),
        (
            [(1, 7, "sums/src/shapes.py")],
            [(1, "paste-caption", "says 'sums/src/shapes.py'", "from 'src/shapes.py'")],
        ),
    ],
)
def test_blocks_that_do_not_give_the_file_are_told(
    check,
    blocks: list[tuple[int, int, str | None]],
    expected: list[tuple[int, str, str, str]],
):
    problems = check(*blocks)
    assert [(line, kind) for line, kind, _ in problems] == [each[:2] for each in expected]
    for (_, _, what), (_, _, *words) in zip(problems, expected, strict=True):
        for word in words:
            assert word in what


PART = """\
# A page

```{literalinclude} ../examples/sums/src/sums.py
:start-at: return
:caption: src/sums.py
```
"""


def test_a_page_that_cannot_be_pasted_is_not_published(project: Project):
    project.page("paste.md", PART)
    (warning,) = project.build(evergreen_prove=False).warnings
    assert warning.startswith(
        "pages/paste.md:3: WARNING: lines 1 to 1 of examples/sums/src/sums.py are on no block"
    )


def test_a_block_that_is_refused_is_not_missed_in_its_file(project: Project):
    refused = PART.partition("\n\n")[2].replace(":start-at: return", ":lines: 1")
    project.page("paste.md", f"{PART}\n{refused}")
    (warning,) = project.build(evergreen_prove=False).warnings
    assert warning.startswith("pages/paste.md:8: WARNING: ")
