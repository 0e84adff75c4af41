"""The guides cannot go out of date: each way to damage the project fails `make check`.

A sabotage changes a copy of the project in one way, and returns what the check has to print: the
place at fault, and words from which a writer can mend it.
"""

import re
import shutil
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

GUIDE = "docs/howto/manage-stored-state.md"
LISTING = "docs/reference/examples/stored-state.md"
INDEX = "docs/explanation/index.md"
CHARM = "examples/stored-state/src/charm.py"
CHARM_TEST = "examples/stored-state/tests/unit/test_charm.py"
PEER_CHARM = "examples/peer-data/src/charm.py"
PEER_TEST = "examples/peer-data/tests/unit/test_charm.py"

Sabotage = Callable[[Path], list[str]]
"""Damages the project in a folder; returns what the check has to print."""


def edit(folder: Path, file: str, old: str, new: str) -> int:
    """Replace the first occurrence of a text, and return its line."""
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{file} has no {old!r}: choose another text to damage"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def rewrite(folder: Path, pattern: str, replace: Callable[[re.Match[str]], str]) -> re.Match[str]:
    """Replace the first match of a pattern in the guide, and return the match."""
    path = folder / GUIDE
    text = path.read_text(encoding="utf-8")
    match = re.search(pattern, text, re.MULTILINE)
    assert match is not None, f"{GUIDE} has no {pattern!r}: choose another text to damage"
    path.write_text(text[: match.start()] + replace(match) + text[match.end() :], encoding="utf-8")
    return match


def append(folder: Path, file: str, text: str) -> int:
    """Append a text after an empty line, and return the line on which it starts."""
    path = folder / file
    before = path.read_text(encoding="utf-8")
    path.write_text(f"{before}\n{text}\n", encoding="utf-8")
    return before.count("\n") + 2


def shows(name: str, block: str, message: str, offset: int | None = 0) -> Any:
    """Return a parameter: a block shown in one of the ways there are, without a proof.

    The message is at the block's first line plus the offset; without an offset, at the page.
    """

    def sabotage(folder: Path) -> list[str]:
        line = append(folder, INDEX, block)
        return [f"{INDEX}:" if offset is None else f"{INDEX}:{line + offset}", message]

    return pytest.param(sabotage, id=f"shown-{name}")


def replaces(name: str, file: str, old: str, new: str, *printed: str) -> Any:
    """Return a parameter, a sabotage: one text in a file replaced by another."""

    def sabotage(folder: Path) -> list[str]:
        line = edit(folder, file, old, new)
        return [text.replace("LINE", str(line)) for text in printed]

    return pytest.param(sabotage, id=name)


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
    shows("dead-reference", "{py:meth}`ops.StoredState.setdefault`", "ops.StoredState.setdefault"),
    shows("dead-link", "[](#no-such-label)", "no-such-label"),
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

