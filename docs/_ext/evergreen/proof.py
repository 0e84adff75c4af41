"""What has to be proven, what has been proven already, and the run that proves the rest."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from evergreen.evidence import AT_IMPORT, Proof, Run, read_lines, write_configuration
from evergreen.example import environment_for_extension
from evergreen.files import digest_of_files, digest_of_texts
from evergreen.manifest import Manifest, PageTests
from evergreen.problem import Problem

UNITS_PER_PROCESS = 4
"""How many units make one more process pay, if none is long: each takes a second to start."""
RUNNING_NAME = "running.txt"
"""The file, beside pytest's report, that names what it runs."""
_SECONDS_TO_GIVE_WAY = 30.0
# A thread that a test has left would keep a process that ends as usual.
_PYTEST = "import os, pytest, sys; s = pytest.main(); sys.stdout.flush(); os._exit(s)"
_MEMORY = Path("/dev/shm")
_MEMORY_NEEDED = 256 * 2**20


@dataclasses.dataclass(frozen=True)
class Unit:
    """The smallest thing that is proven on its own: an example, a page, or a proof of its own."""

    name: str
    """What to call it in a message."""
    path: str
    """The file at fault when it fails as a whole, relative to the folder that holds `conf.py`."""
    tests: tuple[str, ...]
    """What to give to pytest, relative to the folder that holds `conf.py`."""
    digest: str
    """A digest of all that the proof speaks of."""
    is_page: bool = False
    """Whether it is a page; its failures then name their own place, and need no test's name."""
    is_long: bool = False
    """Whether its tests may take so long that they pay a process of their own."""
    subjects: tuple[str, ...] = ()
    """The files and folders that it speaks of, named as `path`: its digest is made of them too.
    What its tests run or read of others is no evidence, as that may change unnoticed."""


@dataclasses.dataclass(frozen=True)
class Result:
    """How one test, or the collection of one file, ended."""

    test: str
    """pytest's node ID."""
    outcome: str
    """`passed`, `failed` or `skipped`."""
    path: str
    """The file at fault, relative to the folder that holds `conf.py`."""
    line: int | None
    """The line in that file, counted from 1."""
    message: str
    """What went wrong, in a line; empty when it passed."""
    detail: str
    """The difference or the traceback; empty when it passed."""
    read: tuple[str, ...] = ()
    """The files it opened to be read, relative to that folder, Python's own left out."""
    lines: Mapping[str, Sequence[int]] = dataclasses.field(default_factory=dict)
    """The lines it ran, by file."""


def digest_of_environment(libraries: Sequence[str], also: Iterable[Path]) -> str:
    """Return a digest of what every proof rests on.

    That is the interpreter, the names and versions of all that is installed, the contents of the
    libraries that the pages speak of, and the contents of some files besides.

    Raises:
        ValueError: when a library is not installed; the message names it.
    """
    installed = sorted(
        entry.name
        for folder in map(Path, sys.path)
        if folder.is_dir()
        for entry in folder.iterdir()
        if entry.suffix in (".dist-info", ".egg-info")
    )
    paths: list[Path] = []
    for library in libraries:
        try:
            spec = importlib.util.find_spec(library)
        except ModuleNotFoundError:  # the package that it would be a part of
            spec = None
        if spec is None:
            raise ValueError(f"evergreen_libraries names {library!r}, which is not installed")
        paths.extend(map(Path, spec.submodule_search_locations or [spec.origin or ""]))
    content = digest_of_files([*paths, *also])
    return digest_of_texts(json.dumps([sys.version, installed, content]))


def versions_of(libraries: Sequence[str]) -> dict[str, str]:
    """Return the versions of Python and of the distributions that bring libraries, by name."""
    bringing = importlib.metadata.packages_distributions()
    names = [name for library in libraries for name in bringing.get(library.partition(".")[0], ())]
    versions = {name: importlib.metadata.version(name) for name in names}
    return {"Python": platform.python_version(), **versions}


class RunEnded(Exception):
    """pytest did not get to its end; the text is the node ID of what it was at."""


