"""Run every example and every page on every release of ops, and keep how each run ended.

A cell is one subject, an example or a page, with one release of ops on one Python. Its result goes
into `docs/matrix.json` when it has ended, so an interrupted run goes on where it stopped. What is
there already is run again only when the subject has changed, or the cell failed. `--anew` runs
all.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs/_ext"))

from evergreen.files import digest_of_texts, write_whole  # noqa: E402
from evergreen.manifest import MANIFEST_NAME, Manifest  # noqa: E402
from works_with import (  # noqa: E402
    DIFFERENCES,
    RESULTS,
    Cell,
    Failure,
    Results,
    adjust,
    digest_of_example,
    digest_of_page,
    minor,
    read_differences,
)

FIRST = Version("2.17")
"""The first release with the extra `testing`: https://pypi.org/project/ops/2.17.0/."""
ALSO = {"2.18": ["ops-scenario<7.2"]}
"""What else a minor release needs: ops-scenario 7.2.0 says ops 2.18 will do, but needs 2.19."""
AT_A_TIME = 2
CELL_SECONDS = 600
BUILD = ROOT / "_build/matrix"
FAILURES = BUILD / "failures.md"


@dataclasses.dataclass(frozen=True)
class Subject:
    """An example or a page."""

    name: str
    """Its folder or file, relative to the project."""
    digest: str
    """The digest of all that is run."""
    needs_ops: str = ""
    """The releases of ops that it supports, as a version specifier."""
    needs_python: str = ""
    """The Pythons that it supports."""
    is_page: bool = False
    """Whether it is a page."""


@dataclasses.dataclass(frozen=True)
class Environment:
    """A virtual environment that the cells of one release on one Python share."""

    ops: str
    """The release of ops."""
    python: str
    """The version of Python."""
    is_for_pages: bool
    """Whether pages run in it, or examples."""

    @property
    def folder(self) -> Path:
        """The environment's folder."""
        kind = "pages" if self.is_for_pages else "examples"
        return BUILD / "environments" / f"ops-{self.ops}-python-{minor(self.python)}-{kind}"


def choose_releases(versions: Iterable[str]) -> list[str]:
    """Return the newest patch of each minor release since `FIRST`, the oldest first.

    The newest pre-release is the last, if it is newer than every release.
    """
    parsed = sorted(map(Version, versions))
    final = {
        (version.major, version.minor): version
        for version in parsed
        if not version.is_prerelease and version >= FIRST
    }
    chosen = list(final.values())
    if chosen and parsed[-1].is_prerelease and parsed[-1] > chosen[-1]:
        chosen.append(parsed[-1])
    return list(map(str, chosen))


def find_releases(known: Mapping[str, str]) -> dict[str, str]:
    """Return the releases of ops, each with the Pythons it needs.

    Args:
        known: those of the last run, which are all there is when the index cannot be reached.

    Raises:
        SystemExit: when there are none.
    """
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    command = [*pip, "index", "versions", "ops", "--pre", "--json"]
    try:
        listed = json.loads(_output(command, timeout=120))["versions"]
        releases = {}
        for version in choose_releases(listed):
            if version not in known:
                report = _output(
                    [
                        *(
                            *pip,
                            "install",
                            "--quiet",
                            "--dry-run",
                            "--no-deps",
                            "--ignore-installed",
                        ),
                        *("--ignore-requires-python", "--report", "-", f"ops=={version}"),
                    ],
                    timeout=120,
                )
                metadata = json.loads(report)["install"][0]["metadata"]
                releases[version] = metadata.get("requires_python", "")
            else:
                releases[version] = known[version]
    except (subprocess.SubprocessError, ValueError, LookupError):
        if not known:
            raise SystemExit(
                "The package index cannot be reached, and no release is known"
            ) from None
        print("The package index cannot be reached: these are the releases of the last run")
        return dict(known)
    return releases


