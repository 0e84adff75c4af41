"""A Sphinx extension that shows with which releases of ops each page and example works.

The results are those of the last `make matrix`, in `docs/matrix.json`. A result speaks of a
subject, an example or a page, as it was then: of a subject that has changed since, it is stale.
"""

from __future__ import annotations

import dataclasses
import json
import os
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from docutils import nodes
from evergreen.build import pages_of
from evergreen.files import digest_of_files, digest_of_texts, write_whole
from evergreen.manifest import PageTests
from evergreen.page import Page
from packaging.specifiers import SpecifierSet
from packaging.version import Version
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode
from sphinx.util.typing import ExtensionMetadata

RESULTS = "docs/matrix.json"
DIFFERENCES = "docs/differences.toml"
STALE_NAME = "works-with-stale.txt"
"""The file, in the folder of the doctrees, that lists the subjects whose results are stale."""
_PAGE = "reference/works-with"


@dataclasses.dataclass(frozen=True)
class Failure:
    """A test or a block that failed in a cell."""

    test: str
    """The test's name, or the page and the line of the block."""
    message: str
    """What went wrong, in a line."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """What one subject did with one release of ops on one Python."""

    subject: str
    """The example's folder or the page's file, relative to the project."""
    ops: str
    """The release of ops."""
    scenario: str
    """The release of ops-scenario, which `ops.testing` consists of; empty without one."""
    python: str
    """The version of Python."""
    date: str
    """The day of the run, as in 2026-01-31."""
    digest: str
    """The digest of the subject that was run."""
    passed: int
    """How many tests passed."""
    failures: tuple[Failure, ...] = ()
    """What failed; empty when the subject works."""

    @property
    def key(self) -> tuple[str, str, str]:
        """The subject, the release of ops and the minor version of Python."""
        return self.subject, self.ops, minor(self.python)


@dataclasses.dataclass(frozen=True)
class Results:
    """What `docs/matrix.json` holds."""

    releases: Mapping[str, str]
    """The releases of ops from the oldest to the newest, each with the Pythons it needs."""
    cells: tuple[Cell, ...]
    """How each cell ended."""

    @classmethod
    def read(cls, path: Path) -> Results:
        """Return the results in a file; none when there is no such file."""
        if not path.exists():
            return cls({}, ())
        data = json.loads(path.read_text(encoding="utf-8"))
        cells = [
            Cell(**{**cell, "failures": tuple(Failure(**each) for each in cell["failures"])})
            for cell in data["cells"]
        ]
        return cls(data["releases"], tuple(cells))

    def write(self, path: Path) -> None:
        """Write the file whole, a cell a line, so that a change of it can be read."""
        order = list(self.releases)
        cells = sorted(
            self.cells,
            key=lambda cell: (cell.subject, order.index(cell.ops), Version(cell.python)),
        )
        lines = ",\n".join(f"  {json.dumps(dataclasses.asdict(cell))}" for cell in cells)
        releases = json.dumps(self.releases, indent=2).replace("\n", "\n ")
        write_whole(path, f'{{\n "releases": {releases},\n "cells": [\n{lines}\n ]\n}}\n')


@dataclasses.dataclass(frozen=True)
class Difference:
    """What an executed block prints with some releases, other than the page shows."""

    page: str
    """The page's file, relative to the project."""
    code: str
    """Text that stands in this block and no other of the page."""
    ops: str
    """The releases, as a version specifier."""
    prints: str
    """What it prints there, or the traceback it ends with; empty for nothing."""
    says: str
    """What the page says of it, after "With ops ...: "; empty if the page's own text says it."""
    afterwards: str = ""
    """Code to run after the block, where the release leaves something behind."""


def read_differences(path: Path) -> list[Difference]:
    """Return the known differences; none when there is no such file."""
    if not path.exists():
        return []
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    return [Difference(**entry) for entry in data.get("difference", [])]


