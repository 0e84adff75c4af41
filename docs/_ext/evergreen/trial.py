"""A trial: mutants on one side, on the other the tests that ought to notice them.

A pytest that has collected everything and imported what it needs is forked for each mutant. So a
mutant costs a few milliseconds besides its tests, and none meets what another one did.
"""

from __future__ import annotations

import functools
import gc
import importlib.machinery
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import NoReturn

import pytest

from evergreen.attempt import attempt, set_time_limit
from evergreen.example import Example, environment_for_extension
from evergreen.fates import KILLED, SURVIVED, TIMED_OUT, Tell
from evergreen.manifest import Manifest, PageTests
from evergreen.mutant import Mutant
from evergreen.page_tests import TIME_LIMIT, GroupItem
from evergreen.pytest_plugin import SESSION_NAME, Session
from evergreen.runner import temporary_folder
from evergreen.schemata import can_be_tried_where_it_stands, instrument
from evergreen.walk import walk
from evergreen.warm_python import warm_python

_LEAST_SECONDS = 2.0
_TIMES_AS_LONG = 10
_PAGE_SECONDS = 60.0
# Less than that, as what a terminal session has started does not end with an attempt.
_SESSION_SECONDS = 30.0
_PROOF_SECONDS = 120.0
_SHARE = 100
_RECORD_SIZE = 4
_NOT_COPIED = shutil.ignore_patterns(".*", "_build", "__pycache__")


class NoTrial(Exception):
    """The tests cannot tell mutants from what is published."""


def try_mutants(
    mutants: Sequence[Mutant],
    project: Path,
    examples: Mapping[str, Example],
    pages: Mapping[str, PageTests],
    libraries: Iterable[str],
    tell: Tell,
) -> None:
    """Try mutants on their tests, on all cores.

    Args:
        mutants: what to try.
        project: the folder of `conf.py`.
        examples: the examples, by name.
        pages: what is run on each page, by its source file.
        libraries: what a Python that is started is likely to import.
        tell: is called for each mutant, when it has ended.

    Raises:
        NoTrial: when a test fails without any change.
    """
    files = {test.partition("::")[0] for mutant in mutants for test in mutant.tests}
    own = {page: pages[page] for page in sorted(files) if page in pages}
    folders = [example.folder for example in examples.values()]
    tests = [
        path.relative_to(project).as_posix()
        for example in examples.values()
        for path in example.test_paths
        if path.exists()
    ]
    # As where the tests are proven; whoever calls may have set them.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ["PYTEST_ADDOPTS"] = ""
    with temporary_folder() as folder, warm_python(folder, libraries) as python:
        manifest = folder / "manifest.json"
        Manifest(own, (*tests, *own)).write(manifest)
        trial = _Trial(mutants, project, folders, folder, str(python), tell)
        root = folders[0].parent
        # Nothing reads an assertion's explanation here, and making one takes longest of all.
        status = pytest.main(
            [
                *("-qq", "--no-header", "--no-summary", "--assert=plain", "--capture=sys"),
                *("-p", "evergreen.pytest_plugin", "-p", "no:cacheprovider"),
                *("--rootdir", str(project), "--import-mode", "importlib"),
                *("-o", f"evergreen_examples={root}"),
                f"--evergreen-manifest={manifest}",
            ],
            plugins=[trial],
        )
    if status != pytest.ExitCode.OK or trial.problem:
        raise NoTrial(trial.problem or "pytest cannot collect the tests, see above")


