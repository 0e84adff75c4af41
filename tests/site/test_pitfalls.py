"""Each pitfall of a guide fails as it says, and what follows mends it.

The build runs a page's blocks with the exceptions and the outputs that the page expects. This runs
them as plain code, without the expectations and without the blocks' own `try`, and compares. It is
a test of the site and no proof: it needs all of a page at once, headings too, and a page whose
blocks are proven may be looked at while its pitfalls are still being written.

How a failure is recognised: a block *fails* when it raises as plain code; its message must be the
one shown, as the end of a traceback or as a line of the output. A pitfall without any such block
is a *loss*: its first output is the loss, and the last one, after the fix, must be another. A
*fix* is a block after the last failure that raises nothing. Whether a loss is one for the reader,
only the reader can tell.
"""

import dataclasses
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from mdit_py_plugins.front_matter import front_matter_plugin
from published_pages import PAGES, ROOT
from yaml import safe_load

SECTION = "What can go wrong"
GUIDES = [
    page
    for page in PAGES
    if f"\n## {SECTION}\n" in page.read_text() and "\n```{testcode}" in page.read_text()
]
# What is wrong here is a statement of others: the block shows how it is, side by side with the
# option and the kind of charm in question, and there is nothing to mend.
SIDE_BY_SIDE = {"The values are not in the controller"}
# A page with this sentence shows each message whole, names it in the heading, and has a block with
# the fix. On others a heading may say it in words of its own, a block may print a part of the
# message, and the fix may be a sentence: there, the kind of error and tracebacks are checked.
PROMISE = "The block after it shows the fix"
TRACEBACK = "Traceback (most recent call last):\n"


@dataclasses.dataclass
class Block:
    """An executed block."""

    line: int
    group: str
    text: str
    pitfall: str
    """The heading it stands under; empty outside the section."""
    output: str = ""
    printed: str = ""
    raised: list[str] = dataclasses.field(default_factory=list)
    """What it raised as plain code, in each form in which a page may show it."""

    @property
    def shown_error(self) -> str:
        """The last line of the traceback that the page shows."""
        if not self.output.startswith(TRACEBACK):
            return ""
        return self.output.rstrip().splitlines()[-1]


def read_page(text: str) -> tuple[dict[str, str], dict[str, int], list[Block]]:
    """Return a page's examples by group, its pitfalls with their lines, and its blocks."""
    examples: dict[str, str] = {}
    pitfalls: dict[str, int] = {}
    blocks: list[Block] = []
    inside, pitfall = False, ""
    tokens = MarkdownIt().use(front_matter_plugin).parse(text)
    for index, token in enumerate(tokens):
        if token.type == "front_matter":
            examples = safe_load(token.content).get("examples", {})
        elif token.type == "heading_open":
            title = tokens[index + 1].content
            if token.tag in ("h1", "h2"):
                inside = title == SECTION
            pitfall = ""
            assert token.map
            if inside and token.tag in ("h3", "h4"):
                pitfall = title
                pitfalls[title] = token.map[0] + 1
        elif token.type == "fence" and (found := re.match(r"\{(test\w+)\} *(\w*)", token.info)):
            role, group = found[1], found[2] or "default"
            assert token.map
            if role in ("testcode", "testsetup"):
                blocks.append(Block(token.map[0] + 2, group, token.content, pitfall))
            elif role == "testoutput":
                last = next(block for block in reversed(blocks) if block.group == group)
                last.output = token.content
    # A heading that only holds others is no pitfall.
    with_blocks = {block.pitfall for block in blocks}
    return examples, {each: pitfalls[each] for each in pitfalls if each in with_blocks}, blocks


def run_group(blocks: list[Block], example: str) -> None:
    """Run the blocks of one group, and note what each printed and raised."""
    given = [{"text": block.text, "bare": bool(block.pitfall)} for block in blocks]
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("run_blocks.py")],
        input=json.dumps(given),
        env={**os.environ, "PYTHONPATH": str(ROOT / "examples" / example / "src")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for block, result in zip(blocks, json.loads(done.stdout), strict=True):
        block.printed = result["whole"]["printed"]
        block.raised = (result["bare"] or result["whole"])["raised"]


def faults_of(
    pitfall: str, line: int, blocks: list[Block], *, has_fixes: bool
) -> Iterator[tuple[int, str]]:
    """Yield what is wrong with one pitfall: a line of the page, and a message."""
    failing = [block for block in blocks if block.raised]
    for block in blocks:
        if block.shown_error and block.shown_error not in block.raised:
            got = block.raised[0] if block.raised else "nothing"
            yield block.line, f"the page shows {block.shown_error!r}, and the block raises {got}"
    for block in failing if has_fixes else ():
        shown = [block.shown_error, *block.output.splitlines()]
        if not set(shown) & set(block.raised):
            yield (
                block.line,
                f"the block raises {block.raised[0]!r}, and the page does not show it",
            )
    if failing:
        yield from _differs_from_heading(pitfall, line, failing, has_fixes)
    if not has_fixes:
        return
    after = blocks[blocks.index(failing[-1]) + 1 :] if failing else blocks[1:]
    if not after:
        what = "no block after the failure" if failing else "one block only, so no fix,"
        yield line, f"{pitfall!r} has {what} that raises nothing: show how to mend it"
    elif not failing and blocks[0].printed == after[-1].printed:
        yield after[-1].line, f"{pitfall!r} prints the same before the fix and after it"


def _differs_from_heading(
    pitfall: str, line: int, failing: list[Block], has_words: bool
) -> Iterator[tuple[int, str]]:
    """Yield a fault when no block raises the error of the heading, in the heading's words."""
    found = re.match(r"(\w+(?:Error|Exception)): (.*)", pitfall)
    if not found:
        return
    words = re.findall(r"\w+", found[2]) if has_words else []
    for message in (message for block in failing for message in block.raised):
        rest = iter(re.findall(r"\w+", message))
        if found[1] in message and all(word in rest for word in words):
            return
    yield line, f"no block under {pitfall!r} raises that"


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_pitfalls_fail_and_fixes_mend(page: Path):
    text = page.read_text()
    has_fixes = PROMISE in " ".join(text.split())
    examples, pitfalls, blocks = read_page(text)
    assert pitfalls, f"{page.relative_to(ROOT)}: no pitfall has a block that is run"
    by_group: dict[str, list[Block]] = {}
    for block in blocks:
        by_group.setdefault(block.group, []).append(block)
    for group, own in by_group.items():
        run_group(own, examples[group])
    faults: list[Any] = []
    for pitfall, line in pitfalls.items():
        if pitfall not in SIDE_BY_SIDE:
            own = [block for block in blocks if block.pitfall == pitfall]
            faults += faults_of(pitfall, line, own, has_fixes=has_fixes)
    report = [f"{page.relative_to(ROOT)}:{line}: {what}" for line, what in faults]
    assert not report, "\n".join(report)