def installed_pythons() -> list[str]:
    """Return the newest patch of each Python that uv finds, the oldest first."""
    found = json.loads(
        _output([*_uv("python", "list", "--only-installed", "--output-format", "json")])
    )
    pythons: dict[str, str] = {}
    for each in found:
        version = each["version"]
        if each["implementation"] != "cpython" or each.get("variant", "default") != "default":
            continue
        if not Version(version).is_prerelease:
            newest = pythons.get(minor(version), version)
            pythons[minor(version)] = max(newest, version, key=Version)
    return sorted(pythons.values(), key=Version)


def choose_pythons(installed: Sequence[str], *needs: str) -> list[str]:
    """Return the oldest and the newest Python that satisfy all specifiers: two, one or none."""
    fit = [
        version
        for version in installed
        if all(SpecifierSet(each).contains(version) for each in needs)
    ]
    return list(dict.fromkeys([*fit[:1], *fit[-1:]]))


def plan(
    subjects: Sequence[Subject], releases: Mapping[str, str], installed: Sequence[str], own: str
) -> dict[Environment, list[Subject]]:
    """Return what runs where.

    Args:
        subjects: the examples and pages.
        releases: the releases of ops, each with the Pythons it needs.
        installed: the Pythons there are.
        own: the documentation's own Python, for pages.
    """
    planned: dict[Environment, list[Subject]] = {}
    for release, needs_python in releases.items():
        for subject in subjects:
            if not SpecifierSet(subject.needs_ops).contains(release, prereleases=True):
                continue
            choice = [own] if subject.is_page else installed
            for python in choose_pythons(choice, needs_python, subject.needs_python):
                environment = Environment(release, python, subject.is_page)
                planned.setdefault(environment, []).append(subject)
    return planned


class Recorder:
    """Keeps the results in the file, which is whole after each cell."""

    def __init__(self, path: Path, releases: Mapping[str, str], cells: Iterable[Cell]) -> None:
        """Start from the cells of earlier runs that still hold."""
        self._path = path
        self._releases = releases
        self._cells = {cell.key: cell for cell in cells}
        self._lock = threading.Lock()

    def add(self, cell: Cell) -> None:
        """Keep a cell."""
        with self._lock:
            self._cells[cell.key] = cell
            self.write()

    def write(self) -> None:
        """Write the file."""
        self.results.write(self._path)

    @property
    def results(self) -> Results:
        """All results."""
        return Results(self._releases, tuple(self._cells.values()))


Runner = Callable[[Environment, Subject], Cell]


def run_all(
    planned: Mapping[Environment, Sequence[Subject]], recorder: Recorder, run: Runner
) -> None:
    """Run what has no result that holds, two environments at a time.

    One cell that fails does not stop the others. Ctrl-C lets those under way end.
    """
    done = {(cell.key, cell.digest) for cell in recorder.results.cells if not cell.failures}
    to_run = {
        environment: missing
        for environment, subjects in planned.items()
        if (
            missing := [
                subject
                for subject in subjects
                if ((subject.name, environment.ops, minor(environment.python)), subject.digest)
                not in done
            ]
        )
    }
    count = sum(map(len, to_run.values()))
    total = sum(map(len, planned.values()))
    print(f"{total} cells, {total - count} of which have passed already", flush=True)
    stop = threading.Event()
    numbers = iter(range(1, count + 1))

    def run_cells(environment: Environment, subjects: Sequence[Subject]) -> None:
        for subject in subjects:
            if stop.is_set():
                return
            before = time.monotonic()
            try:
                cell = run(environment, subject)
            except BaseException:
                stop.set()
                raise
            recorder.add(cell)
            outcome = f"{cell.passed} passed"
            if cell.failures:
                outcome += f", {len(cell.failures)} FAILED"
            where = f"ops {environment.ops:8} Python {environment.python:8} {subject.name}"
            seconds = time.monotonic() - before
            print(f"[{next(numbers):3}/{count}] {where}: {outcome} ({seconds:.1f} s)", flush=True)

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        futures = [pool.submit(run_cells, *item) for item in to_run.items()]
        try:
            for future in futures:
                future.result()
        except BaseException:
            stop.set()
            print(
                "Stopping when what runs has ended; the next call goes on from there", flush=True
            )
            raise


