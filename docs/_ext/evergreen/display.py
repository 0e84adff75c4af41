"""How evidence appears on a page: below each block, and as the mark of a claim."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.nodes import make_refnode
from sphinx.writers.html5 import HTML5Translator

from evergreen import literalinclude
from evergreen.attribution import Attribution, Backing
from evergreen.block import Embedded
from evergreen.claims import claim, functions_of, measured
from evergreen.files import digest_of_texts
from evergreen.page import DEFAULT_GROUP, Page


class evidence(nodes.General, nodes.Element):  # noqa: N801
    """What stands behind a block: a summary that opens to its children."""


class Display:
    """Puts evidence into the doctrees of a site, with links between tests and what they prove."""

    def __init__(
        self,
        app: Sphinx,
        pages: Mapping[str, Page],
        attribution: Attribution,
        tests: Sequence[str],
        figures: Mapping[str, str],
        versions: Mapping[str, str],
    ) -> None:
        """Take all that was read and proven.

        Args:
            app: Sphinx.
            pages: what was read of each page, by its Sphinx name.
            attribution: which tests stand behind a block.
            tests: the node IDs of all passing tests.
            figures: what was computed, by name.
            versions: the versions of what it was proven with, by name.
        """
        self._app = app
        # What is not HTML, or puts all pages into one file, has the figures alone.
        self._is_shown = app.builder.format == "html" and app.builder.name != "singlehtml"
        self._pages = pages
        self._attribution = attribution
        self._tests = tests
        self._figures = figures
        names = (f"{name} {version}" for name, version in versions.items())
        self._proven_with = f"Proven with {', '.join(names)}."
        self._functions = functools.cache(self._read_functions)
        self._docnames = {page.path: docname for docname, page in pages.items()}
        # By file: the blocks that show it and the names of their pages, the longest block first.
        self._shown_at: dict[str, list[tuple[str, Embedded]]] = {}
        # By test, then by page: the first block that it stands behind.
        self._proves: dict[str, dict[str, Embedded]] = {}
        for docname, page in sorted(pages.items()):
            for block in page.embedded:
                self._shown_at.setdefault(block.file, []).append((docname, block))
                backing = attribution.backing_of(block)
                for test in () if backing.note else backing.tests:
                    self._proves.setdefault(test, {}).setdefault(docname, block)
        for blocks in self._shown_at.values():
            blocks.sort(key=lambda each: -_length(each[1]))
        # By test: the name of the page that shows its source, the block there, and the line.
        self._sources = {test: source for test in tests if (source := self._source_of(test))}

    def digest_of(self, docname: str, page: Page) -> str:
        """Return a digest of what evidence adds to a page, to tell whether that has changed."""
        figures = [self._figures[each.name] for each in page.figures]
        if not self._is_shown:
            return digest_of_texts(*figures)
        added = [
            *(node for block in page.embedded for node in self._below(block, docname)),
            *(self._mark(each.test, docname) for each in page.claims),
        ]
        return digest_of_texts(
            *(node.pformat() for node in added), *figures, self._summary_of_page(page)
        )

    def add_to(self, doctree: nodes.document, docname: str) -> None:
        """Add the evidence to a page that is about to be written."""
        for node in list(doctree.findall(measured)):
            node += nodes.Text(self._figures[node["figure"]])
        if not self._is_shown:
            return
        for block in list(doctree.findall(nodes.literal_block)):
            if literalinclude.FILE in block:
                self._add_to_block(block, docname)
        if summary := self._summary_of_page(self._pages[docname]):
            # In the page's own section, below all that it says.
            section = next(iter(doctree.findall(nodes.section)), doctree)
            section += _evidence(summary, [])
        for node in list(doctree.findall(claim)):
            node += self._mark(node["test"], docname)

    def _summary_of_page(self, page: Page) -> str:
        """Return what was proven of a page, in a sentence; empty when it shows no block."""
        kinds = [
            (len(page.embedded), "from tested files"),
            (sum(len(group.steps) for group in page.groups), "run on this page"),
            (sum(session.shows_output for session in page.sessions), "run in a terminal"),
            (
                sum(not session.shows_output for session in page.sessions),
                "of commands looked up in their reference",
            ),
        ]
        parts = [f"{count} {kind}" for count, kind in kinds if count]
        return f"Blocks of this page: {', '.join(parts)}. {self._proven_with}" if parts else ""

    def _add_to_block(self, node: nodes.Element, docname: str) -> None:
        outer = literalinclude.outermost(node)
        anchor = outer["ids"][0]
        block = next(each for each in self._pages[docname].embedded if each.anchor == anchor)
        node["highlight_args"] = {
            **node.get("highlight_args", {}),
            "linespans": _line_anchors(block),
            "linenostart": block.first_line,
        }
        after = outer.parent.index(outer) + 1
        outer.parent[after:after] = list(self._below(block, docname))

    def _below(self, block: Embedded, docname: str) -> Iterator[nodes.Node]:
        """Yield what to add below a block."""
        backing = self._attribution.backing_of(block)
        yield _evidence(_summary(backing), [self._link(docname, test) for test in backing.tests])
        entries: list[nodes.Node] = []
        for test, (_, source, _) in self._sources.items():
            if source != block:
                continue
            pages = [name for name in self._proves.get(test, ()) if name != docname]
            if pages:
                entry = nodes.inline("", "", nodes.literal("", _short(test)), nodes.Text(": "))
                for number, name in enumerate(sorted(pages)):
                    entry += nodes.Text(", " if number else "")
                    anchor = self._proves[test][name].anchor
                    title = nodes.inline("", self._title(name))
                    entry += self._link_to(docname, name, anchor, title)
                entries.append(entry)
        if entries:
            yield _evidence("What these tests prove", entries)

    def _mark(self, test: str, docname: str) -> nodes.superscript:
        """Return the mark of a claim, which leads to its test."""
        (function,) = functions_of(self._tests, test)
        link = self._link(docname, function, "✓", f"Proven by {_short(function)}")
        return nodes.superscript("", "", link)

    def _source_of(self, test: str) -> tuple[str, Embedded, int] | None:
        file, _, name = test.partition("::")
        if file not in self._shown_at:
            return None
        line = _line_of(self._functions(file), name.partition("[")[0])
        for docname, block in self._shown_at[file]:
            if block.first_line <= line <= block.last_line:
                return docname, block, line
        return None

    def _read_functions(self, file: str) -> dict[str, int]:
        text = Path(self._app.confdir, file).read_text(encoding="utf-8")
        return dict(_functions(ast.parse(text)))

    def _link(
        self, docname: str, test: str, text: str | None = None, hint: str | None = None
    ) -> nodes.Node:
        """Return a link to a test's source, or to the page whose blocks are the test.

        The test's own name is the text unless another is given; a test of which the site shows no
        source has no link.
        """
        file, _, name = test.partition("::")
        shown = nodes.inline("", text) if text else nodes.literal("", _short(test))
        if file in self._docnames:
            target = self._docnames[file]
            group = "" if name == DEFAULT_GROUP else f" ({name})"
            if not text:
                shown = nodes.inline("", f"Blocks of “{self._title(target)}”{group}")
            return self._link_to(docname, target, "", shown, hint)
        if source := self._source_of(test):
            target, block, line = source
            return self._link_to(docname, target, f"{_line_anchors(block)}-{line}", shown, hint)
        return shown

    def _link_to(
        self, docname: str, target: str, anchor: str, shown: nodes.Node, hint: str | None = None
    ) -> nodes.reference:
        return make_refnode(self._app.builder, docname, target, anchor, shown, hint)

    def _title(self, docname: str) -> str:
        return self._app.env.titles[docname].astext()


def _length(block: Embedded) -> int:
    return block.last_line - block.first_line


def _line_anchors(block: Embedded) -> str:
    """Return what the address of each line of a block begins with."""
    return f"{block.anchor}-line"


def _short(test: str) -> str:
    return test.rpartition("::")[2]


def _summary(backing: Backing) -> str:
    if backing.note:
        return backing.note
    if not backing.tests:
        return "Nothing in it has to run"
    count = "1 test" if len(backing.tests) == 1 else f"{len(backing.tests)} tests"
    return f"Proven by {count}" if backing.statements else f"Proven by {count} that read this file"


def _evidence(summary: str, entries: Sequence[nodes.Node]) -> evidence:
    items = [nodes.list_item("", nodes.paragraph("", "", entry)) for entry in entries]
    return evidence("", *([nodes.bullet_list("", *items)] if items else []), summary=summary)


def _line_of(functions: Mapping[str, int], name: str) -> int:
    """Return the line on which a test function starts: `name` or `Class::name`.

    Of one that is inherited, it is the line of the class; of one that is made at run time, 1.
    """
    return functions.get(name) or functions.get(name.rpartition("::")[0], 1)


def _functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, int]]:
    for node in ast.iter_child_nodes(tree):
        inner = prefix
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield f"{prefix}{node.name}", node.lineno
            inner = f"{prefix}{node.name}::"
        yield from _functions(node, inner)


def add_nodes(app: Sphinx) -> None:
    """Tell Sphinx how to write the nodes of evidence; only HTML has more than a claim's text."""
    passed_on = dict.fromkeys(("latex", "text", "man", "texinfo"), (_pass_on, _pass_on))
    app.add_node(evidence, html=(_visit_evidence, _depart_evidence))
    for node in (claim, measured):
        app.add_node(node, html=(_visit_inline, _depart_inline), **passed_on)


def _visit_evidence(self: HTML5Translator, node: evidence) -> None:
    summary = self.encode(node["summary"])
    if node.children:
        self.body.append(f'<details class="evidence"><summary>{summary}</summary>\n')
    else:
        self.body.append(f'<p class="evidence">{summary}</p>\n')


def _depart_evidence(self: HTML5Translator, node: evidence) -> None:
    if node.children:
        self.body.append("</details>\n")


def _visit_inline(self: HTML5Translator, node: nodes.Element) -> None:
    self.body.append(self.starttag(node, "span", "", CLASS=type(node).__name__))


def _depart_inline(self: HTML5Translator, _node: nodes.Element) -> None:
    self.body.append("</span>")


def _pass_on(_self: object, _node: nodes.Element) -> None:
    pass