def run_tests(
    project: Path,
    examples: Path,
    pages: Mapping[str, PageTests],
    units: Sequence[Unit],
    seconds: float,
) -> list[Result]:
    """Run the tests of some units with pytest, in processes of its own.

    Args:
        project: the folder of `conf.py`.
        examples: the folder of the examples.
        pages: what is run on each page, by its source file.
        units: what to prove.
        seconds: how long each test may take.

    Returns:
        How each test ended.

    Raises:
        RunEnded: when a test ends pytest itself.
    """
    wanted = max(len(units) // UNITS_PER_PROCESS, sum(unit.is_long for unit in units))
    count = max(1, min(os.cpu_count() or 1, wanted))
    with temporary_folder() as folder, ThreadPoolExecutor(count) as pool:
        runs = [
            pool.submit(
                _run_pytest,
                project,
                examples,
                pages,
                units[number::count],
                seconds,
                folder,
                number,
            )
            for number in range(count)
        ]
        return [result for run in runs for result in run.result()]


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a folder for all that the tests write, in memory where there is room.

    A test of a charm writes some files for each event, which is a fifth of its time on a disk.
    Whoever sets TMPDIR has chosen another place.
    """
    is_free = "TMPDIR" not in os.environ and _MEMORY.is_dir()
    has_room = is_free and shutil.disk_usage(_MEMORY).free > _MEMORY_NEEDED
    with tempfile.TemporaryDirectory(dir=_MEMORY if has_room else None) as folder:
        yield Path(folder)


def _run_pytest(
    project: Path,
    examples: Path,
    pages: Mapping[str, PageTests],
    units: Sequence[Unit],
    seconds: float,
    folder: Path,
    number: int,
) -> list[Result]:
    tests = sorted(test for unit in units for test in unit.tests if (project / test).exists())
    if not tests:
        return []
    own = {page: pages[page] for page in tests if page in pages}
    own_folder = folder / str(number)
    own_folder.mkdir()
    manifest, report = own_folder / "manifest.json", own_folder / "report.json"
    # coverage.py removes, when it starts, whatever begins with the name of its data file.
    settings, lines = own_folder / "settings.ini", own_folder / "coverage"
    Manifest(own, tuple(tests)).write(manifest)
    sources = {code.path for page in own.values() for group in page.groups for code in group.codes}
    sources.update(test for test in tests if (project / test).is_file() and test not in own)
    followed = [examples / "*", *(project / source for source in sorted(sources))]
    write_configuration(settings, lines, map(str, followed))
    command = [
        *(sys.executable, "-c", _PYTEST, "-qq", "--no-header", "--no-summary"),
        *("-p", "evergreen.pytest_plugin", "-p", "no:cacheprovider"),
        *("--rootdir", str(project), "--import-mode", "importlib", "--tb", "short"),
        *("--continue-on-collection-errors", "--maxfail", "0"),
        *("-p", "pytest_cov.plugin", "--cov", "--cov-context", "test"),
        # A value on its own would be taken for one of the tests by whatever looks for the
        # project's settings of pytest, and they would not be found.
        *("--cov-report=", f"--cov-config={settings}"),
        *("-o", f"evergreen_examples={examples}", "-o", f"evergreen_time_limit={seconds}"),
        # What does not give way when its time is over ends pytest.
        *("-o", f"faulthandler_timeout={seconds + _SECONDS_TO_GIVE_WAY}"),
        *("-o", "faulthandler_exit_on_timeout=true"),
        *(f"--evergreen-manifest={manifest}", f"--evergreen-report={report}"),
    ]
    inherited = environment_for_extension()
    # Another pytest may run Sphinx, and its test is none of these.
    inherited.pop("PYTEST_CURRENT_TEST", None)
    environment = {
        **inherited,
        "TMPDIR": str(own_folder),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        # Whoever calls Sphinx may have set it to choose some tests, or to stop early.
        "PYTEST_ADDOPTS": "",
    }
    # The first process shows its progress, which is about that of all.
    output = None if number == 0 else subprocess.PIPE
    done = subprocess.run(
        command, cwd=project, env=environment, stdout=output, stderr=output, check=False
    )
    if not report.exists():
        sys.stderr.buffer.write((done.stdout or b"") + (done.stderr or b""))
        running = own_folder / RUNNING_NAME
        at = running.read_text(encoding="utf-8") if running.exists() else ""
        raise RunEnded(at or "its start")
    results = [Result(**result) for result in json.loads(report.read_text(encoding="utf-8"))]
    ran = read_lines(lines, project)
    return [
        Result(AT_IMPORT, "passed", "", None, "", "", lines=ran.get(AT_IMPORT, {})),
        *(
            # A group of blocks notes the lines of its own process, coverage.py those of others.
            dataclasses.replace(result, lines=_union(result.lines, ran.get(result.test, {})))
            for result in results
        ),
    ]


def _union(
    lines: Mapping[str, Iterable[int]], more: Mapping[str, Iterable[int]]
) -> dict[str, list[int]]:
    return {
        file: sorted({*lines.get(file, ()), *more.get(file, ())})
        for file in sorted({*lines, *more})
    }


def judge(
    units: Sequence[Unit], results: Sequence[Result]
) -> tuple[dict[str, Proof], list[Problem]]:
    """Say which units are proven: all their tests passed, and there was one at least.

    Returns:
        The proofs of the proven units, by the unit's path; and a problem for each test that failed
        or was skipped and for each unit that had no test. A page that uses an example of which a
        test failed is left out: it may fail for nothing else, and at more length.
    """
    by_path: dict[str, list[Result]] = {}
    at_import: list[Result] = []
    for result in results:
        file = result.test.partition("::")[0]
        if result.test == AT_IMPORT:
            at_import.append(result)
        else:
            for path in (file, *map(str, PurePosixPath(file).parents)):
                by_path.setdefault(path, []).append(result)
    proofs: dict[str, Proof] = {}
    problems: list[Problem] = []
    broken: set[str] = set()
    # Examples before the pages that use them.
    for unit in sorted(units, key=lambda each: each.is_page):
        own = [result for test in unit.tests for result in by_path.get(test, ())]
        bad = [result for result in own if result.outcome != "passed"]
        if not own:
            problems.append(
                Problem(
                    unit.path,
                    None,
                    "proof-none",
                    f"no test was found for {unit.name}",
                    "Write one: what no test runs is not published",
                )
            )
        elif not bad:
            tests = {result.test: _run_of([result], unit) for result in own}
            tests[AT_IMPORT] = _run_of(at_import, unit)
            proofs[unit.path] = Proof(unit.digest, tests)
        if bad and not unit.is_page:
            broken.update(unit.subjects)
        if not (unit.is_page and broken.intersection(unit.subjects)):
            problems += [_as_problem(result, unit) for result in bad]
    return proofs, problems


def _run_of(results: Iterable[Result], unit: Unit) -> Run:
    """Return what was run and read of the unit's subjects."""
    subjects = tuple(f"{path}/" for path in unit.subjects)
    lines: dict[str, set[int]] = {}
    read: set[str] = set()
    for result in results:
        for file, ran in result.lines.items():
            if f"{file}/".startswith(subjects):
                lines.setdefault(file, set()).update(ran)
        read.update(file for file in result.read if f"{file}/".startswith(subjects))
    # Nothing else is made a proof of.
    return Run("passed", {file: sorted(ran) for file, ran in lines.items()}, sorted(read))


def _as_problem(result: Result, unit: Unit) -> Problem:
    if result.outcome == "skipped":
        what = f"{result.test} ({unit.name}) was skipped: {result.message}"
        remedy = "Make it run here: a skipped test proves nothing"
    elif unit.is_page:
        what, remedy = result.message, "Correct the block, or the text around it"
    else:
        what = f"{result.test} ({unit.name}) failed: {result.message}"
        remedy = "Correct the code or the test"
    return Problem(result.path, result.line, "proof-failed", what, remedy, result.detail)