class Machine:
    """Runs cells on this machine."""

    def __init__(self, examples: Sequence[Path], pages: Manifest) -> None:
        """Take what there is to run."""
        self._examples = examples
        self._pages = pages
        self._differences = read_differences(ROOT / DIFFERENCES)
        self._today = datetime.datetime.now(datetime.UTC).date().isoformat()
        self._problems: dict[Environment, str] = {}

    def run(self, environment: Environment, subject: Subject) -> Cell:
        """Make the environment unless it is there, and run a cell in it."""
        if environment not in self._problems:
            self._problems[environment] = self._install(environment)
        passed, failures = 0, (Failure("installation", self._problems[environment]),)
        if not self._problems[environment]:
            run = self._run_page if subject.is_page else self._run_example
            with tempfile.TemporaryDirectory() as folder:
                try:
                    passed, failures = run(environment, subject.name, Path(folder))
                except subprocess.TimeoutExpired:
                    failures = (Failure(subject.name, f"took longer than {CELL_SECONDS} s"),)
        return Cell(
            subject=subject.name,
            ops=environment.ops,
            scenario=_installed_version(environment.folder, "ops_scenario"),
            python=environment.python,
            date=self._today,
            digest=subject.digest,
            passed=passed,
            failures=failures,
        )

    def _install(self, environment: Environment) -> str:
        """Return what went wrong, in a line; empty when nothing did."""
        release = Version(environment.ops)
        requirements = [
            f"ops[testing]=={environment.ops}",
            *ALSO.get(f"{release.major}.{release.minor}", []),
        ]
        options: list[str] = []
        examples = [each for each in self._examples if supports(each, environment.ops)]
        for example in examples:
            groups = tomllib.loads((example / "pyproject.toml").read_text())["dependency-groups"]
            # Pages show what integration tests import, but examples' unit tests do not need it.
            wanted = ("unit", "integration") if environment.is_for_pages else ("unit",)
            for group in wanted:
                if group in groups:
                    options += ["--group", f"{example / 'pyproject.toml'}:{group}"]
        if environment.is_for_pages:
            # Nothing but ops is another than what the site is built with.
            requirements += ["pytest-sphinx", "slipcover"]
            versions = BUILD / "lock-without-ops.txt"
            lock = (ROOT / "requirements.txt").read_text()
            write_whole(versions, constraints_without_ops(lock))
            options += ["--constraint", str(versions)]
        marker = environment.folder / "made-from"
        made_from = digest_of_texts(
            *requirements,
            *options,
            *((example / "pyproject.toml").read_text() for example in examples),
            (ROOT / "requirements.txt").read_text() if environment.is_for_pages else "",
        )
        if marker.exists() and marker.read_text() == made_from:
            return ""
        python = environment.folder / "bin/python"
        for command in (
            _uv("venv", "--quiet", "--clear", "--python", environment.python, environment.folder),
            _uv("pip", "install", "--quiet", "--python", python, *options, *requirements),
        ):
            done = _run(command, cwd=ROOT, env=_uv_environment())
            if done.returncode != 0:
                lines = re.sub(r"\s+", " ", done.stdout).strip()
                return lines[-300:] or f"uv ended with status {done.returncode}"
        write_whole(marker, made_from)
        return ""

    def _run_example(
        self, environment: Environment, name: str, folder: Path
    ) -> tuple[int, tuple[Failure, ...]]:
        report = folder / "report.xml"
        done = _run(
            [
                *(environment.folder / "bin/python", "-m", "pytest", "-q", "--tb=short"),
                *("-p", "no:cacheprovider", f"--junitxml={report}"),
            ],
            cwd=ROOT / name,
            env=_test_environment(folder),
        )
        if not report.exists():
            return 0, (Failure("pytest", _last_line(done.stdout)),)
        return read_junit(report)

    def _run_page(
        self, environment: Environment, name: str, folder: Path
    ) -> tuple[int, tuple[Failure, ...]]:
        differences = [each for each in self._differences if each.page == name]
        tests = adjust(self._pages.pages[name], differences, environment.ops)
        manifest, report = folder / "manifest.json", folder / "report.json"
        Manifest({name: tests}, (name,)).write(manifest)
        done = _run(
            [
                *(environment.folder / "bin/python", "-m", "pytest", "-qq", "--tb=short"),
                # The project's own conftest.py is about the newest ops.
                *("--noconftest", "-p", "evergreen.pytest_plugin", "--rootdir", ROOT),
                *("--evergreen-manifest", manifest, "--evergreen-report", report),
            ],
            cwd=ROOT,
            env={
                **_test_environment(folder),
                "PYTHONPATH": str(ROOT / "docs/_ext"),
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            },
        )
        if not report.exists():
            return 0, (Failure("pytest", _last_line(done.stdout)),)
        results = json.loads(report.read_text(encoding="utf-8"))
        failures = tuple(
            Failure(f"{each['path']}:{each['line']}", f"{each['message']}{_got(each['detail'])}")
            for each in results
            if each["outcome"] != "passed"
        )
        return len(results) - len(failures), failures


