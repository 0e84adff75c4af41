"""Sphinx's side: read the pages' blocks, refuse what is unproven, and have the rest proven.

All of it is over before a page is written, so that a build that fails publishes nothing.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.environment.collectors import EnvironmentCollector
from sphinx.util import logging

from evergreen import terminal
from evergreen.attribution import Attribution
from evergreen.claims import (
    Claim,
    Figure,
    check_claims,
    check_figures,
    claim,
    functions_of,
    measured,
)
from evergreen.closed_world import ClosedWorld
from evergreen.display import Display
from evergreen.evidence import AT_IMPORT, Evidence
from evergreen.example import Example, find_examples
from evergreen.figures import compute_figures
from evergreen.files import write_whole
from evergreen.manifest import MANIFEST_NAME, Manifest
from evergreen.page import FRONT_MATTER_KEY, Page, read_page
from evergreen.paste import check_paste
from evergreen.problem import Problem
from evergreen.proving import Proving
from evergreen.runner import RunEnded
from evergreen.tally import Tally, digest_of_published, read_tally

logger = logging.getLogger(__name__)

UNUSED_NAME = "evergreen-unused-tests.txt"
"""The file, in the folder of the doctrees, that lists the tests behind no block and no claim."""
EVIDENCE_NAME = "evergreen-evidence.json"
_UNFINISHED_NAME = "evergreen-unfinished"
_ENVIRONMENT_NAME = "environment.pickle"
_BUILDERS_THAT_PUBLISH_NOTHING = ("doctest", "linkcheck")


class NotPublished(SystemExit):
    """Ends the build: something is not proven, and no page is written.

    It is no `SphinxError`, since Sphinx 9.0 takes each of those for a fault of its own: it prints
    a traceback, keeps it in a file, and asks for a bug report.
    """


def project_folder(app: Sphinx) -> Path:
    """Return the folder of `conf.py`, from which all paths of a project are given."""
    return Path(app.confdir).resolve()


def examples_folder(app: Sphinx) -> Path:
    """Return the folder of the examples, absolute."""
    return (project_folder(app) / app.config.evergreen_examples).resolve()


def check_options(app: Sphinx, config: Config) -> None:
    """Check what can be checked of the options before anything is read (`config-inited`).

    Raises:
        NotPublished: when one has a value that it cannot have.
    """
    for option in config:
        types = config.values[option.name].valid_types
        # Sphinx warns of such a value, and goes on with it.
        if (
            option.name.startswith("evergreen_")
            and isinstance(types, frozenset)
            and not isinstance(option.value, tuple(types))
        ):
            names = " or ".join(sorted(each.__name__ for each in types))
            raise NotPublished(f"{option.name} is {option.value!r}, and has to be of type {names}")
    if config.evergreen_time_limit <= 0:
        raise NotPublished("evergreen_time_limit has to be more than 0")
    for test, patterns in config.evergreen_proofs.items():
        if not (project_folder(app) / test).exists():
            raise NotPublished(
                f"evergreen_proofs names {test!r}, and {project_folder(app)} has no such file"
            )
        if not isinstance(patterns, list | tuple):
            raise NotPublished(
                f"evergreen_proofs[{test!r}] is {patterns!r}, and has to be a list of patterns"
            )
        for pattern in patterns:
            if not _some_file_answers(project_folder(app), pattern):
                raise NotPublished(
                    f"evergreen_proofs[{test!r}] has {pattern!r}, which no file of"
                    f" {project_folder(app)} answers to"
                )
    # An example may have thousands of files beside its own, and most projects need none of them.
    paths = examples_folder(app).rglob("*") if config.evergreen_stand_ins else ()
    files = [_relative(path, project_folder(app)) for path in paths]
    for pattern, note in config.evergreen_stand_ins.items():
        if not isinstance(note, str):
            raise NotPublished(f"evergreen_stand_ins[{pattern!r}] is {note!r}, and has to be text")
        if not fnmatch.filter(files, pattern):
            raise NotPublished(
                f"evergreen_stand_ins has {pattern!r}, which no file of {examples_folder(app)}"
                f" answers to; a pattern begins at {project_folder(app)}"
            )


def _some_file_answers(folder: Path, pattern: object) -> bool:
    try:
        return any(folder.glob(pattern))  # type: ignore[arg-type]
    except (NotImplementedError, TypeError, ValueError):
        # An absolute pattern; something else than text; an empty one.
        return False


def read_examples(app: Sphinx, config: Config) -> None:
    """Find the examples (`config-inited`).

    Raises:
        NotPublished: when there is none, one's `pyproject.toml` cannot be read, or pages or
            examples lie where pytest cannot name them.
    """
    project = project_folder(app)
    for folder in (examples_folder(app), Path(app.srcdir).resolve()):
        if not folder.is_relative_to(project):
            raise NotPublished(
                f"{folder} is not in {project}, the folder of conf.py: move conf.py"
            )
    try:
        examples = find_examples(examples_folder(app))
    except ValueError as error:
        raise NotPublished(str(error)) from error
    if not examples:
        raise NotPublished(
            f"evergreen_examples is {config.evergreen_examples!r}, and no folder in"
            f" {examples_folder(app)} has a pyproject.toml"
        )
    app.evergreen_example_projects = examples  # type: ignore[attr-defined]


def _examples(app: Sphinx) -> dict[str, Example]:
    return app.evergreen_example_projects  # type: ignore[attr-defined,no-any-return]


def pages_of(env: BuildEnvironment) -> dict[str, Page]:
    """Return what was read of each page, by its Sphinx name."""
    if not hasattr(env, "evergreen_pages"):
        env.evergreen_pages = {}  # type: ignore[attr-defined]
    return env.evergreen_pages  # type: ignore[attr-defined,no-any-return]


class PageCollector(EnvironmentCollector):
    """Keeps the blocks of each page in Sphinx's environment."""

    def process_doc(self, app: Sphinx, doctree: nodes.document) -> None:
        """Read a page's blocks, and let `sphinx-build -b doctest` import its examples."""
        docname = app.env.docname
        source = Path(app.env.doc2path(docname)).resolve()
        project = project_folder(app)
        world = ClosedWorld(project, examples_folder(app), app.config.evergreen_proofs)

        def place(node: nodes.Element) -> tuple[str, int]:
            # What is included has a source of its own.
            return _relative(Path(node.source or source), project), node.line or 1

        page = read_page(
            path=_relative(source, project),
            claims=[
                Claim(*place(node), node.astext(), node["test"]) for node in doctree.findall(claim)
            ],
            figures=[Figure(*place(node), node["figure"]) for node in doctree.findall(measured)],
            blocks=list(world.read(doctree, source)),
            front_matter=app.env.metadata[docname].get(FRONT_MATTER_KEY),
            known=list(_examples(app)),
        )
        pages_of(app.env)[docname] = page
        if (proving := _proving(app)) is not None:
            proving.take(page)
        # Sphinx runs the groups in the order in which they first appear.
        doctree[:0] = [
            _switch_node(group.name, _examples(app)[group.example])
            for group in page.groups
            if group.example in _examples(app)
        ]

    def clear_doc(self, app: Sphinx, env: BuildEnvironment, docname: str) -> None:
        """Forget a page."""
        pages_of(env).pop(docname, None)

    def merge_other(
        self, app: Sphinx, env: BuildEnvironment, docnames: Set[str], other: BuildEnvironment
    ) -> None:
        """Take over what a parallel reader has read."""
        pages_of(env).update((docname, pages_of(other)[docname]) for docname in docnames)


