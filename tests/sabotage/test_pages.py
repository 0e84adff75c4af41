"""The guides cannot go out of date: each way to damage a page fails `make check`."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from copied_project import Project
from damage import (
    CHARM,
    GUIDE,
    INDEX,
    LISTING,
    Sabotage,
    append,
    assert_noticed,
    edit,
    replaces,
    rewrite,
)

ALONE = """\
---
orphan: true
---

# A page with one block

"""


def shows(name: str, block: str, message: str, offset: int | None = 0) -> Any:
    """Return a parameter: a block shown in one of the ways there are, without a proof.

    The message is at the block's first line plus the offset; without an offset, at the page.
    """
    return pytest.param(name, block, message, offset, id=name)


UNPROVEN = [
    shows("fence", "```python\nx = 1\n```", "a block of python that nothing proves: 'x = 1'"),
    shows("colon-fence", ":::{code-block} python\nx = 1\n:::", "a block of python that nothing"),
    shows("tilde-fence", "~~~yaml\nx: 1\n~~~", "a block of yaml that nothing proves: 'x: 1'"),
    shows("indented", "Text:\n\n    x = 1", "a literal block that nothing proves: 'x = 1'", 2),
    shows("no-language", "```\nx = 1\n```", "that nothing proves: 'x = 1'"),
    shows("list", "- item\n\n  ```python\n  x = 1\n  ```", "a block of python that nothing", 2),
    shows("quote", "> ```python\n> x = 1\n> ```", "a block of python that nothing proves"),
    shows(
        "tab",
        "::::{tab-set}\n:::{tab-item} A\n```python\nx = 1\n```\n:::\n::::",
        "a block of python that nothing",
        3,
    ),
    shows(
        "drop-down",
        ":::{dropdown} More\n```{code-block} python\n:caption: x.py\nx = 1\n```\n:::",
        "a block of python that nothing",
        1,
    ),
    shows(
        "admonition-in-drop-down",
        "::::{dropdown} More\n:::{note}\n```bash\nmake\n```\n:::\n::::",
        "a block of bash that nothing",
        3,
    ),
    shows(
        "table",
        "```{list-table}\n* - A\n* - ~~~python\n    x = 1\n    ~~~\n```",
        "a block of python that nothing",
        2,
    ),
    shows("eval-rst", "```{eval-rst}\n::\n\n    x = 1\n```", "that nothing proves: 'x = 1'", 3),
    shows(
        "rst-code-block",
        "```{eval-rst}\n.. code-block:: python\n\n   x = 1\n```",
        "a block of python that nothing",
        1,
    ),
    shows(
        "parsed-literal",
        "```{eval-rst}\n.. parsed-literal::\n\n   x = *1*\n```",
        "a literal block that nothing proves",
        3,
    ),
    shows("doctest-block", "```{eval-rst}\n>>> 1 + 1\n2\n```", "an interactive session (>>>)", 1),
    shows("doctest", "```{doctest}\n>>> 1 + 1\n2\n```", "an interactive session (>>>)", 1),
    shows("html", "<pre>x = 1</pre>", "raw html that nothing proves: '<pre>x = 1</pre>'"),
    shows(
        "raw",
        "```{raw} html\n<pre>x = 1</pre>\n```",
        "raw html that nothing proves: '<pre>x = 1</pre>'",
    ),
    shows(
        "literal-include",
        "```{include} ../../conf.py\n:literal: true\n```",
        "a literal include of conf.py that nothing proves",
        None,
    ),
    shows("shell", "```shell\n$ make html\n```", "a block of shell that nothing proves"),
    shows("unknown-command", "```console\n$ juju deplyo x\n```", "'juju deplyo' is not known", 1),
    shows(
        "unknown-option",
        "```console\n$ juju status --relation\n```",
        "the command 'juju status' has no option '--relation'",
        1,
    ),
    shows("no-prompt", "```console\njuju deploy x\n```", "starts without a prompt", 1),
    shows(
        "output-of-nothing",
        "```{testoutput}\n1\n```",
        "the testoutput follows no testcode of its group 'default'",
        1,
    ),
    shows(
        "code-without-example",
        "```{testcode}\nx = 1\n```",
        "does not say which example the group 'default' uses. Write",
        1,
    ),
    shows(
        "skipped-code",
        "```{testcode}\n:skipif: True\n\nx = 1\n```",
        "the testcode has :skipif:, so it may never run",
        3,
    ),
    shows(
        "include-by-line",
        f"```{{literalinclude}} ../../{CHARM}\n:lines: 1-4\n```",
        "is embedded with :lines:, and a line number goes on pointing",
    ),
    shows(
        "include-highlighted-by-line",
        f"```{{literalinclude}} ../../{CHARM}\n:emphasize-lines: 3\n```",
        "is embedded with :emphasize-lines:, and a line number goes on pointing",
    ),
    shows(
        "include-outside",
        "```{literalinclude} ../../conf.py\n```",
        "conf.py is embedded, and it is no file of an example",
    ),
    shows(
        "include-missing",
        "```{literalinclude} ../../examples/stored-state/src/charms.py\n```",
        "charms.py cannot be embedded: there is no such file",
    ),
    shows(
        "include-missing-symbol",
        f"```{{literalinclude}} ../../{CHARM}\n:pyobject: MyCharm._on_stop\n```",
        "has no symbol 'MyCharm._on_stop'; it has",
    ),
    shows(
        "include-missing-marker",
        f"```{{literalinclude}} ../../{CHARM}\n:start-at: def _on_stop\n```",
        "has no line with 'def _on_stop' (:start-at:)",
    ),
    shows(
        "include-ambiguous-marker",
        f"```{{literalinclude}} ../../{CHARM}\n:start-at: framework.observe\n```",
        "has 'framework.observe' (:start-at:) on lines",
    ),
]


@pytest.fixture(scope="module")
def shown(checked_project: Project) -> str:
    """Return what the check prints when each unproven block stands on a page of its own.

    All are found before anything is run or written, so that one check does for all of them.
    """
    for case in UNPROVEN:
        name, block, _, _ = case.values
        page = checked_project.folder / f"docs/explanation/shows-{name}.md"
        page.write_text(f"{ALONE}{block}\n")
    done = checked_project.check()
    checked_project.restore()
    assert done.returncode != 0, "the check did not notice"
    assert f"{len(UNPROVEN)} problems, listed above. Nothing is published." in done.stdout
    return done.stdout


@pytest.mark.parametrize(("name", "block", "message", "offset"), UNPROVEN)
def test_unproven_block_is_refused(
    name: str, block: str, message: str, offset: int | None, shown: str
):
    page = f"docs/explanation/shows-{name}.md"
    line = "" if offset is None else f"{ALONE.count(chr(10)) + 1 + offset}:"
    of_page = [each for each in shown.splitlines() if each.startswith(f"{page}:{line}")]

    assert any("WARNING: " in each and message in each for each in of_page), shown


def shows_at(name: str, text: str, message: str) -> Any:
    """Return a parameter, a sabotage: a text that Sphinx itself refuses, when it writes."""

    def sabotage(folder: Path) -> list[str]:
        line = append(folder, INDEX, text)
        return [f"{INDEX}:{line}", message]

    return pytest.param(sabotage, id=name)


DEAD = [
    shows_at(
        "dead-reference", "{py:meth}`ops.StoredState.setdefault`", "ops.StoredState.setdefault"
    ),
    shows_at("dead-link", "[](#no-such-label)", "no-such-label"),
]

PAGES = [
    replaces(
        "caption-of-another-file",
        LISTING,
        ":caption: src/charm.py",
        ":caption: src/charms.py",
        f"{LISTING}:",
        "the caption says 'src/charms.py', and the block is from 'src/charm.py'",
    ),
    replaces(
        "unknown-example",
        GUIDE,
        "default: stored-state",
        "default: stored-stat",
        f"{GUIDE}:1",
        "names the example 'stored-stat', and there is none of that name",
        "the examples are facts-about-ops, peer-data, stored-state",
    ),
    replaces(
        "page-in-no-toctree",
        "docs/explanation/index.md",
        "get-started-with-charm-testing\n",
        "",
        "docs/explanation/get-started-with-charm-testing.md",
        "isn't included in any toctree",
    ),
    replaces("misspelt-word", "docs/index.md", "whole", "wohle", "docs/index.md:LINE", "wohle"),
]


def swaps_blocks(folder: Path) -> list[str]:
    """Put two blocks of one file in the wrong order."""
    block = r"```{literalinclude} \S+stored-state/tests/unit/test_charm.py\n(?:.*\n)*?^```\n"
    rewrite(
        folder,
        rf"(?P<head>{block}(?:.*\n)*?)(?P<first>{block})(?P<gap>(?:.*\n)*?)(?P<second>{block})",
        lambda match: "".join(match.group("head", "second", "gap", "first")),
    )
    return [f"{GUIDE}:", "Put the blocks of a file in the file's order"]


def drops_block(folder: Path) -> list[str]:
    """Leave out one block of a file."""
    block = r"```{literalinclude} \S+peer-data/src/charm.py\n(?:.*\n)*?^```\n"
    rewrite(folder, block, lambda match: "")
    return [f"{GUIDE}:", "examples/peer-data/src/charm.py are on no block of this page"]


def changes_output(folder: Path) -> list[str]:
    """Change what the guide says is printed."""
    rewrite(
        folder,
        r"^(```{testoutput}[^\n]*\n)(?!Traceback)\S+",
        lambda match: f"{match.group(1)}nothing-prints-this",
    )
    return [f"{GUIDE}:", "the output differs from what the page shows", "- nothing-prints-this"]


def changes_message(folder: Path) -> list[str]:
    """Change an error message that the guide shows."""
    match = rewrite(
        folder,
        r"^(Traceback[^\n]*\n  \.\.\.\n)(\S+: ).+$",
        lambda match: f"{match.group(1)}{match.group(2)}nothing says this",
    )
    return [f"{GUIDE}:", match.group(2)]


def doubles_output(folder: Path) -> list[str]:
    """Give one executed block two outputs."""
    output = r"^```{testoutput}(?:.*\n)*?^```\n"
    rewrite(folder, output, lambda match: f"{match.group()}\n{match.group()}")
    return [f"{GUIDE}:", "has a testoutput already"]


def hides_output(folder: Path) -> list[str]:
    """Replace an output by one that matches anything."""
    rewrite(
        folder,
        r"^(```{testoutput}[^\n]*\n)(?:.*\n)*?(^```\n)",
        lambda match: f"{match.group(1)}...\n{match.group(2)}",
    )
    return [f"{GUIDE}:", "the expected output is only '...'"]


def deprecates(folder: Path) -> list[str]:
    """Use what is deprecated in an executed block."""
    line = edit(
        folder,
        GUIDE,
        "```{testcode}\n",
        "```{testcode}\nimport warnings\nwarnings.warn('old', DeprecationWarning)\n",
    )
    return [f"{GUIDE}:{line + 2}: WARNING: DeprecationWarning: old"]


def ends_early(folder: Path) -> list[str]:
    """End the run from within a block."""
    line = edit(folder, GUIDE, "```{testcode}\n", "```{testcode}\nimport sys\nsys.exit(0)\n")
    return [f"{GUIDE}:{line + 2}: WARNING: SystemExit: 0"]


def removes_known_command(folder: Path) -> list[str]:
    """Take a command that a page uses out of the table of commands."""
    edit(folder, "docs/commands.toml", "[tox]\n", "[toxic]\n")
    return ["the command 'tox", "Correct the command, or add it to docs/commands.toml"]


def removes_page(folder: Path) -> list[str]:
    """Delete a page that others lead to."""
    (folder / "docs/explanation/get-started-with-charm-testing.md").unlink()
    return [f"{INDEX}:", "explanation/get-started-with-charm-testing"]


ONE_OFF = [
    swaps_blocks,
    drops_block,
    changes_output,
    changes_message,
    doubles_output,
    hides_output,
    deprecates,
    ends_early,
    removes_known_command,
    removes_page,
]


@pytest.mark.parametrize("sabotage", [*DEAD, *PAGES, *ONE_OFF])
def test_check_fails_and_says_where(
    sabotage: Sabotage, folder: Path, check: Callable[..., subprocess.CompletedProcess[str]]
):
    expected = sabotage(folder)

    assert_noticed(folder, check(), expected)


def test_a_page_that_is_gone_is_gone_from_the_site(project: Project, folder: Path):
    site, page = folder / "_build/html", folder / "docs/howto/added.md"
    other = site / "reference/facts-about-ops/index.html"
    written = other.stat().st_mtime_ns
    page.write_text("---\norphan: true\n---\n# Added\n\nHere for a while.\n", encoding="utf-8")
    done = project.make("html")

    assert done.returncode == 0, done.stdout
    assert (site / "howto/added/index.html").exists()
    # The others are as they were.
    assert other.stat().st_mtime_ns == written

    # The clock of a file system goes on by some milliseconds at a time.
    time.sleep(0.1)
    page.unlink()
    done = project.make("html")
    assert done.returncode == 0, done.stdout
    assert not (site / "howto/added").exists(), done.stdout
