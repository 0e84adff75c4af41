"""The closed world: every block that a page publishes is of a kind that is proven.

The Sphinx doctree is read, never the markup: what Sphinx publishes is seen, however it was
written, and what it does not publish is not.
"""

from __future__ import annotations

import doctest
import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from docutils import nodes

from evergreen import literalinclude, terminal
from evergreen.block import Block, Embedded, Executed
from evergreen.group import FLAGS, matches_anything
from evergreen.problem import Problem

# Nodes that keep their text as typed and yet show no code: comments are not published; formulas,
# addresses, and the parts of signatures and grammars have markup of their own.
_NO_CODE = (nodes.comment, nodes.math_block, nodes.address, nodes.Part)

_EXECUTED_ROLES = ("testsetup", "testcode", "testoutput", "testcleanup")
_DOCTEST_COMMENT = re.compile(r"#\s*doctest:\s*[+-]\w+")
_REFUSED_FLAGS = {
    doctest.SKIP: "+SKIP",
    doctest.IGNORE_EXCEPTION_DETAIL: "+IGNORE_EXCEPTION_DETAIL",
}
_MAKE_PROVABLE = (
    "Put the code in a file under {examples}/ and show it with literalinclude, or run it on the"
    " page with testcode and testoutput, or write a terminal session as console with '$ ' before"
    " each command"
)
_WITHOUT_RAW = (
    "Write it in the page's own markup; a comment begins with '%' in Markdown, and with '..' in"
    " reStructuredText"
)


class ClosedWorld:
    """Reads a page's doctree into blocks, and tells of every block that cannot be proven."""

    def __init__(self, project: Path, examples: Path, proofs: Collection[str] = ()) -> None:
        """Take the places of what may be embedded.

        Args:
            project: the folder of `conf.py`, absolute.
            examples: the folder of the examples, absolute.
            proofs: further files of tests that a build rests on, relative to the project.
        """
        self._project = project
        self._examples = examples
        self._proofs = proofs
        self._make_provable = _MAKE_PROVABLE.format(examples=self._relative(examples))

    def read(self, doctree: nodes.document, page: Path) -> Iterator[Block | Problem]:
        """Yield the page's blocks in the page's order, a `Problem` for each that has no proof.

        Args:
            doctree: the page as Sphinx has read it, before any reference is resolved.
            page: the page's source file, absolute.
        """
        texts: dict[Path, list[str]] = {}
        for node in doctree.findall(nodes.FixedTextElement):
            if isinstance(node, _NO_CODE) and "testnodetype" not in node:
                continue
            if isinstance(node.parent, nodes.system_message):
                # docutils shows there what it could not read, and has said so.
                continue
            # A file that reST includes literally counts as its own source: it is the page's block.
            is_own = "source" not in node or literalinclude.FILE in node
            source = Path(node.source) if node.source and is_own else page
            line = node.line or 1
            is_session = _is_session(node)
            if "testnodetype" in node or is_session:
                if source not in texts:
                    # The source of a docstring is no file.
                    is_file = source.is_file()
                    text = source.read_text(encoding="utf-8") if is_file else ""
                    texts[source] = text.splitlines()
                line = _first_line(texts[source], node.astext(), line)
            if "testnodetype" in node:
                yield self._executed(node, self._relative(source), line)
            elif literalinclude.REFUSED in node:
                kind, what, remedy = node[literalinclude.REFUSED]
                yield Problem(self._relative(source), line, kind, what, remedy)
            elif literalinclude.FILE in node:
                yield self._embedded(node, self._relative(source), line)
            elif is_session:
                yield terminal.read_session(node.astext(), self._relative(source), line)
            else:
                yield self._unprovable(node, self._relative(source), line)

    def _relative(self, path: Path) -> str:
        return Path(os.path.relpath(path, self._project)).as_posix()

    def _executed(self, node: nodes.Element, page: str, line: int) -> Executed | Problem:
        role = node["testnodetype"]
        text = node.astext()

        def problem(kind: str, what: str, remedy: str) -> Problem:
            return Problem(page, line, kind, what, remedy)

        if role not in _EXECUTED_ROLES:
            return self._unprovable(node, page, line)
        if not text.strip():
            return problem(
                "executed-empty", f"the {role} is empty", "Write code in it, or drop it"
            )
        if "skipif" in node:
            return problem(
                "executed-skipped",
                f"the {role} has :skipif:, so it may never run",
                "Drop the option: a block that does not run proves nothing",
            )
        flags = FLAGS
        for flag, is_on in node.get("options", {}).items():
            if flag in _REFUSED_FLAGS:
                return problem(
                    "executed-skipped",
                    f"the {role} has {_REFUSED_FLAGS[flag]}, which hides what happens",
                    "Drop the option",
                )
            flags = flags | flag if is_on else flags & ~flag
        if role != "testoutput" and (comment := _DOCTEST_COMMENT.search(text)):
            return problem(
                "executed-skipped",
                f"the {role} has the comment {comment.group()!r}, which does nothing here",
                "Drop the comment; give a testoutput its :options:",
            )
        if role == "testoutput" and matches_anything(text):
            return problem(
                "output-matches-all",
                "the expected output is only '...', which matches anything",
                "Show at least the words that matter",
            )
        return Executed(page, line, role, tuple(node["groups"]), text, flags)

    def _embedded(self, node: nodes.Element, page: str, line: int) -> Embedded | Problem:
        file = Path(node[literalinclude.FILE])
        is_of_example = file.resolve().is_relative_to(self._examples)
        if not is_of_example and self._relative(file) not in self._proofs:
            return Problem(
                page,
                line,
                "include-outside",
                f"{self._relative(file)} is embedded, and it is no file of an example",
                f"Move the file into an example under {self._relative(self._examples)}/",
            )
        return Embedded(
            page=page,
            line=line,
            file=self._relative(file),
            first_line=node[literalinclude.FIRST_LINE],
            last_line=node[literalinclude.LAST_LINE],
            caption=node[literalinclude.CAPTION],
            anchor=literalinclude.anchor_of(node),
        )

    def _unprovable(self, node: nodes.Element, page: str, line: int) -> Problem:
        first_words = node.astext().strip().partition("\n")[0][:60]
        remedy = self._make_provable
        if isinstance(node, nodes.raw):
            what = f"raw {node.get('format', '')}"
            remedy = _WITHOUT_RAW
        elif isinstance(node, nodes.doctest_block) or node.get("testnodetype") == "doctest":
            what = "an interactive session (>>>)"
        elif "source" in node:
            what = f"a literal include of {self._relative(Path(node['source']))}"
        elif node.get("language") not in (None, "none", "default"):
            what = f"a block of {node['language']}"
        else:
            what = "a literal block"
        return Problem(
            page,
            line,
            "block-unprovable",
            f"{what} that nothing proves: {first_words!r}",
            remedy,
        )


def _is_session(node: nodes.Element) -> bool:
    return isinstance(node, nodes.literal_block) and node.get("language") == "console"


def _first_line(source: list[str], text: str, directive_line: int) -> int:
    """Return the line on which a directive's text starts, counted from 1.

    A docutils node knows the line of its directive only; options and blank lines may follow it.
    """
    wanted = [line.strip() for line in text.splitlines()]
    for start in range(directive_line, len(source) - len(wanted) + 1):
        if [line.strip() for line in source[start : start + len(wanted)]] == wanted:
            return start + 1
    return directive_line
