"""pytest's side: examples that do not mix, and the executed blocks of pages as tests.

Load it with `-p evergreen.pytest_plugin` or from a root `conftest.py`. Pages are collected from a
manifest that the Sphinx side writes out of the doctrees; in a build from one for each page, which
it hands over as it reads them. When none is given, as when somebody calls `pytest` by hand, Sphinx
is run first to make one.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import pytest

from evergreen.evidence import AT_IMPORT
from evergreen.example import (
    Example,
    ImportSwitch,
    environment_for_extension,
    find_examples,
)
from evergreen.files import write_whole
from evergreen.library import leave_out_libraries
from evergreen.manifest import MANIFEST_NAME, Manifest
from evergreen.page_tests import (
    BROKEN,
    LIBRARIES,
    OPENED,
    TIME_LIMIT,
    GroupItem,
    Page,
    SessionItem,
    failure_of,
    late,
)
from evergreen.runner import RUNNING_NAME, work_from

SESSION_NAME = "evergreen-session"
"""The name under which pytest knows what this plugin keeps during a run."""
_OWN_BUILD = Path("_build", "pytest")
_WENT_THROUGH = (
    pytest.ExitCode.OK,
    pytest.ExitCode.TESTS_FAILED,
    pytest.ExitCode.NO_TESTS_COLLECTED,
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options that the Sphinx side passes, and those of a project."""
    group = parser.getgroup("evergreen")
    group.addoption(
        "--evergreen-manifest", type=Path, help="what the pages hold, as the Sphinx side wrote it"
    )
    group.addoption("--evergreen-report", type=Path, help="where to write how each test ended")
    group.addoption(
        "--evergreen-work", type=int, help="the file descriptor from which to take what to run"
    )
    parser.addini("evergreen_examples", "the folder of the examples", default="examples")
    parser.addini("evergreen_pages", "the Sphinx source folder", default="docs")
    parser.addini("evergreen_time_limit", "how many seconds a test may take", default="120")


def pytest_configure(config: pytest.Config) -> None:
    """Set up what a session keeps.

    Raises:
        pytest.UsageError: when an example's `pyproject.toml` cannot be read.
    """
    try:
        session = Session(config)
    except ValueError as error:
        raise pytest.UsageError(str(error)) from error
    config.pluginmanager.register(session, SESSION_NAME)
    # pytest-cov, which heeds it, does so only where it is loaded.
    config.addinivalue_line("markers", "no_cover: disable coverage for this test.")
    if config.getoption("--evergreen-report") is not None:
        sys.addaudithook(session.note_opened)
        # A process that a test starts reads its settings anew, and in them the name of the test.
        os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
        os.environ["COVERAGE_PROCESS_START"] = str(config.getoption("cov_config", ""))


