"""Fates: how each mutant ended, kept so that only what changed is tried again."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from evergreen.evidence import Proof
from evergreen.files import digest_of_texts, write_whole
from evergreen.group import Group
from evergreen.mutant import Mutant
from evergreen.page import Page

KILLED, TIMED_OUT, SURVIVED = "killed", "timed out", "survived"

Tell = Callable[[Mutant, str, str], None]
"""Takes a mutant, how it ended, and the node ID of the test that noticed it; none is empty."""


@dataclasses.dataclass(frozen=True)
class Fate:
    """How a mutant ended."""

    outcome: str
    """`killed`, `timed out` or `survived`."""
    by: str
    """The node ID of the test that noticed it; empty when none did, or time ran out."""
    digest: str
    """A digest of the mutant and of all that its fate rests on."""


class Fates:
    """The fates of mutants by their name, in a file that is written whole."""

    def __init__(self, path: Path, digests: Mapping[str, str]) -> None:
        """Read the file; one that is not there or cannot be read knows nothing.

        Args:
            path: the file.
            digests: what the outcome of each test rests on, by its node ID.
        """
        self._path = path
        self._digests = digests
        self._fates: dict[str, Fate] = {}
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            self._fates = {name: Fate(**fate) for name, fate in data.items()}
        except (OSError, ValueError, TypeError):
            pass

    def of(self, mutant: Mutant) -> Fate | None:
        """Return how a mutant ended, or None if it has to be tried."""
        fate = self._fates.get(mutant.name)
        if fate is None or fate.digest != self._digest(mutant, fate.by):
            return None
        return fate

    def add(self, mutant: Mutant, outcome: str, by: str) -> None:
        """Add how a mutant ended."""
        self._fates[mutant.name] = Fate(outcome, by, self._digest(mutant, by))

    def save(self, mutants: Iterable[Mutant]) -> None:
        """Write the file, with the fates of these mutants and of no others."""
        names = [mutant.name for mutant in mutants]
        kept = {name: self._fates[name] for name in names if name in self._fates}
        data = {name: dataclasses.asdict(fate) for name, fate in sorted(kept.items())}
        write_whole(self._path, json.dumps(data, indent=0))

    def _digest(self, mutant: Mutant, by: str) -> str:
        # A test that noticed it does so again, whatever becomes of the others.
        tests = [by] if by else mutant.tests
        return mutant.digest(self._digests.get(test, "") for test in tests)


def digests_of_tests(pages: Iterable[Page], proofs: Mapping[str, Proof]) -> dict[str, str]:
    """Return what the outcome of each test rests on, by its node ID.

    For a group of executed blocks that is its text and its example, and not its place on the page.
    """
    digests = {test: proof.digest for proof in proofs.values() for test in proof.tests}
    of_examples = {
        unit.split("/")[-2]: proof.digest
        for unit, proof in proofs.items()
        if unit.endswith("/pyproject.toml")
    }
    for page in pages:
        for group in page.groups:
            texts = texts_of(group)
            example = of_examples.get(group.example, "")
            digests[f"{group.page}::{group.name}"] = digest_of_texts(example, *texts)
    return digests


def texts_of(group: Group) -> Sequence[str]:
    """Return all that is run of a group, and what it has to print."""
    steps = [(step.code.text, step.output, step.flags) for step in group.steps]
    around = [[code.text for code in codes] for codes in (group.setup, group.cleanup)]
    return [repr(around), repr(steps)]
