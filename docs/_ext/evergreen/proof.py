"""What has to be proven, and how the runs of its tests prove it."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
import json
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from evergreen.evidence import AT_IMPORT, Proof, Run
from evergreen.files import digest_of_files, digest_of_texts
from evergreen.problem import Problem


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
    """Whether its tests may take long, and so come last."""
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


def judge(
    units: Sequence[Unit], results: Sequence[Result]
) -> tuple[dict[str, Proof], list[Problem]]:
    """Say which units are proven: all their tests passed, and there was one at least.

    Returns:
        The proofs of the proven units, by the unit's path; and a problem for each unit that had no
        test and for all that failed or was skipped, one for those of a unit's tests that say the
        same. A page that uses an example of which a test failed is left out: it may fail for
        nothing else, and at more length.
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
            problems += [_as_problem(alike, unit) for alike in _alike(bad, unit)]
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


def _alike(bad: Iterable[Result], unit: Unit) -> Iterable[Sequence[Result]]:
    """Return the results that say the same together, as one mistake may fail many tests."""
    together: dict[tuple[object, ...], list[Result]] = {}
    for result in bad:
        place = (result.path, result.line) if unit.is_page else ()
        together.setdefault((result.outcome, result.message, place), []).append(result)
    return together.values()


def _as_problem(alike: Sequence[Result], unit: Unit) -> Problem:
    result, *others = alike
    if result.outcome == "skipped":
        what = f"{result.test} ({unit.name}) was skipped: {result.message}"
        remedy = "Make it run here: a skipped test proves nothing"
    elif unit.is_page:
        what, remedy = result.message, "Correct the block, or the text around it"
    else:
        what = f"{result.test} ({unit.name}) failed: {result.message}"
        remedy = "Correct the code or the test"
    same = ["The same in:", *(f"  {other.test}" for other in others)] if others else []
    detail = "\n".join([result.detail.rstrip(), *same]).lstrip("\n")
    return Problem(result.path, result.line, "proof-failed", what, remedy, detail)