class Session:
    """What the plugin knows during one run of pytest."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._root = config.rootpath
        self._examples = find_examples(self._root / config.getini("evergreen_examples"))
        self._pages = self._root / config.getini("evergreen_pages")
        self._switch = ImportSwitch()
        self._manifest: Manifest | None = None
        self._wanted: set[Path] = set()
        self._leading_there: set[Path] = set()
        self._results: list[dict[str, object]] = []
        self._read: dict[str, list[str]] = {}
        self._lines: dict[str, dict[str, list[int]]] = {}
        self._opened = config.stash.setdefault(OPENED, set())
        self._prefix = f"{self._root / config.getini('evergreen_examples')}{os.sep}"
        self._is_interrupted = False
        self._time_limit = float(config.getini("evergreen_time_limit"))
        config.stash[TIME_LIMIT] = self._time_limit
        config.stash[LIBRARIES] = []
        self._broken = config.stash.setdefault(BROKEN, set())
        self._report: Path | None = config.getoption("--evergreen-report")
        worker_input = getattr(config, "workerinput", {})
        self._work: int | None = config.getoption("--evergreen-work")
        self._folders: dict[Path, pytest.Collector] = {}
        self._is_worker = bool(worker_input)
        self._manifest_path: Path | None = config.getoption(
            "--evergreen-manifest"
        ) or worker_input.get("evergreen_manifest")

    # The manifest.

    def pytest_sessionstart(self) -> None:
        """Have Sphinx read the pages, unless that is done or no page is asked for."""
        if self._work is not None:
            return
        if self._manifest_path is None and not self._is_worker and self._wants_pages():
            self._manifest_path = self._read_pages()
        if self._manifest_path is not None:
            self._manifest = Manifest.read(Path(self._manifest_path))

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: object) -> None:
        """Hand the manifest to a worker of pytest-xdist."""
        if self._manifest_path is not None:
            node.workerinput["evergreen_manifest"] = str(self._manifest_path)  # type: ignore[attr-defined]

    def pytest_collection(self, session: pytest.Session) -> bool | None:
        """Collect what the Sphinx side asked for: in a build nothing yet.

        It is not given on the command line, for pytest would then import all `conftest.py` of the
        examples before any example's modules can be switched to.
        """
        if self._manifest is not None and self._manifest.tests:
            session.config.args[:] = self._want(self._manifest)
        return None if self._work is None else True

    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Run what a build hands over, until there is no more.

        Raises:
            pytest.exit.Exception: when the build is gone.
        """
        if self._work is None or self._report is None:
            return None
        try:
            for manifest in work_from(self._work, self._report.parents[1]):
                items = self._collect(session, manifest)
                for item, after in itertools.zip_longest(items, items[1:]):
                    item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
        except EOFError as error:
            pytest.exit(str(error), pytest.ExitCode.INTERRUPTED)
        return True

    def _collect(self, session: pytest.Session, manifest: Manifest) -> Sequence[pytest.Item]:
        """Return the items of one page, or of other tests."""
        # Imported here, as only a build needs it.
        from coverage import Coverage

        if (measuring := Coverage.current()) is not None:
            # What runs now is an import, and no part of the test that ran last.
            measuring.switch_context(AT_IMPORT)
        for name, tests in manifest.pages.items():
            path = self._absolute(name)
            if (folder := self._folders.get(path.parent)) is not None:
                # Else pytest would read the folder anew for each of its pages.
                page = Page.from_parent(folder, path=path, tests=tests, examples=self._examples)
                return list(session.genitems(page))
        self._manifest = manifest
        items = session.perform_collect(self._want(manifest))
        for page in (item.parent for item in items):
            if isinstance(page, Page) and isinstance(page.parent, pytest.Collector):
                self._folders[page.path.parent] = page.parent
        return items

    def _want(self, manifest: Manifest) -> list[str]:
        """Leave out all but what a manifest asks for, and return the arguments for pytest."""
        self._wanted = {self._absolute(test) for test in manifest.tests}
        self._leading_there = {folder for path in self._wanted for folder in path.parents}
        pages = {self._absolute(page) for page in manifest.pages} & self._wanted
        arguments = self._wanted - pages
        if pages:
            # One folder for all, as pytest reads a file's folder anew for each file it is given.
            arguments.add(Path(os.path.commonpath([page.parent for page in pages])))
        return sorted(map(str, arguments))

    def _absolute(self, path: str) -> Path:
        # Without `..`, as pytest gives paths to its hooks.
        return Path(os.path.abspath(self._root / path))  # noqa: PTH100

    def _wants_pages(self) -> bool:
        return self._pages.is_dir() and any(
            path.is_relative_to(self._pages) or self._pages.is_relative_to(path)
            for path in self._arguments
        )

    @functools.cached_property
    def _arguments(self) -> list[Path]:
        folder = self._config.invocation_params.dir
        return [
            Path(folder, argument.partition("::")[0]).resolve() for argument in self._config.args
        ]

    def _read_pages(self) -> Path:
        build = self._root / _OWN_BUILD
        command = [
            *(sys.executable, "-m", "sphinx", "-q", "-b", "dummy", "-c", str(self._root)),
            *("-d", str(build / "doctrees"), "-D", "evergreen_prove=0"),
            *(str(self._pages), str(build / "dummy")),
        ]
        done = subprocess.run(
            command, cwd=self._root, env=environment_for_extension(), check=False
        )
        if done.returncode != 0:
            raise pytest.UsageError("Sphinx cannot read the pages; see its messages above")
        return build / "doctrees" / MANIFEST_NAME

    # Collection.

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Leave out what the Sphinx side did not ask for.

        Without it, leave an example's other tests to those who ask for them by name.
        """
        if self._wanted:
            if collection_path in self._wanted or collection_path in self._leading_there:
                return False
            return None if self._wanted.intersection(collection_path.parents) else True
        example = self._example_at(collection_path)
        if example is None:
            return None
        asked_for = [path for path in self._arguments if example.folder in path.parents]
        is_wanted = any(
            collection_path.is_relative_to(path) or path.is_relative_to(collection_path)
            for path in [*example.test_paths, *asked_for]
        )
        return None if is_wanted else True

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> Page | None:
        """Collect a page that has something to run."""
        if self._manifest is None or not file_path.is_relative_to(self._root):
            return None
        page = file_path.relative_to(self._root).as_posix()
        tests = self._manifest.pages.get(page)
        if tests is None:
            return None
        return Page.from_parent(parent, path=file_path, tests=tests, examples=self._examples)

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Import an example's tests and their `conftest.py` with its own modules."""
        # A page imports nothing, and between those of one example nothing is to be switched.
        if not isinstance(collector, Page):
            self.switch_to(collector)
        try:
            with self._watch(collector):
                return (yield)
        except SystemExit as error:
            # As any other error of what it imports, and not as the end of pytest.
            return pytest.CollectReport(collector.nodeid, "failed", repr(error), [])

    # Running.

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, bool, bool]:
        """Run a test with its example's own modules."""
        self.switch_to(item)
        self._opened.clear()
        try:
            with self._watch(item):
                return (yield)
        finally:
            files = [Path(path) for path in self._opened]
            self._read[item.nodeid] = sorted(
                file.relative_to(self._root).as_posix() for file in files if file.suffix != ".py"
            )
            if isinstance(item, GroupItem):
                self._lines[item.nodeid] = {
                    Path(os.path.relpath(file, self._root)).as_posix(): lines
                    for file, lines in item.lines.items()
                }

    @contextlib.contextmanager
    def _watch(self, node: pytest.Collector | pytest.Item) -> Iterator[None]:
        """Note what runs in a build, and end it when it takes too long.

        What a page shows runs in a process of its own, which is ended from here.
        """
        if self._report is None:
            yield
            return
        write_whole(self._report.with_name(RUNNING_NAME), node.nodeid)

        def end(_signal: int, _frame: object) -> None:
            pytest.fail(f"it {late(self._time_limit)}")

        before = signal.signal(signal.SIGALRM, end)
        is_isolated = isinstance(node, GroupItem | SessionItem)
        signal.setitimer(signal.ITIMER_REAL, 0 if is_isolated else self._time_limit)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def switch_to(self, node: pytest.Collector | pytest.Item) -> None:
        """Make the modules of a node's example the importable ones."""
        # What is recorded of blocks includes the import of their example.
        anew = self._report is not None and isinstance(node, GroupItem)
        self._switch.to(self._example_of(node), anew=anew)

    def note_opened(self, event: str, arguments: tuple[object, ...]) -> None:
        """Note each file of the project that is opened to be read: a hook for `sys.audit`."""
        if event == "open":
            path, _, flags = arguments
            is_read = isinstance(flags, int) and not flags & (os.O_WRONLY | os.O_RDWR)
            if is_read and isinstance(path, str | bytes):
                absolute = os.path.abspath(os.fsdecode(path))  # noqa: PTH100
                if absolute.startswith(self._prefix):
                    self._opened.add(absolute)

    def _example_of(self, node: pytest.Collector | pytest.Item) -> Example | None:
        if isinstance(node, GroupItem | SessionItem):
            return node.example
        return self._example_at(getattr(node, "path", self._root))

    def _example_at(self, path: Path) -> Example | None:
        for example in self._examples.values():
            if path.is_relative_to(example.folder):
                return example
        return None

    # The report.

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> pytest.TestReport | None:
        """Have the report of a build show what is the project's own."""
        if self._report is not None and call.excinfo is not None:
            leave_out_libraries(call.excinfo.value)
            call.excinfo = pytest.ExceptionInfo.from_exception(call.excinfo.value)
        return None

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note what could not be collected."""
        if report.outcome != "passed":
            path = report.nodeid.partition("::")[0]
            settings = Path(path, "conftest.py")
            # Of a folder, it is this file that cannot be imported.
            is_folder = (self._root / settings).is_file()
            self._note(report, settings.as_posix() if is_folder else path, None)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a test ended: by its call, or by a set-up or tear-down that did not pass."""
        if report.when == "call" or report.outcome != "passed":
            path, line, _ = report.location
            self._note(report, path, None if line is None else line + 1)

    def _note(
        self, report: pytest.CollectReport | pytest.TestReport, path: str, line: int | None
    ) -> None:
        if self._report is not None:
            example = self._example_at(self._root / path)
            if example is not None and report.outcome != "passed":
                self._broken.add(example.name)
        failure = failure_of(report)
        is_expected = hasattr(report, "wasxfail")
        outcome = "skipped" if is_expected else report.outcome
        self._results.append(
            {
                "test": report.nodeid,
                "outcome": outcome,
                "path": failure.path or path,
                "line": failure.line or line,
                "message": "it is marked xfail" if is_expected else failure.message,
                "detail": "" if outcome == "skipped" else failure.detail,
            }
        )

    def pytest_keyboard_interrupt(self) -> None:
        """Note that a test or a person ended the run, whatever its exit status."""
        self._is_interrupted = True

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write the report; a run that ends early writes none."""
        went_through = exitstatus in _WENT_THROUGH and not self._is_interrupted
        if self._report is not None and not self._is_worker and went_through:
            for result in self._results:
                result["read"] = self._read.get(str(result["test"]), [])
                result["lines"] = self._lines.get(str(result["test"]), {})
            write_whole(self._report, json.dumps(self._results))