def adjust(tests: PageTests, differences: Sequence[Difference], release: str) -> PageTests:
    """Return a page's tests with what their blocks have to print with a release of ops.

    Raises:
        ValueError: when a difference does not fit one block and no other.
    """
    groups = list(tests.groups)
    for difference in differences:
        places = [
            (number, index)
            for number, group in enumerate(groups)
            for index, step in enumerate(group.steps)
            if difference.code in step.code.text
        ]
        if len(places) != 1:
            raise ValueError(
                f"{DIFFERENCES}: {difference.code!r} stands in {len(places)} blocks of"
                f" {difference.page}, and has to stand in one"
            )
        if not SpecifierSet(difference.ops).contains(release, prereleases=True):
            continue
        ((number, index),) = places
        steps = list(groups[number].steps)
        code = steps[index].code
        steps[index] = dataclasses.replace(steps[index], output=difference.prints)
        if difference.afterwards:
            # A block that ends with an exception runs nothing after it.
            after = dataclasses.replace(code, text=difference.afterwards)
            steps.insert(index + 1, dataclasses.replace(steps[index], code=after, output=""))
        groups[number] = dataclasses.replace(groups[number], steps=tuple(steps))
    return dataclasses.replace(tests, groups=tuple(groups))


def digest_of_example(folder: Path) -> str:
    """Return a digest of all of an example."""
    return digest_of_files([folder])


def digest_of_page(
    tests: PageTests, examples: Mapping[str, str], differences: Sequence[Difference]
) -> str:
    """Return a digest of what is run on a page, wherever on the page it stands.

    Args:
        tests: the page's executed blocks and terminal sessions.
        examples: the digests of the examples, by name.
        differences: the known differences of this page.
    """
    blocks = [
        [group.name, examples.get(group.example, "")]
        + [code.text for code in (*group.setup, *group.cleanup)]
        + [f"{step.code.text}\0{step.output}\0{step.flags}" for step in group.steps]
        for group in tests.groups
    ]
    commands = [
        (command.text, command.output)
        for session in tests.sessions
        for command in session.commands
    ]
    session_example = examples.get(tests.session_example, "") if commands else ""
    return digest_of_texts(repr((blocks, commands, session_example, list(differences))))


def minor(version: str) -> str:
    """Return the minor release of a version: `3.9` of `3.9.0`, but all of a pre-release."""
    parsed = Version(version)
    return version if parsed.is_prerelease else f"{parsed.major}.{parsed.minor}"


def ranges(chosen: Collection[str], releases: Sequence[str]) -> str:
    """Return the chosen ones of all releases as a text like `2.17 to 2.23 and 3.1`."""
    runs: list[list[str]] = []
    was_chosen = False
    for release in releases:
        if release in chosen:
            if not was_chosen:
                runs.append([])
            runs[-1].append(minor(release))
        was_chosen = release in chosen
    return _and([run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs])