def needs_ops(example: Path) -> str:
    """Return the releases of ops that an example supports, as a version specifier."""
    needs = map(Requirement, _project(example).get("dependencies", []))
    return "".join(str(each.specifier) for each in needs if each.name == "ops")


def supports(example: Path, release: str) -> bool:
    """Return whether an example supports a release of ops."""
    return SpecifierSet(needs_ops(example)).contains(release, prereleases=True)


def _project(example: Path) -> dict[str, Any]:
    return tomllib.loads((example / "pyproject.toml").read_text())["project"]


def constraints_without_ops(lock: str) -> str:
    """Return the versions that a lock names, but for those of ops and ops-scenario."""
    # No extras: uv takes none in a constraint.
    pins = re.findall(r"^([\w.-]+)(?:\[[^\]]*\])?(==[^\\\n]+?) *\\?$", lock, re.MULTILINE)
    return "".join(
        f"{name}{version}\n" for name, version in pins if name not in ("ops", "ops-scenario")
    )


def read_junit(path: Path) -> tuple[int, tuple[Failure, ...]]:
    """Return how many tests passed, and those that did not; a skipped test is one of these."""
    cases = list(ET.parse(path).iter("testcase"))
    failures = []
    for case in cases:
        for kind in ("failure", "error", "skipped"):
            if (found := case.find(kind)) is not None:
                message = (found.get("message") or "").partition("\n")[0]
                if kind == "error" and found.text:
                    message = _last_error(found.text) or message
                failures.append(
                    Failure(case.get("name") or case.get("classname") or "", message or kind)
                )
                break
    if not cases:
        failures.append(Failure("pytest", "no test was found"))
    return len(cases) - len(failures), tuple(failures)


def _last_error(text: str) -> str:
    lines = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    return lines[-1] if lines else ""


def _got(detail: str) -> str:
    """Return the first lines that were printed and not expected."""
    got = [line.strip()[2:] for line in detail.splitlines() if line.strip().startswith("+ ")]
    return f": {' / '.join(got[:2])}" if got else ""


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it printed nothing"


def _installed_version(environment: Path, name: str) -> str:
    for path in environment.glob(f"lib/python*/site-packages/{name}-*.dist-info"):
        return path.name.removeprefix(f"{name}-").removesuffix(".dist-info")
    return ""


def _run(
    command: Sequence[str | Path], cwd: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    # In a session of its own, so that Ctrl-C reaches this script alone and no result is cut short.
    return subprocess.run(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=CELL_SECONDS,
        start_new_session=True,
        check=False,
    )


def _output(command: Sequence[str | Path], timeout: float | None = None) -> str:
    done = subprocess.run(
        command,
        env=_uv_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        timeout=timeout,
        check=True,
    )
    return done.stdout


def _uv(*arguments: str | Path) -> list[str | Path]:
    return [Path(sys.executable).parent / "uv", *arguments]


@functools.cache
def _uv_environment() -> dict[str, str]:
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    environment.pop("VIRTUAL_ENV", None)
    # pyenv's commands lead to the versions that are chosen here: all.
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    if root.is_dir():
        environment["PYENV_VERSION"] = ":".join(sorted(path.name for path in root.iterdir()))
    return environment


def _test_environment(folder: Path) -> dict[str, str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "COVERAGE_", "PYTHONPATH", "MAKE", "MFLAGS"))
    }
    return {
        **inherited,
        "TMPDIR": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis"),
    }


