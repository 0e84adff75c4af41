"""What has to be proven, what has been proven already, and the run that proves the rest."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from evergreen.files import digest_of_files, digest_of_texts, write_whole
from evergreen.problem import Problem

PARALLEL_FROM = 24
"""The number of units from which two workers are faster than one: xdist takes 0.4 s to start."""


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


class Ledger:
    """The digests of what has been proven, in a file that is written whole or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._digests: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self._digests = {}

    def unproven(self, units: Iterable[Unit]) -> list[Unit]:
        """Return the units whose proof is missing or older than what it speaks of."""
        return [unit for unit in units if self._digests.get(unit.path) != unit.digest]

    def record(self, proven: Iterable[Unit], units: Iterable[Unit]) -> None:
        """Note what was proven, and forget what is no longer there."""
        self._digests.update((unit.path, unit.digest) for unit in proven)
        present = {unit.path for unit in units}
        self._digests = {
            path: self._digests[path] for path in sorted(present & set(self._digests))
        }
        write_whole(self._path, json.dumps(self._digests, indent=1))


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


def run_tests(
    project: Path, examples: Path, manifest: Path, is_parallel: bool
) -> list[Result] | None:
    """Run the manifest's tests with pytest, in a process of its own.

    Returns:
        How each test ended; None when pytest itself did not get to its end.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [
            *(sys.executable, "-m", "pytest", "-q", "--no-header", "--no-summary"),
            *("-p", "evergreen.pytest_plugin", "-p", "no:cacheprovider"),
            *("--rootdir", str(project), "--import-mode", "importlib", "--tb", "short"),
            *("--continue-on-collection-errors", "--maxfail", "0"),
            *(("-p", "xdist.plugin", "-n", "2", "--dist", "loadfile") if is_parallel else ()),
            *("-o", f"evergreen_examples={examples}"),
            *("--evergreen-manifest", str(manifest), "--evergreen-report", str(report)),
        ]
        extension_folder = str(Path(__file__).parents[1])
        search_path = [extension_folder, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(search_path),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            # Whoever calls Sphinx may have set it to choose some tests, or to stop early.
            "PYTEST_ADDOPTS": "",
        }
        subprocess.run(command, cwd=project, env=environment, check=False)
        if not report.exists():
            return None
        return [Result(**result) for result in json.loads(report.read_text(encoding="utf-8"))]


def judge(units: Sequence[Unit], results: Sequence[Result]) -> tuple[list[Unit], list[Problem]]:
    """Say which units are proven: all their tests passed, and there was one at least.

    Returns:
        The proven units, and a problem for each test that failed or was skipped and for each unit
        that had no test.
    """
    proven: list[Unit] = []
    problems: list[Problem] = []
    for unit in units:
        own = [result for result in results if _belongs(result, unit)]
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
            proven.append(unit)
        for result in bad:
            problems.append(_as_problem(result, unit))
    return proven, problems


def _belongs(result: Result, unit: Unit) -> bool:
    file = result.test.partition("::")[0]
    return any(file == test or file.startswith(f"{test}/") for test in unit.tests)


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