def _and(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


class matrix(nodes.General, nodes.Element):  # noqa: N801
    """The place of the tables; they are made when all pages have been read."""


class MatrixDirective(SphinxDirective):
    """`works-with-matrix`: all results."""

    def run(self) -> list[nodes.Node]:
        """Leave a place for the tables."""
        return [matrix()]


class WorksWith:
    """What the pages show of the results."""

    def __init__(self, app: Sphinx) -> None:
        """Read the results, and compare them with the examples and pages as they are."""
        project = Path(app.confdir)
        self._app = app
        # Sorted, as the order in which pages are read is another one each time.
        self._pages: dict[str, Page] = dict(sorted(pages_of(app.env).items()))
        self._differences = read_differences(project / DIFFERENCES)
        results = Results.read(project / RESULTS)
        self._releases = list(results.releases)
        self._examples = app.config.evergreen_examples
        folders = [
            path.parent for path in sorted(project.glob(f"{self._examples}/*/pyproject.toml"))
        ]
        digests = {folder.name: digest_of_example(folder) for folder in folders}
        self._digests = {f"{self._examples}/{name}": digest for name, digest in digests.items()}
        for page in self._pages.values():
            if page.tests:
                own = [each for each in self._differences if each.page == page.path]
                self._digests[page.path] = digest_of_page(page.tests, digests, own)
        self._cells: dict[str, list[Cell]] = {subject: [] for subject in self._digests}
        for cell in results.cells:
            if cell.subject in self._cells:
                self._cells[cell.subject].append(cell)

    def stale(self) -> list[str]:
        """Return the subjects that have changed since they were run."""
        return [
            subject
            for subject, cells in sorted(self._cells.items())
            if any(cell.digest != self._digests[subject] for cell in cells)
        ]

    def sentences(self, docname: str) -> list[str]:
        """Return what to say below a page; empty for a page that shows no code."""
        page = self._pages[docname]
        prefix = f"{self._examples}/"
        examples = {f"{prefix}{name}" for name in page.examples.values()}
        for block in page.embedded:
            if block.file.startswith(prefix):
                examples.add(prefix + block.file.removeprefix(prefix).partition("/")[0])
        subjects = [*sorted(examples & self._cells.keys())]
        if page.path in self._cells:
            subjects.insert(0, page.path)
        said = [self._sentence(subject) for subject in subjects]
        for each in self._differences:
            if each.page == page.path and each.says:
                chosen = SpecifierSet(each.ops)
                on = [
                    release
                    for release in self._releases
                    if chosen.contains(release, prereleases=True)
                ]
                if on:
                    said.append(f"With ops {ranges(on, self._releases)}: {each.says}")
        return said

    def _sentence(self, subject: str) -> str:
        is_example = subject.startswith(f"{self._examples}/")
        what = f"the example {subject.rpartition('/')[2]}" if is_example else "the blocks run here"
        cells = self._cells[subject]
        if not cells:
            return f"{what}: not yet run with other releases.".capitalize()
        if subject in self.stale():
            return f"{what}: stale, changed since the last run on {self._day(cells)}.".capitalize()
        failed = {cell.ops for cell in cells if cell.failures}
        works = {cell.ops for cell in cells} - failed
        pythons = sorted({minor(cell.python) for cell in cells}, key=Version)
        text = f"{what}: ops {ranges(works, self._releases) or 'of no release'}"
        text += f" on Python {_and(pythons)}, run on {self._day(cells)}."
        if failed:
            text += f" Failed: ops {ranges(failed, self._releases)}."
        return text[0].upper() + text[1:]

    def _day(self, cells: Sequence[Cell]) -> str:
        return min(cell.date for cell in cells)

    def add_to(self, doctree: nodes.document, docname: str) -> None:
        """Add to a page that is about to be written."""
        for place in list(doctree.findall(matrix)):
            place.replace_self(list(self._matrix(docname)))
        if said := self.sentences(docname):
            section = next(iter(doctree.findall(nodes.section)), doctree)
            link: nodes.Node = nodes.strong("", "Works with")
            if _PAGE in self._app.env.all_docs:
                link = make_refnode(self._app.builder, docname, _PAGE, "", link)
            items = [nodes.list_item("", nodes.paragraph("", sentence)) for sentence in said]
            section += nodes.container(
                "",
                nodes.paragraph("", "", link),
                nodes.bullet_list("", *items),
                classes=["works-with"],
            )

    def _matrix(self, docname: str) -> Iterator[nodes.Node]:
        titles = {page.path: name for name, page in self._pages.items()}
        subjects = [subject for subject in self._cells if self._cells[subject]]
        for title, chosen in (
            ("Examples", [subject for subject in subjects if subject not in titles]),
            ("Pages", [subject for subject in subjects if subject in titles]),
        ):
            head: list[nodes.Node] = [nodes.Text("ops"), nodes.Text("ops-scenario")]
            for subject in chosen:
                if subject in titles:
                    name = self._app.env.titles[titles[subject]].astext()
                    shown = nodes.inline("", name)
                    head.append(
                        make_refnode(self._app.builder, docname, titles[subject], "", shown)
                    )
                else:
                    head.append(nodes.literal("", subject.rpartition("/")[2]))
            rows = [self._row(release, chosen) for release in self._releases]
            yield nodes.rubric("", title)
            # The theme does so with the tables of the source, and has by now.
            yield nodes.container("", _table(head, rows), classes=["table-wrapper"])
        failures = [
            f"{cell.subject} with ops {cell.ops} on Python {cell.python}: {failure.test}:"
            f" {failure.message}"
            for subject in subjects
            for cell in self._cells[subject]
            for failure in cell.failures
        ]
        yield nodes.rubric("", "Failures")
        items = [nodes.list_item("", nodes.paragraph("", text)) for text in failures]
        yield nodes.bullet_list("", *items) if items else nodes.paragraph("", "None.")

    def _row(self, release: str, subjects: Sequence[str]) -> list[nodes.Node]:
        scenarios = {
            cell.scenario
            for subject in subjects
            for cell in self._cells[subject]
            if cell.ops == release and cell.scenario
        }
        row: list[nodes.Node] = [nodes.Text(release), nodes.Text(", ".join(sorted(scenarios)))]
        stale = self.stale()
        for subject in subjects:
            marks = [
                f"{minor(cell.python)} "
                + ("stale" if subject in stale else "✗" if cell.failures else "✓")
                for cell in self._cells[subject]
                if cell.ops == release
            ]
            row.append(nodes.Text(", ".join(marks) or "—"))
        return row


def _table(head: Sequence[nodes.Node], rows: Sequence[Sequence[nodes.Node]]) -> nodes.table:
    def row(entries: Sequence[nodes.Node]) -> nodes.row:
        return nodes.row(
            "", *(nodes.entry("", nodes.paragraph("", "", entry)) for entry in entries)
        )

    columns = [nodes.colspec(colwidth=1) for _ in head]
    group = nodes.tgroup("", *columns, cols=len(head))
    group += nodes.thead("", row(head))
    group += nodes.tbody("", *map(row, rows))
    return nodes.table("", group)


def prepare(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Compare the results with what has been read (`env-updated`).

    Returns:
        The pages to write because what they say of the results has changed.
    """
    works_with = WorksWith(app)
    app.works_with = works_with  # type: ignore[attr-defined]
    text = "".join(
        f"{subject} has changed since it was run with the releases of ops: run make matrix\n"
        for subject in works_with.stale()
    )
    write_whole(Path(app.doctreedir, STALE_NAME), text)
    before: dict[str, object] = getattr(env, "works_with_shown", {})
    now: dict[str, object] = {docname: works_with.sentences(docname) for docname in pages_of(env)}
    now[_PAGE] = [
        digest_of_files([Path(app.confdir, RESULTS)])
        if Path(app.confdir, RESULTS).exists()
        else "",
        text,
    ]
    env.works_with_shown = now  # type: ignore[attr-defined]
    return [
        docname
        for docname, shown in now.items()
        if docname in env.all_docs and before.get(docname) != shown
    ]


def show(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Add the results to a page that is about to be written (`doctree-resolved`)."""
    works_with: WorksWith | None = getattr(app, "works_with", None)
    if works_with is not None and docname in pages_of(app.env):
        works_with.add_to(doctree, docname)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Add the extension to Sphinx, after `evergreen`."""
    app.setup_extension("evergreen")
    app.add_directive("works-with-matrix", MatrixDirective)
    app.add_node(matrix)
    # After evergreen's own, which end a build that does not hold.
    app.connect("env-updated", prepare, priority=600)
    app.connect("doctree-resolved", show, priority=600)
    own_digest = digest_of_files([Path(os.path.abspath(__file__))])  # noqa: PTH100
    return {
        "version": "1.0",
        "env_version": int(own_digest[:8], 16),
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