def read_pages() -> Manifest:
    """Have Sphinx read what the pages run."""
    doctrees = BUILD / "doctrees"
    command = [
        *(sys.executable, "-m", "sphinx", "--quiet", "--builder", "dummy", "--conf-dir", ROOT),
        *("--doctree-dir", doctrees, "--define", "evergreen_prove=0"),
        *(ROOT / "docs", BUILD / "dummy"),
    ]
    subprocess.run(command, cwd=ROOT, check=True)
    return Manifest.read(doctrees / MANIFEST_NAME)


def find_subjects(examples: Sequence[Path], pages: Manifest) -> list[Subject]:
    """Return all that runs."""
    digests = {example.name: digest_of_example(example) for example in examples}
    differences = read_differences(ROOT / DIFFERENCES)
    subjects = []
    for example in examples:
        subjects.append(
            Subject(
                f"examples/{example.name}",
                digests[example.name],
                needs_ops=needs_ops(example),
                needs_python=_project(example).get("requires-python", ""),
            )
        )
    for page, tests in pages.pages.items():
        own = [each for each in differences if each.page == page]
        subjects.append(Subject(page, digest_of_page(tests, digests, own), is_page=True))
    return subjects


def report(cells: Sequence[Cell], releases: Sequence[str]) -> str:
    """Return the table of all cells, and the failures below it."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for cell in cells:
        row = rows.setdefault((cell.subject, minor(cell.python)), {})
        row[cell.ops] = "FAIL" if cell.failures else "ok"
    width = max([len(f"{subject} 3.00") for subject, _ in rows], default=0)
    lines = [" ".join([" " * width, *(f"{minor(release):>5}" for release in releases)])]
    for (subject, python), row in sorted(rows.items()):
        marks = [f"{row.get(release, '-'):>5}" for release in releases]
        lines.append(" ".join([f"{f'{subject} {python}':{width}}", *marks]))
    return "\n".join([*lines, "", *failures_of(cells)])


def failures_of(cells: Iterable[Cell]) -> list[str]:
    """Return a line for each failure, as an item of Markdown."""
    return [
        f"- {cell.subject} with ops {cell.ops} on Python {cell.python}:"
        f" {each.test}: {each.message}"
        for cell in cells
        for each in cell.failures
    ]


def main() -> int:
    """Run the matrix.

    Returns:
        1 when a cell failed, and 0 when all passed.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--anew", action="store_true", help="run all, in new environments")
    anew = parser.parse_args().anew
    start = time.monotonic()
    if anew:
        shutil.rmtree(BUILD / "environments", ignore_errors=True)
    earlier = Results.read(ROOT / RESULTS)
    releases = find_releases(earlier.releases)
    examples = [path.parent for path in sorted(ROOT.glob("examples/*/pyproject.toml"))]
    pages = read_pages()
    subjects = find_subjects(examples, pages)
    planned = plan(
        subjects, releases, installed_pythons(), ".".join(map(str, sys.version_info[:3]))
    )
    digests = {subject.name: subject.digest for subject in subjects}
    still_hold = [
        cell
        for cell in earlier.cells
        if cell.ops in releases and cell.digest == digests.get(cell.subject) and not anew
    ]
    recorder = Recorder(ROOT / RESULTS, releases, still_hold)
    recorder.write()
    try:
        run_all(planned, recorder, Machine(examples, pages).run)
    except KeyboardInterrupt:
        return 130
    cells = recorder.results.cells
    print(report(cells, list(releases)))
    failures = failures_of(cells)
    write_whole(FAILURES, "".join(f"{line}\n" for line in failures))
    print(f"{len(cells)} cells, {len(failures)} failures, {time.monotonic() - start:.0f} s")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
