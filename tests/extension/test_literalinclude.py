"""A block is embedded by symbol or by its own text, and knows which lines it shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Build, Project

SHAPES = """\
import math


@staticmethod
def area(radius):
    # The area.
    return math.pi * radius**2


class Square:
    def area(self):
        return 4

    def side(self):
        # The side.
        return 2
"""
FILES = {
    "examples/sums/src/shapes.py": SHAPES,
    "examples/sums/src/broken.py": "def area(:\n",
    "examples/sums/src/null.py": "x = 1\0\n",
    "examples/sums/src/marked.py": "\ufeffx = 1\n",
    "examples/sums/src/feed.py": "x = 1\n\x0c\ny = 2",
    "examples/sums/settings.yaml": "name: a: b\n",
    "parts/outside.py": "x = 1\n",
}
SHOWN = {
    "whole": ("", 1, 16),
    "symbol": (":pyobject: area", 4, 7),
    "method": (":pyobject: Square.side", 14, 16),
    "to-the-end": (":start-at: class Square", 10, 16),
    "after": (":start-after: class Square", 11, 16),
    "up-to": (":end-before: class Square", 1, 9),
    "between": (":start-at: import math\n:end-at: return math.pi", 1, 7),
    "within-a-symbol": (":pyobject: Square\n:start-at: return 2", 16, 16),
    "twice-in-the-file-once-in-the-symbol": (
        ":pyobject: Square.side\n:start-at: '# The'",
        15,
        16,
    ),
    "with-other-options": (":language: python\n:linenos:\n:lineno-start: 5\n:name: shapes", 1, 16),
}
REFUSED = {
    "lines": (":lines: 1-3", "include-option", "with :lines:, and a line number goes on"),
    "emphasize": (":emphasize-lines: 2", "include-option", "with :emphasize-lines:, and a line"),
    "diff": (":diff: ../examples/sums/src/sums.py", "include-option", "with :diff:, and"),
    "prepend": (":prepend: x = 1", "include-option", "with :prepend:, and a line that is not in"),
    "append": (":append: x = 1", "include-option", "with :append:, and a line that is not in"),
    "dedent": (":dedent: 4", "include-option", "with :dedent:, and a block that lost"),
    "tab-width": (":tab-width: 4", "include-option", "with :tab-width:, and a tab"),
    "encoding": (":encoding: latin-1", "include-option", "with :encoding:, and a file that is"),
    "symbol": (
        ":pyobject: Square.perimeter",
        "include-symbol",
        "has no symbol 'Square.perimeter'; it has Square, Square.area, Square.side, area",
    ),
    "start-at": (":start-at: class Circle", "include-marker", "no line with 'class Circle' (:st"),
    "start-after": (
        ":start-after: class Circle",
        "include-marker",
        "no line with 'class Circle' (:start-after:)",
    ),
    "start-outside-the-symbol": (
        ":pyobject: Square\n:start-at: import math",
        "include-marker",
        "no line with 'import math' (:start-at:)",
    ),
    "end-before": (":end-before: class Circle", "include-marker", "not found: class Circle"),
    "end-at": (":end-at: class Circle", "include-marker", "not found: class Circle"),
    "end-before-the-start": (
        ":start-at: class Square\n:end-at: import math",
        "include-marker",
        "not found: import math",
    ),
    "two-starts": (
        ":start-at: class Square\n:start-after: import math",
        "include-marker",
        'Cannot use both "start-after" and "start-at" options',
    ),
    "ambiguous": (
        ":start-at: 'def area('",
        "include-ambiguous",
        "has 'def area(' (:start-at:) on lines 5, 11",
    ),
    "ambiguous-in-a-symbol": (
        ":pyobject: Square\n:start-after: self",
        "include-ambiguous",
        "has 'self' (:start-after:) on lines 11, 14",
    ),
    "nothing-left": (":start-after: return 2", "include-empty", "nothing of ../examples/sums/src"),
}
FILES_REFUSED = {
    "gone": ("../examples/sums/src/gone.py", "", "include-file", "there is no such file"),
    "folder": ("../examples/sums/src", "", "include-file", "Is a directory"),
    "not-text": ("../examples/sums/picture.png", "", "include-file", "can't decode byte 0xff"),
    "broken": (
        "../examples/sums/src/broken.py",
        "",
        "include-syntax",
        "broken.py, line 1, is not Python: invalid syntax",
    ),
    "null": ("../examples/sums/src/null.py", "", "include-syntax", "null.py, is not Python: "),
    "no-python": (
        "../examples/sums/settings.yaml",
        ":pyobject: area",
        "include-syntax",
        "settings.yaml is not Python that can be read",
    ),
    "marked": ("../examples/sums/src/marked.py", "", "include-file", "a byte order mark"),
    "form-feed": ("../examples/sums/src/feed.py", "", "include-file", "that ends with '\\x0c'"),
    "outside": ("../parts/outside.py", "", "include-outside", "outside.py is embedded"),
    "above": ("../../conf.py", "", "include-file", "there is no such file"),
    "linked": (
        "../examples/sums/linked.py",
        "",
        "include-outside",
        "parts/outside.py is embedded",
    ),
    "own-page": ("outside.md", "", "include-outside", "pages/outside.md is embedded"),
}


def _page(file: str, options: str) -> str:
    return f"Some words.\n\n```{{literalinclude}} {file}\n{options}\n```\n"


@pytest.fixture(scope="module")
def built(make_project: Callable[[], Project]) -> Build:
    project = make_project()
    project.write(FILES)
    (project.folder / "examples/sums/picture.png").write_bytes(b"\xff\xd8")
    (project.folder / "examples/sums/linked.py").symlink_to(project.folder / "parts/outside.py")
    for name, (options, _, _) in SHOWN.items():
        project.page(f"shown-{name}.md", _page("../examples/sums/src/shapes.py", options))
    for name, (options, _, _) in REFUSED.items():
        project.page(f"refused-{name}.md", _page("../examples/sums/src/shapes.py", options))
    for name, (file, options, _, _) in FILES_REFUSED.items():
        project.page(f"{name}.md", _page(file, options))
    project.page(
        "plain.md",
        """\
        ```{literalinclude} /examples/sums/settings.yaml
        :caption: settings.yaml
        ```
        ```{eval-rst}
        .. literalinclude:: ../examples/sums/settings.yaml
        ```
        """,
    )
    return project.build(evergreen_prove=False)


@pytest.mark.parametrize("name", SHOWN)
def test_the_lines_shown_are_known(built: Build, name: str):
    _, first_line, last_line = SHOWN[name]
    page = built.page(f"shown-{name}.md")
    (block,) = page.embedded
    assert page.problems == ()
    assert (block.file, block.line) == ("examples/sums/src/shapes.py", 3)
    assert (block.first_line, block.last_line) == (first_line, last_line)


def test_a_file_is_found_from_the_page_and_from_the_sources(built: Build):
    first, second = built.page("plain.md").embedded
    assert first.file == second.file == "examples/sums/settings.yaml"
    assert (first.caption, second.caption) == ("settings.yaml", None)
    assert (first.line, second.line) == (1, 5)


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_go_stale_in_silence_is_refused(built: Build, name: str):
    _, kind, words = REFUSED[name]
    (problem,) = built.page(f"refused-{name}.md").problems
    assert (problem.location, problem.kind) == (f"pages/refused-{name}.md:3", kind)
    assert problem.what.startswith("../examples/sums/src/shapes.py ") or kind == "include-empty"
    assert words in problem.what


@pytest.mark.parametrize("name", FILES_REFUSED)
def test_what_is_no_readable_file_of_an_example_is_refused(built: Build, name: str):
    _, _, kind, words = FILES_REFUSED[name]
    (problem,) = built.page(f"{name}.md").problems
    assert (problem.location, problem.kind) == (f"pages/{name}.md:3", kind)
    assert words in problem.what


def test_a_file_is_named_from_the_page_also_where_the_page_includes_another(project: Project):
    project.write({"parts/part.md": _page("../examples/sums/src/gone.py", "")})
    project.page("including.md", "# A page\n\n```{include} ../parts/part.md\n```\n")
    (problem,) = project.build(evergreen_prove=False).page("including.md").problems
    assert problem.location == "parts/part.md:3"
    assert problem.remedy == "Name a file of an example, relative to pages/including.md"


def test_a_block_of_an_included_file_stands_there(project: Project):
    project.write({"parts/part.md": _page("../conf.py", "")})
    project.page("including.md", "# A page\n\n```{include} ../parts/part.md\n```\n")
    (problem,) = project.build(evergreen_prove=False).page("including.md").problems
    assert (problem.location, problem.kind) == ("parts/part.md:3", "include-outside")


def test_a_file_that_appears_has_the_page_read_again(project: Project):
    project.page("waits.md", _page("../examples/sums/src/new.py", ""))
    assert project.build(evergreen_prove=False).problems("waits.md") != []
    project.write({"examples/sums/src/new.py": "x = 1\n"})
    assert project.build(evergreen_prove=False).problems("waits.md") == []