def outdated(
    app: Sphinx, env: BuildEnvironment, _added: Set[str], _changed: Set[str], _removed: Set[str]
) -> list[str]:
    """Return the pages that use an example which is gone (`env-get-outdated`)."""
    known = _examples(app).keys()
    pages = pages_of(env).items()
    return [docname for docname, page in pages if set(page.examples.values()) - known]


def _switch_node(group: str, example: Example) -> nodes.comment:
    code = f"import evergreen.example\nevergreen.example.switch_to({str(example.folder)!r})"
    return nodes.comment(code, code, testnodetype="testsetup", groups=[group], options={})


def begin_proving(app: Sphinx, _env: BuildEnvironment, _docnames: list[str]) -> None:
    """Prove what is known to be unproven while the pages are read (`env-before-read-docs`).

    Raises:
        NotPublished: when a library that the pages speak of is not installed.
    """
    is_asked_for = app.builder.name != "dummy" or app.config.evergreen_prove
    if not is_asked_for or app.builder.name in _BUILDERS_THAT_PUBLISH_NOTHING:
        return
    evidence = Evidence(Path(app.doctreedir, EVIDENCE_NAME))
    try:
        proving = Proving(
            project_folder(app), examples_folder(app), _examples(app), app.config, evidence
        )
    except ValueError as error:
        raise NotPublished(str(error)) from error
    app.evergreen_proving = proving  # type: ignore[attr-defined]


