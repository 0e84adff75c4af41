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
    ) -> None:
        """Take all that was read and proven.

        Args:
            app: Sphinx.
            pages: what was read of each page, by its Sphinx name.
            attribution: which tests stand behind a block.
            tests: the node IDs of all passing tests.
            figures: what was computed, by name.
        """
        self._app = app
        self._line_of = functools.cache(_line_of)
        self._pages = pages
        self._attribution = attribution
        self._tests = tests
        self._figures = figures
        versions = [
            f"{name} {figures[key]}"
            for name in ("Python", *app.config.evergreen_libraries)
            # A package may be part of a distribution of another name.
            if (key := f"version of {name}") in figures
        ]
        self._proven_with = f"Proven with {', '.join(versions)}."
        self._docnames = {page.path: docname for docname, page in pages.items()}
        # By file: the page that shows most of it, and the block there.
        self._shown_at: dict[str, tuple[str, Embedded]] = {}
        # By test, then by page: the first block that it stands behind.
        self._proves: dict[str, dict[str, Embedded]] = {}
        for docname, page in sorted(pages.items()):
            for block in page.embedded:
                _, best = self._shown_at.get(block.file, (docname, block))
                if _length(block) >= _length(best):
                    self._shown_at[block.file] = docname, block
                for test in attribution.backing_of(block).tests:
                    self._proves.setdefault(test, {}).setdefault(docname, block)

    def digest_of(self, docname: str, page: Page) -> str:
        """Return a digest of what evidence adds to a page, to tell whether that has changed."""
        backings = [self._attribution.backing_of(block) for block in page.embedded]
        shown_here = sorted(file for file, (name, _) in self._shown_at.items() if name == docname)
        proves = [
            (test, sorted(self._proves.get(test, ())))
            for file in shown_here
            for test in self._tests
            if test.partition("::")[0] == file
        ]
        claims = [functions_of(self._tests, each.test) for each in page.claims]
        figures = [self._figures.get(each.name) for each in page.figures]
        return digest_of_texts(repr((backings, proves, claims, figures, self._proven_with)))

    def add_to(self, doctree: nodes.document, docname: str) -> None:
        """Add the evidence to a page that is about to be written."""
        for block in list(doctree.findall(nodes.literal_block)):
            if literalinclude.FILE in block:
                self._add_to_block(block, docname)
        if summary := self._summary_of_page(self._pages[docname]):
            # In the page's own section, below all that it says.
            section = next(iter(doctree.findall(nodes.section)), doctree)
            section += _evidence(summary, [])
        for node in list(doctree.findall(claim)):
            (function,) = functions_of(self._tests, node["test"])
            hint = f"Proven by {_short(function)}"
            node += nodes.superscript("", "", self._link(docname, function, "✓", hint))
        for node in list(doctree.findall(measured)):
            node += nodes.Text(self._figures[node["figure"]])

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
        backing = self._attribution.backing_of(block)
        links = [self._link(docname, test) for test in backing.tests]
        added: list[nodes.Node] = [_evidence(_summary(backing), links)]
        if self._shown_at[block.file] == (docname, block):
            node["highlight_args"] = {
                **node.get("highlight_args", {}),
                "lineanchors": _anchor(block.file),
                "linenostart": block.first_line,
            }
            added += self._what_tests_prove(block.file, docname)
        outer.parent[outer.parent.index(outer) + 1 : outer.parent.index(outer) + 1] = added

    def _what_tests_prove(self, file: str, docname: str) -> Iterator[nodes.Node]:
        entries: list[nodes.Node] = []
        for test in self._tests:
            if test.partition("::")[0] != file:
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

    def _link(
        self, docname: str, test: str, text: str | None = None, hint: str | None = None
    ) -> nodes.Node:
        """Return a link to a test's source, or to the page whose blocks are the test.

        The test's own name is the text unless another is given; a test of which the site shows no
        source has no link.
        """
        file, _, name = test.partition("::")
        if file in self._docnames:
            target = self._docnames[file]
            group = "" if name == DEFAULT_GROUP else f" ({name})"
            return self._link_to(
                docname, target, "", nodes.inline("", f"Blocks of “{self._title(target)}”{group}")
            )
        shown = nodes.inline("", text) if text else nodes.literal("", _short(test))
        if file not in self._shown_at:
            return shown
        target, _ = self._shown_at[file]
        line = self._line_of(Path(self._app.confdir, file), name.partition("[")[0])
        return self._link_to(docname, target, f"{_anchor(file)}-{line}", shown, hint)

    def _link_to(
        self, docname: str, target: str, anchor: str, shown: nodes.Node, hint: str | None = None
    ) -> nodes.reference:
        return make_refnode(self._app.builder, docname, target, anchor, shown, hint)

    def _title(self, docname: str) -> str:
        return self._app.env.titles[docname].astext()


def _length(block: Embedded) -> int:
    return block.last_line - block.first_line


def _anchor(file: str) -> str:
    return nodes.make_id(file)


def _short(test: str) -> str:
    return test.rpartition("::")[2]


def _summary(backing: Backing) -> str:
    if backing.note:
        return backing.note
    count = "1 test" if len(backing.tests) == 1 else f"{len(backing.tests)} tests"
    return f"Proven by {count}" if backing.statements else f"Proven by {count} that read this file"


def _evidence(summary: str, entries: Sequence[nodes.Node]) -> evidence:
    items = [nodes.list_item("", nodes.paragraph("", "", entry)) for entry in entries]
    return evidence("", *([nodes.bullet_list("", *items)] if items else []), summary=summary)


def _line_of(path: Path, name: str) -> int:
    """Return the line on which a test function starts: `name` or `Class::name`."""
    body: Sequence[ast.stmt] = ast.parse(path.read_text(encoding="utf-8")).body
    line = 1
    for part in name.split("::"):
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == part:
                line, body = node.lineno, node.body
                break
    return line


def add_nodes(app: Sphinx) -> None:
    """Tell Sphinx how to write the nodes of evidence; formats other than HTML leave them out."""
    others = ("latex", "text", "man", "texinfo")
    skipped = dict.fromkeys(others, (_skip, None))
    passed_on = dict.fromkeys(others, (_pass_on, _pass_on))
    app.add_node(evidence, html=(_visit_evidence, _depart_evidence), **skipped)
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


def _skip(_self: object, _node: nodes.Element) -> None:
    raise nodes.SkipNode


def _pass_on(_self: object, _node: nodes.Element) -> None:
    pass