class _Trial:
    """Takes the place of pytest's own loop over the tests."""

    def __init__(
        self,
        mutants: Sequence[Mutant],
        project: Path,
        folders: Sequence[Path],
        temporary: Path,
        python: str,
        tell: Tell,
    ) -> None:
        self.problem = ""
        self._mutants = mutants
        self._project = project
        self._folders = folders
        self._temporary = temporary
        self._python = python
        self._tell = tell
        self._items: dict[str, pytest.Item] = {}
        self._seconds: dict[str, float] = {}
        # By file and line: the test that noticed the last change there.
        self._noticed: dict[tuple[str, int], str] = {}
        self._own_modules = functools.cache(self._find_own_modules)
        self._group_unchanged = functools.cache(self._run_group_unchanged)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try the mutants."""
        if session.testsfailed:
            return True
        self._items = {item.nodeid: item for item in session.items}
        session.config.stash[TIME_LIMIT] = _SESSION_SECONDS
        for item in session.items:
            if isinstance(item, GroupItem):
                # Each attempt is a fork already.
                item.runtest = functools.partial(_run_group, item)  # type: ignore[method-assign]
        tempfile.tempdir = str(self._temporary)
        sys.executable = self._python
        # Whatever is loaded or made once is there before the first fork.
        self.problem = self._run_unchanged()
        if not self.problem:
            # Else each fork would write to what it shares with this process, to look for garbage.
            gc.freeze()
            self._share_out()
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool:
        """Run a test as pytest does, without a report: what is wrong is raised."""
        if isinstance(item, pytest.Function):
            item._initrequest()
        item.ihook.pytest_runtest_setup(item=item)
        item.ihook.pytest_runtest_call(item=item)
        # The fixture `tmp_path` looks at how the call ended.
        call = pytest.CallInfo.from_call(lambda: None, "call")
        item.ihook.pytest_runtest_makereport(item=item, call=call)
        item.ihook.pytest_runtest_teardown(item=item, nextitem=None)
        return True

    def _run(self, item: pytest.Item) -> None:
        item.ihook.pytest_runtest_protocol(item=item, nextitem=None)

    def _run_unchanged(self) -> str:
        needed = {test for mutant in self._mutants for test in mutant.tests}
        for test in sorted(needed):
            item = self._items.get(test)
            if isinstance(item, pytest.Function):
                before = time.perf_counter()
                try:
                    self._run(item)
                except BaseException as error:
                    return f"{test} fails without a change: {error!r}"
                self._seconds[test] = time.perf_counter() - before
        return ""

    # Sharing the work out.

    def _share_out(self) -> None:
        jobs = list(_shares(self._mutants, self._items))
        to_do, done = os.pipe(), os.pipe()
        workers: list[int] = []
        # One more than there are cores, as some tests wait for something.
        for _ in range((os.cpu_count() or 1) + 1):
            workers.append(os.fork() or self._work(jobs, to_do, done))
        os.close(to_do[0])
        os.close(done[1])
        with os.fdopen(to_do[1], "wb", buffering=0) as pipe:
            for number in range(len(jobs)):
                pipe.write(number.to_bytes(_RECORD_SIZE, "big"))
        missing = dict(enumerate(self._mutants))
        with os.fdopen(done[0], encoding="utf-8") as pipe:
            for line in pipe:
                number, outcome, by = json.loads(line)
                self._tell(missing.pop(number), outcome, by)
        for worker in workers:
            os.waitpid(worker, 0)
        if missing:
            tests = sorted({mutant.tests[0] for mutant in missing.values() if mutant.tests})
            self.problem = f"no trial without a change passed, see above: {', '.join(tests)}"

    def _work(
        self, jobs: Sequence[Sequence[int]], to_do: tuple[int, int], done: tuple[int, int]
    ) -> NoReturn:
        """Try what there is to try, and say of each how it ended: both through pipes."""
        try:
            os.close(to_do[1])
            os.close(done[0])
            numbers = {id(mutant): number for number, mutant in enumerate(self._mutants)}

            def tell(mutant: Mutant, outcome: str, by: str) -> None:
                # Records this short are read and written whole.
                record = json.dumps([numbers[id(mutant)], outcome, by])
                os.write(done[1], f"{record}\n".encode())

            while record := os.read(to_do[0], _RECORD_SIZE):
                mutants = [self._mutants[number] for number in jobs[int.from_bytes(record, "big")]]
                item = self._items.get(mutants[0].tests[0]) if mutants[0].step else None
                if isinstance(item, GroupItem):
                    self._try_group(item, mutants, tell)
                else:
                    self._try_file(mutants, tell)
        except ChildProcessError:
            # It has said why. What it has not tried is missing.
            pass
        finally:
            os._exit(0)

    # Mutants of a file.

    def _try_file(self, mutants: Sequence[Mutant], tell: Tell) -> None:
        noticed: set[int] = set()
        if len(mutants) > 1:
            told = attempt(lambda: self._try_together(mutants), _PROOF_SECONDS)
            noticed.update(map(int, (told or "").split()))
        for number, mutant in enumerate(mutants):
            is_noticed = number in noticed
            tell(mutant, *((KILLED, mutant.tests[0]) if is_noticed else self._try_one(mutant)))

    def _try_together(self, mutants: Sequence[Mutant]) -> str:
        """Return the numbers of mutants that their tests notice when all are in one source."""
        told = Path(tempfile.mkdtemp(), "told")
        told.touch()
        source = instrument(mutants, told)
        # One test that runs a line is likely to notice: most differ in a parameter only.
        tests = sorted({mutant.tests[0] for mutant in mutants})
        # A test that is expected to fail would not tell what it notices.
        passes = self._passes_in_copy(mutants[0].file, source, ["--runxfail", *tests])
        return told.read_text() if passes else ""

    def _try_one(self, mutant: Mutant) -> tuple[str, str]:
        here = [self._items[test] for test in mutant.tests if test in self._items]
        # The test that noticed the last change of the line is likely to notice the next.
        here.sort(key=lambda item: item.nodeid != self._noticed.get((mutant.file, mutant.line)))
        if here:
            # In this process, so that not each fork has to.
            _plugin_of(here[0]).switch_to(here[0])
            self._own_modules(self._folder_of(mutant.file))
        result = attempt(lambda: self._notice(mutant, here), _LEAST_SECONDS)
        if result is None:
            return TIMED_OUT, ""
        # Whoever ends the process has been noticed too.
        outcome, _, by = (result or KILLED).partition("\n")
        self._noticed[mutant.file, mutant.line] = by
        return outcome, by

    def _notice(self, mutant: Mutant, here: Sequence[pytest.Item]) -> str:
        _change(self._project / mutant.file, mutant.mutation.text)
        if here and not self._import_anew(mutant, here):
            return f"{KILLED}\n{here[0].nodeid}"
        functions = [item for item in here if isinstance(item, pytest.Function)]
        groups = [item for item in here if isinstance(item, GroupItem)]
        elsewhere = [test for test in mutant.tests if test not in self._items]
        # One that passed here may start a process that reads the file, and so runs once more.
        again = [item.nodeid for item in functions]
        # Blocks that import the file notice what its tests have not least of all.
        for items, in_copy in ((functions, elsewhere), (groups, again)):
            for item in items:
                set_time_limit(self._limit(item.nodeid))
                try:
                    self._run(item)
                except BaseException:
                    return f"{KILLED}\n{item.nodeid}"
            if in_copy:
                set_time_limit(_PROOF_SECONDS)
                if not self._passes_in_copy(mutant.file, mutant.mutation.text, in_copy):
                    # Of several, which it was is not known.
                    return f"{KILLED}\n{in_copy[0] if len(in_copy) == 1 else ''}"
        return SURVIVED

    def _limit(self, test: str) -> float:
        if test in self._seconds:
            return max(_LEAST_SECONDS, _TIMES_AS_LONG * self._seconds[test])
        return _PAGE_SECONDS

    def _import_anew(self, mutant: Mutant, items: Sequence[pytest.Item]) -> bool:
        """Have an example's tests import its modules again; tell whether they can be.

        pytest holds on to the modules of the tests, so these are filled anew and not replaced.
        What a decorator of pytest has taken from the example, such as a parameter, stays.
        """
        held, imported = self._own_modules(self._folder_of(mutant.file))
        for name in imported:
            del sys.modules[name]
        try:
            for module in held:
                module.__spec__.loader.exec_module(module)  # type: ignore[union-attr]
            for item in items:
                if isinstance(item, pytest.Function):
                    owner = getattr(item.module, item.cls.__name__)() if item.cls else item.module
                    item.obj = getattr(owner, item.originalname)
        except BaseException:
            return False
        return True

    def _find_own_modules(self, folder: Path) -> tuple[list[ModuleType], list[str]]:
        """Return an example's modules that pytest holds, and the names of the others."""
        functions = [item for item in self._items.values() if isinstance(item, pytest.Function)]
        plugins = next(iter(self._items.values())).config.pluginmanager.get_plugins()
        ids = {id(each) for each in (*plugins, *(item.module for item in functions))}
        own = {
            name: module
            for name, module in sys.modules.copy().items()
            if (getattr(module, "__file__", None) or "").startswith(f"{folder}{os.sep}")
        }
        held = [module for module in own.values() if id(module) in ids]
        return held, [name for name, module in own.items() if id(module) not in ids]

    def _folder_of(self, file: str) -> Path:
        path = self._project / file
        return next(folder for folder in self._folders if path.is_relative_to(folder))

    def _passes_in_copy(self, file: str, text: str, arguments: Sequence[str]) -> bool:
        """Run tests that start processes of their own, which read a file, on a copy of all."""
        with tempfile.TemporaryDirectory() as folder:
            copy, temporary = Path(folder, "project"), Path(folder, "tmp")
            shutil.copytree(self._project, copy, ignore=_NOT_COPIED, symlinks=True)
            (copy / file).write_text(text, encoding="utf-8")
            temporary.mkdir()
            done = subprocess.run(
                [
                    *(sys.executable, "-m", "pytest", "-qqx", "-p", "evergreen.pytest_plugin"),
                    *("--assert=plain", "-p", "no:cacheprovider"),
                    *("--rootdir", str(copy), "--import-mode", "importlib", *arguments),
                ],
                cwd=copy,
                env={**environment_for_extension(), "TMPDIR": str(temporary)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            )
        return done.returncode == 0

    # Mutants of a group.

    def _try_group(self, item: GroupItem, mutants: Sequence[Mutant], tell: Tell) -> None:
        # Without a change first: whoever fails then notices nothing.
        self._group_unchanged(item)
        attempt(lambda: self._walk(item, mutants, tell), _PAGE_SECONDS * len(mutants))

    def _run_group_unchanged(self, item: GroupItem) -> None:
        before = time.perf_counter()
        attempt(lambda: self._pass(item), _PAGE_SECONDS)
        self._seconds[item.nodeid] = time.perf_counter() - before

    def _pass(self, item: pytest.Item) -> str:
        self._run(item)
        return SURVIVED

    def _walk(self, item: GroupItem, mutants: Sequence[Mutant], tell: Tell) -> str:
        seconds = self._limit(item.nodeid)
        item.runtest = functools.partial(walk, item, mutants, seconds, tell)  # type: ignore[method-assign]
        return self._pass(item)


def _run_group(item: GroupItem) -> None:
    item.run_here(Path(tempfile.mkdtemp()))


def _plugin_of(item: pytest.Item) -> Session:
    plugin = item.config.pluginmanager.get_plugin(SESSION_NAME)
    assert isinstance(plugin, Session)
    return plugin


def _shares(mutants: Sequence[Mutant], here: Container[str]) -> Iterator[Sequence[int]]:
    """Yield the numbers of the mutants that are tried one after the other.

    What takes longest comes first, so that no process is left with it when the others are done.

    Args:
        mutants: all of them.
        here: the tests that run in this process, or a fork of it.
    """
    together: dict[str, list[int]] = {}
    groups: dict[tuple[str, ...], list[int]] = {}
    elsewhere: list[int] = []
    others: list[int] = []
    for number, mutant in enumerate(mutants):
        if mutant.step is not None:
            groups.setdefault(mutant.tests, []).append(number)
        elif all(test in here for test in mutant.tests):
            others.append(number)
        elif not any(test in here for test in mutant.tests) and can_be_tried_where_it_stands(
            mutant
        ):
            together.setdefault(mutant.file, []).append(number)
        else:
            elsewhere.append(number)
    yield from together.values()
    for numbers in groups.values():
        for first in range(0, len(numbers), _SHARE):
            yield numbers[first : first + _SHARE]
    yield from ([number] for number in (*elsewhere, *others))


def _change(path: Path, text: str) -> None:
    """Have this process find another text in a file of Python that it imports."""
    changed = compile(text, path, "exec", dont_inherit=True)
    unchanged = importlib.machinery.SourceFileLoader.get_code

    def get_code(self: importlib.machinery.SourceFileLoader, name: str) -> CodeType | None:
        return changed if self.path == str(path) else unchanged(self, name)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign]