def _proving(app: Sphinx) -> Proving | None:
    return getattr(app, "evergreen_proving", None)


def prove(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Check every page and run what is unproven (`env-updated`).

    Returns:
        The pages to write because what stands behind them is another.

    Raises:
        NotPublished: when anything is wrong; all of it has been logged by then.
    """
    proving = _proving(app)
    if proving is None:
        _stop_if_any(app, list(_problems(app, env)))
        if app.builder.name == "dummy":
            # For a pytest that somebody calls by hand.
            to_run = {page.path: tests for page in pages_of(env).values() if (tests := page.tests)}
            Manifest(to_run).write(Path(app.doctreedir, MANIFEST_NAME))
        return []
    try:
        _stop_if_any(app, list(_problems(app, env)))
        _prove(app, proving, pages_of(env).values())
    finally:
        proving.stop()
    return _attribute(app, env, proving.evidence)


def _prove(app: Sphinx, proving: Proving, pages: Collection[Page]) -> None:
    unproven = proving.unproven(pages)
    if not unproven:
        logger.info("everything is proven already")
    elif not app.config.evergreen_prove:
        names = ", ".join(unit.name for unit in unproven)
        raise NotPublished(f"evergreen_prove is off, and this is unproven: {names}")
    else:
        logger.info("proving %s", ", ".join(unit.name for unit in unproven[:8]))
    try:
        for passed, problems in proving.finish(unproven, pages):
            logger.info("%d tests passed", passed)
            _stop_if_any(app, problems)
    except RunEnded as error:
        raise NotPublished(
            f"pytest did not get to its end: it ended at {error}, see above. Make that end"
            " as any other test does. Nothing is published."
        ) from error


def stop_proving(app: Sphinx, _exception: Exception | None) -> None:
    """End what is still run when a page could not be read (`build-finished`)."""
    if (proving := _proving(app)) is not None:
        proving.stop()


def _attribute(app: Sphinx, env: BuildEnvironment, evidence: Evidence) -> list[str]:
    """Check that every published line and every claim has its test; prepare what pages show.

    Returns:
        The pages of which what they show has changed.

    Raises:
        NotPublished: when a line or a claim has none.
    """
    pages = pages_of(env)
    tests = sorted(
        test for proof in evidence.proofs.values() for test in proof.tests if test != AT_IMPORT
    )
    attribution = Attribution(evidence.proofs, project_folder(app), app.config.evergreen_stand_ins)
    figures = compute_figures(pages.values(), attribution, tests, _tally(app, evidence))
    _stop_if_any(app, list(_without_evidence(pages.values(), attribution, tests, figures)))
    unused = _unused(pages.values(), attribution, tests)
    write_whole(Path(app.doctreedir, UNUSED_NAME), "".join(f"{test}\n" for test in unused))
    display = Display(app, pages, attribution, tests, figures, evidence.versions)
    app.evergreen_display = display  # type: ignore[attr-defined]
    return _shown_anew(env, display)


def _without_evidence(
    pages: Iterable[Page],
    attribution: Attribution,
    tests: Sequence[str],
    figures: Mapping[str, str],
) -> Iterator[Problem]:
    for page in pages:
        for block in page.embedded:
            yield from attribution.unproven(block)
        yield from attribution.unproven_in(page)
        yield from check_claims(page.claims, tests)
        yield from check_figures(page.figures, figures)


def _unused(pages: Collection[Page], attribution: Attribution, tests: Sequence[str]) -> list[str]:
    """Return the tests that are behind no block and no claim, and are no page's own."""
    used = {
        test
        for page in pages
        for block in page.embedded
        for test in attribution.backing_of(block).tests
    }
    named = {
        function
        for page in pages
        for each in page.claims
        for function in functions_of(tests, each.test)
    }
    paths = {page.path for page in pages}
    return [
        test
        for test in tests
        if test not in used
        and test.partition("[")[0] not in named
        and test.partition("::")[0] not in paths
    ]


def _shown_anew(env: BuildEnvironment, display: Display) -> list[str]:
    """Return the pages of which what they show is another than before, and keep what it is."""
    before: dict[str, str] = getattr(env, "evergreen_shown", {})
    now = {docname: display.digest_of(docname, page) for docname, page in pages_of(env).items()}
    env.evergreen_shown = now  # type: ignore[attr-defined]
    return [docname for docname, shown in now.items() if before.get(docname) != shown]


def _tally(app: Sphinx, evidence: Evidence) -> Tally | None:
    if not app.config.evergreen_mutants:
        return None
    project, pages = project_folder(app), pages_of(app.env)
    digest = digest_of_published(pages.values(), project, app.config, evidence.versions)
    return read_tally(project / app.config.evergreen_mutants, digest)


def show_evidence(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Add the evidence to a page that is about to be written (`doctree-resolved`)."""
    display: Display | None = getattr(app, "evergreen_display", None)
    if display is not None:
        display.add_to(doctree, docname)


def forget_unfinished_build(app: Sphinx, _config: Config) -> None:
    """Have every page read again when the last build did not go through (`config-inited`).

    Sphinx warns of a page only when it reads or writes that page; without this, building twice
    would be enough to get past a warning.
    """
    if Path(app.doctreedir, _UNFINISHED_NAME).exists():
        Path(app.doctreedir, _ENVIRONMENT_NAME).unlink(missing_ok=True)


def begin(app: Sphinx, _env: BuildEnvironment) -> None:
    """Note that Sphinx is about to keep what it has read (`env-updated`)."""
    Path(app.doctreedir, _UNFINISHED_NAME).touch()


def finish(app: Sphinx, _exception: Exception | None) -> None:
    """Note that there was no warning to forget (`build-finished`)."""
    # A private name of Sphinx: it has no public count of warnings, and settles its exit status
    # only after this event.
    if not app._warncount:
        Path(app.doctreedir, _UNFINISHED_NAME).unlink(missing_ok=True)


def _relative(path: Path, project: Path) -> str:
    return Path(os.path.relpath(path, project)).as_posix()


def _stop_if_any(app: Sphinx, problems: Sequence[Problem]) -> None:
    readme, project = Path(__file__).resolve().with_name("README.md"), project_folder(app)
    shown = _relative(readme, project) if readme.is_relative_to(project) else str(readme)
    for problem in sorted(problems, key=lambda each: (each.path, each.line or 0)):
        logger.warning(
            f"{problem.message}\n    See {shown}#{problem.kind}",
            location=problem.location,
            type="evergreen",
            subtype=problem.kind,
        )
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise NotPublished(f"{count}, listed above. Nothing is published.")


def _problems(app: Sphinx, env: BuildEnvironment) -> Iterator[Problem]:
    project, examples = project_folder(app), examples_folder(app)
    table = app.config.evergreen_commands
    known: dict[str, terminal.KnownCommand] = {}
    if table:
        try:
            known = terminal.read_known_commands(project / table)
        except ValueError as error:
            raise NotPublished(str(error)) from error
    embedded_examples: set[str] = set()
    for page in pages_of(env).values():
        yield from page.problems
        if not page.problems:
            # Else a block that was refused would be missed once more.
            yield from check_paste(page.embedded, project, examples)
        for session in page.sessions:
            if not session.shows_output:
                yield from terminal.look_up(session, known, table)
        files = [(project / block.file).resolve() for block in page.embedded]
        embedded_examples.update(
            file.relative_to(examples).parts[0] for file in files if file.is_relative_to(examples)
        )
    for name, example in _examples(app).items():
        if name not in embedded_examples:
            path = os.path.relpath(example.folder / "pyproject.toml", project)
            yield Problem(
                path,
                None,
                "example-unused",
                f"no page embeds anything of the example {name!r}",
                "Show it on a page, or remove it",
            )
