"""Evidence: which tests ran which lines, as pytest and coverage.py recorded it."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from evergreen.files import write_whole

AT_IMPORT = ""
"""Stands for no test: what ran while pytest was collecting."""

_PHASES = ("|setup", "|run", "|teardown")
_CONFIGURATION = """\
[run]
core = ctrace
data_file = {data_file}
include =
    {include}
context = ${{PYTEST_CURRENT_TEST-}}
parallel = true
disable_warnings = no-data-collected
"""


@dataclasses.dataclass(frozen=True)
class Run:
    """How one test ended, and what it ran and read.

    Paths are relative to the folder that holds `conf.py`.
    """

    outcome: str
    """`passed`, as a test that ended otherwise proves nothing."""
    lines: Mapping[str, Collection[int]]
    """The lines that ran, by file."""
    read: Collection[str]
    """The files that were opened to be read, Python's own left out."""


@dataclasses.dataclass(frozen=True)
class Proof:
    """How a unit was proven."""

    digest: str
    """A digest of all that the proof speaks of."""
    tests: Mapping[str, Run]
    """The tests, all of which passed, by pytest's node ID; `AT_IMPORT` for no test."""


class Evidence:
    """How everything was proven, in a file that is written whole or not at all."""

    def __init__(self, path: Path) -> None:
        """Read the file; one that is not there or cannot be read is evidence of nothing."""
        self._path = path
        self.versions: dict[str, str] = {}
        self.proofs: dict[str, Proof] = {}
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            proofs = {
                unit: Proof(
                    proof["digest"],
                    {test: Run(**run) for test, run in proof["tests"].items()},
                )
                for unit, proof in data["proofs"].items()
            }
            self.versions, self.proofs = dict(data["versions"]), proofs
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            # A file of another shape, too: one that an earlier version of this has written.
            pass

    def forget_all_but(self, digests: Mapping[str, str]) -> None:
        """Forget proofs of units that are gone, or of which the digest is another by now.

        Args:
            digests: the digest of each unit there is, by its path.
        """
        self.proofs = {
            unit: proof for unit, proof in self.proofs.items() if digests.get(unit) == proof.digest
        }

    def add(self, proofs: Mapping[str, Proof], versions: Mapping[str, str]) -> None:
        """Add proofs by the path of their unit, and save all there are.

        Args:
            proofs: the proofs.
            versions: the versions of Python and of the libraries, by name, with which all there
                are were made: with others, the digests are others.
        """
        self.proofs |= proofs
        self.versions = dict(versions)
        saved = {unit: dataclasses.asdict(self.proofs[unit]) for unit in sorted(self.proofs)}
        data = {"versions": self.versions, "proofs": saved}
        write_whole(self._path, json.dumps(data, separators=(",", ":")))


def write_configuration(path: Path, data_file: Path, include: Iterable[str]) -> None:
    """Write the settings with which coverage.py records evidence.

    Args:
        path: the file to write.
        data_file: where coverage.py keeps its data.
        include: patterns of the files to follow, absolute.
    """
    # Contexts need the tracer that is written in C; a process that a test starts cannot know
    # which test that is, except from the variable that pytest sets. It has to read this file, as
    # coverage.py's own patch for such processes hands on what the variable was at first.
    text = _CONFIGURATION.format(data_file=data_file, include="\n    ".join(include))
    path.write_text(text, encoding="utf-8")


def read_lines(data_file: Path, project: Path) -> dict[str, dict[str, list[int]]]:
    """Return the lines that coverage.py recorded: by test, by file relative to the project."""
    # Imported here, as most builds have nothing to run.
    from coverage import CoverageData

    data = CoverageData(str(data_file))
    data.read()
    lines: dict[str, dict[str, list[int]]] = {}
    for file in data.measured_files():
        name = Path(os.path.relpath(file, project)).as_posix()
        for line, contexts in sorted(data.contexts_by_lineno(file).items()):
            for test in {_test_of(context) for context in contexts}:
                lines.setdefault(test, {}).setdefault(name, []).append(line)
    return lines


def _test_of(context: str) -> str:
    """Return the node ID in a context: `test|run` of pytest-cov, `test (call)` of pytest."""
    separator = "|" if context.endswith(_PHASES) else " ("
    return context.rpartition(separator)[0]