EXAMPLES = [
    replaces(
        "method-renamed",
        CHARM,
        "def _calculate_expensive_value",
        "def _compute_expensive_value",
        GUIDE,
        "_calculate_expensive_value",
    ),
    replaces(
        "key-renamed",
        CHARM,
        "set_default(expensive_value=None)",
        "set_default(costly_value=None)",
        f"{CHARM_TEST}:",
        "costly_value",
    ),
    replaces(
        "value-changed",
        CHARM,
        "SAMPLE_ITERATIONS = 100_000",
        "SAMPLE_ITERATIONS = 10_000",
        "test_start_measures_the_machine (example stored-state) failed",
    ),
    replaces(
        "positional-default",
        CHARM,
        "set_default(expensive_value=None)",
        'set_default("expensive_value", None)',
        "(example stored-state) failed",
        "TypeError",
    ),
    replaces(
        "lower-case-owner",
        CHARM_TEST,
        'owner_path="MyCharm", content',
        'owner_path="mycharm", content',
        f"{CHARM_TEST}:",
        "(example stored-state) failed",
    ),
    replaces(
        "test-renamed",
        CHARM_TEST,
        "def test_second_start_keeps_the_value",
        "def check_second_start_keeps_the_value",
        GUIDE,
        "test_second_start_keeps_the_value",
    ),
    replaces(
        "test-skipped",
        CHARM_TEST,
        "def test_second_start",
        "@pytest.mark.skip\ndef test_second_start",
        "was skipped",
        "a skipped test proves nothing",
    ),
    replaces(
        "test-does-not-import",
        CHARM_TEST,
        "from charm import MyCharm",
        "from charms import MyCharm",
        f"{CHARM_TEST}:1",
        "No module named 'charms'",
    ),
    replaces(
        "charm-does-not-parse",
        CHARM,
        "def _on_start(self",
        "def _on_start(self,,",
        CHARM,
    ),
    replaces(
        "non-leader-writes",
        PEER_CHARM,
        "self.unit.is_leader() and ",
        "",
        "(example peer-data) failed",
        "RelationDataAccessError",
    ),
    replaces(
        "no-guard-before-the-relation",
        PEER_CHARM,
        "if self.peers is None or key not in",
        "if key not in",
        "test_start_before_the_peer_relation (example peer-data) failed",
        "AttributeError",
    ),
    replaces(
        "key-unknown-to-charmcraft",
        "examples/peer-data/charmcraft.yaml",
        "charm-user: non-root",
        "charm-users: non-root",
        "examples/peer-data/charmcraft.yaml: charm-users: Extra inputs are not permitted",
    ),
    replaces(
        "peer-relation-renamed",
        "examples/peer-data/charmcraft.yaml",
        "fastapi-peer:",
        "fastapi-mates:",
        "(example peer-data) failed",
        "fastapi-peer",
    ),
    replaces(
        "misspelt-jubilant-method",
        "examples/stored-state/tests/integration/test_charm.py",
        "juju.remove_unit(",
        "juju.remove_units(",
        "examples/stored-state/tests/integration/test_charm.py:LINE",
        "remove_units",
    ),
    replaces(
        "untidy-code",
        CHARM,
        "TARGET_TIME = 0.1",
        "TARGET_TIME  =  0.1",
        CHARM,
    ),
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


def adds_unused_example(folder: Path) -> list[str]:
    """Add an example that no page shows."""
    shutil.copytree(folder / "examples/stored-state", folder / "examples/forgotten")
    return ["examples/forgotten/pyproject.toml:1", "no page embeds anything of the example"]


def removes_tests(folder: Path) -> list[str]:
    """Delete an example's tests."""
    shutil.rmtree(folder / "examples/stored-state/tests/unit")
    return [LISTING, "tests/unit/test_charm.py cannot be embedded: there is no such file"]


def removes_known_command(folder: Path) -> list[str]:
    """Take a command that a page uses out of the table of commands."""
    edit(folder, "docs/commands.toml", "[tox]\n", "[toxic]\n")
    return ["the command 'tox", "Correct the command, or add it to docs/commands.toml"]


def removes_page(folder: Path) -> list[str]:
    """Delete a page that others lead to."""
    (folder / "docs/explanation/stored-state-uses-limitations.md").unlink()
    return [f"{INDEX}:", "explanation/stored-state-uses-limitations"]


ONE_OFF = [
    swaps_blocks,
    drops_block,
    changes_output,
    changes_message,
    doubles_output,
    hides_output,
    deprecates,
    ends_early,
    adds_unused_example,
    removes_tests,
    removes_known_command,
    removes_page,
]


@pytest.mark.parametrize("sabotage", [*UNPROVEN, *PAGES, *EXAMPLES, *ONE_OFF])
def test_check_fails_and_says_where(
    sabotage: Sabotage, folder: Path, check: Callable[..., subprocess.CompletedProcess[str]]
):
    expected = sabotage(folder)

    done = check()

    assert done.returncode != 0, "the check did not notice"
    assert not (folder / "_build/html").exists() or "No site" not in done.stdout
    for text in expected:
        assert text in done.stdout, done.stdout


# What may change in ops itself: the file, the text, and what takes its place.
OPS_CHANGES = {
    "set_default-renamed": ("ops/framework.py", "def set_default(", "def set_defaults("),
    "message-changed": (
        "ops/model.py",
        "is not leader and cannot write application data",
        "may not write application data",
    ),
    "type-accepted": (
        "ops/framework.py",
        "must be int/float/dict/list/etc",
        "must be a simple type",
    ),
}


@pytest.mark.parametrize("change", OPS_CHANGES)
def test_check_fails_when_ops_changes(
    change: str,
    folder: Path,
    tmp_path: Path,
    check: Callable[..., subprocess.CompletedProcess[str]],
):
    file, old, new = OPS_CHANGES[change]
    installed = Path(sysconfig.get_path("purelib"), "ops")
    shutil.copytree(installed, tmp_path / "ops", ignore=shutil.ignore_patterns("__pycache__"))
    edit(tmp_path, file, old, new)
    # As installing another ops does: what was built before it is out of date.
    shutil.rmtree(folder / "_build/html")

    done = check(PYTHONPATH=str(tmp_path))

    assert done.returncode != 0, "the check did not notice"
    assert "No site" in done.stdout
    assert "failed" in done.stdout or GUIDE in done.stdout, done.stdout
