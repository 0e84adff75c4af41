"""Paste-ready: the blocks of one file, taken from a page in order, give the whole file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from evergreen.block import Embedded
from evergreen.problem import Problem


def check_paste(blocks: Iterable[Embedded], project: Path, examples: Path) -> list[Problem]:
    """Tell where pasting a page's captioned blocks from top to bottom would not give the file.

    A caption names the file that a reader pastes into: its path within its example. Blank lines
    between two blocks are the reader's.

    Args:
        blocks: the embedded blocks of one page, in the page's order.
        project: the folder of `conf.py`, absolute.
        examples: the folder of the examples, absolute.
    """
    problems: list[Problem] = []
    by_file: defaultdict[str, list[Embedded]] = defaultdict(list)
    for block in blocks:
        file = (project / block.file).resolve()
        if block.caption is None or not file.is_relative_to(examples):
            continue
        within_examples = file.relative_to(examples)
        expected = Path(*within_examples.parts[1:]).as_posix()
        if block.caption != expected:
            problems.append(
                Problem(
                    block.page,
                    block.line,
                    "paste-caption",
                    f"the caption says {block.caption!r}, and the block is from {expected!r}",
                    f"Write :caption: {expected}",
                )
            )
        else:
            by_file[block.file].append(block)
    for file, of_file in by_file.items():
        lines = (project / file).read_text(encoding="utf-8").splitlines()
        problems.extend(_check_file(file, of_file, lines))
    return problems


def _check_file(file: str, blocks: list[Embedded], lines: list[str]) -> list[Problem]:
    problems: list[Problem] = []
    shown = {n for block in blocks for n in range(block.first_line, block.last_line + 1)}
    left = {n: line.strip() for n, line in enumerate(lines, 1) if line.strip() and n not in shown}
    shown_to = 0
    for block in blocks:
        if block.first_line <= shown_to:
            problems.append(
                Problem(
                    block.page,
                    block.line,
                    "paste-order",
                    f"the block starts at line {block.first_line} of {file}, and the blocks before"
                    f" it go on to line {shown_to}",
                    "Put the blocks of a file in the file's order, each line once; a block that"
                    " repeats lines has no caption",
                )
            )
        else:
            problems.extend(_gap(file, left, shown_to, block.first_line - 1, block))
        shown_to = max(shown_to, block.last_line)
    problems.extend(_gap(file, left, shown_to, len(lines), blocks[-1]))
    return problems


def _gap(
    file: str, left: dict[int, str], shown_to: int, end: int, block: Embedded
) -> list[Problem]:
    missing = [n for n in range(shown_to + 1, end + 1) if n in left]
    if not missing:
        return []
    return [
        Problem(
            block.page,
            block.line,
            "paste-gap",
            f"lines {missing[0]} to {missing[-1]} of {file} are on no block of this page:"
            f" {left[missing[0]]!r}",
            "Show them, or take the captions off if the page is not to be pasted",
        )
    ]
