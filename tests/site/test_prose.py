"""What makes a page unreadable although nothing on it is code.

Each is a fault that published guides had: a section with nothing in it, a notice in the syntax of
another tool, text in the wrong encoding, and words about a document that the reader does not have.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.front_matter import front_matter_plugin
from published_pages import PAGES, ROOT

NOTICE = re.compile(r"^\s*(\[/?[a-z]+\]\s*$|\[![A-Z]+\]|!!! )", re.MULTILINE)
ELSEWHERE = re.compile(
    r"\b(?:this|(?:the )?(?:next|last|previous|following)) chapter\b"
    r"|\bthe (?:first|second|third|fourth|last) strategy\b",
    re.IGNORECASE,
)
# A label or a comment is for the writer, and a line break is nothing to read.
NOT_CONTENT = re.compile(r"(\([\w-]+\)=|<!--.*?-->|<br ?/?>|\s)*", re.DOTALL)


def faults_of(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line of each fault, counted from 1, and what is wrong there."""
    tokens = MarkdownIt().use(front_matter_plugin).parse(text)
    yield from _empty_sections(tokens)
    for token in tokens:
        if token.type == "inline" and token.map:
            # Code is not prose.
            prose = re.sub(r"`[^`]*`", "", token.content)
            first_line = token.map[0] + 1
            for found in NOTICE.finditer(prose):
                line = first_line + prose[: found.start(1)].count("\n")
                yield line, f"{found[1].strip()!r} is shown as it stands: write :::{{note}}"
            for found in ELSEWHERE.finditer(prose):
                line = first_line + prose[: found.start()].count("\n")
                yield line, f"{found[0]!r} is of another document: name what is meant, and link it"
    yield from _wrong_encoding(text)


def _empty_sections(tokens: list[Token]) -> Iterator[tuple[int, str]]:
    waiting: tuple[int, str, int] | None = None
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and token.level == 0:
            depth = int(token.tag[1:])
            if waiting and depth <= waiting[2]:
                yield waiting[0], _empty(waiting[1])
            assert token.map
            assert following
            waiting = token.map[0] + 1, following.content, depth
        elif token.type in ("fence", "code_block", "hr") or (
            token.type in ("inline", "html_block")
            and not NOT_CONTENT.fullmatch(token.content)
            and not (waiting and token.content == waiting[1])
        ):
            waiting = None
    if waiting:
        yield waiting[0], _empty(waiting[1])


def _empty(title: str) -> str:
    return f"the section {title!r} is empty: write it, or take its heading away"


def _wrong_encoding(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        for found in re.finditer(r"[^\x00-\x7f]{2,}", line):
            try:
                meant = found[0].encode("cp1252").decode("utf-8")
            except UnicodeError:
                continue
            yield number, f"{found[0]!r} was read in the wrong encoding: write {meant!r}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_page_is_readable(page: Path):
    faults = [
        f"{page.relative_to(ROOT)}:{line}: {what}" for line, what in faults_of(page.read_text())
    ]
    assert not faults, "\n".join(faults)
