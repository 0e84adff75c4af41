"""The command `python -m evergreen.mutants`: do the tests notice when published code is wrong?

It is run in the folder of `conf.py`, after a build, with the extension's folder on `PYTHONPATH`.
What the build recorded says which tests run a line. mutmut and cosmic-ray know of neither these
records nor executed blocks, and start a pytest for each mutant or for a few: they get through 2 to
19 a second, where a fork of one pytest takes some milliseconds besides the tests.

Its rules:

- A mutant of a file has to be noticed, or to be listed as equivalent in the example's
  `mutants.toml`, with the reason.
- Each word and number of a `testoutput` has to be noticed.
- Each literal of a `testcode` has to be noticed, or to be listed there as free, with the reason:
  the name of a charm, say, that is there to be an example of something else.
- An entry that no surviving mutant answers to is an error.
- What nothing runs here, as another machine does, is not changed.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pickle
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evergreen.attribution import Attribution
from evergreen.equivalents import EQUIVALENTS_NAME, Equivalent, Free, read_listed
from evergreen.evidence import Evidence
from evergreen.example import find_examples
from evergreen.fates import KILLED, SURVIVED, TIMED_OUT, Fate, Fates, digests_of_tests
from evergreen.mutant import Mutant, find_mutants
from evergreen.page import Page
from evergreen.proving import digest_of_example, rests_on
from evergreen.tally import Tally, digest_of_published
from evergreen.trial import NoTrial, try_mutants

_EVIDENCE_NAME = "evergreen-evidence.json"
_ENVIRONMENT_NAME = "environment.pickle"
_SECONDS_BETWEEN_SIGNS = 5.0


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What comes of the fates."""

    counts: Mapping[str, int]
    """The number of mutants by what became of them: how they ended, `equivalent` or `free`."""
    problems: Sequence[str]
    """What is wrong, in messages that begin with a place."""


def judge(
    fates: Sequence[tuple[Mutant, Fate]],
    equivalents: Sequence[Equivalent],
    free: Sequence[Free],
) -> Verdict:
    """Say which mutants ought to have been noticed."""
    counts: Counter[str] = Counter()
    problems: list[str] = []
    left = list(equivalents)
    unused = dict.fromkeys(free)
    for mutant, fate in fates:
        listed = next((each for each in left if each.is_about(mutant)), None)
        reasons = [each for each in free if each.is_about(mutant)]
        if fate.outcome != SURVIVED:
            counts[fate.outcome] += 1
        elif listed is not None:
            counts["equivalent"] += 1
            left.remove(listed)
        elif reasons:
            counts["free"] += 1
            for each in reasons:
                unused.pop(each, None)
        else:
            counts[SURVIVED] += 1
            problems.append(_survival(mutant))
    ended = dict(fates)
    problems += [_stale(each, ended) for each in left]
    problems += [
        f"{each.path}:1: listed as free, and no block has such a change that nothing notices:"
        f" {each.change}. Remove the entry."
        for each in unused
    ]
    return Verdict(counts, problems)


def _survival(mutant: Mutant) -> str:
    tests = textwrap.indent("\n".join(mutant.tests) or "no test at all", "    ")
    return (
        f"{mutant.place}: {mutant.file}:{mutant.line} may be changed ({mutant.mutation.operator})"
        f" and no test notices. Have a test look, or list it in {EQUIVALENTS_NAME} of the example"
        f" with the reason.\n{textwrap.indent(mutant.diff, '    ')}\n  These ran it:\n{tests}"
    )


def _stale(equivalent: Equivalent, ended: Mapping[Mutant, Fate]) -> str:
    fates = (fate for mutant, fate in ended.items() if equivalent.is_about(mutant))
    fate = next(fates, None)
    what = "there is no such mutant" if fate is None else f"the mutant is {fate.outcome}"
    if fate is not None and fate.by:
        what += f" by {fate.by}"
    return (
        f"{equivalent.path}:1: listed as equivalent, and {what}: {equivalent.file}:"
        f" {equivalent.symbol}: {equivalent.before} -> {equivalent.after}. Remove the entry."
    )


class _Progress:
    """Says now and then how far it is, to whoever waits for long."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._next = time.monotonic() + _SECONDS_BETWEEN_SIGNS

    def step(self) -> None:
        self._done += 1
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _SECONDS_BETWEEN_SIGNS
            print(f"{self._done} of {self._total} mutants tried", file=sys.__stderr__, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the mutants that are not known yet, and print what no test notices.

    Returns:
        The exit status: 0 when all is noticed, 1 when something is not, 2 when it cannot be told.
    """
    parser = argparse.ArgumentParser(
        prog="python -m evergreen.mutants",
        description="Try the mutants that are not known yet, and print what no test notices.",
    )
    parser.add_argument(
        "--doctrees",
        type=Path,
        default=Path("_build/doctrees"),
        help="the folder that the build was given with -d (%(default)s)",
    )
    parser.add_argument(
        "--fates",
        type=Path,
        default=Path("_build/mutants.json"),
        help="the file that keeps how each mutant ended (%(default)s)",
    )
    options = parser.parse_args(arguments)
    try:
        return _run(options.doctrees, options.fates)
    except (NoTrial, OSError, ValueError) as error:
        print(f"evergreen.mutants: {error}", file=sys.stderr)
        return 2


def _run(doctrees: Path, path: Path) -> int:
    project = Path.cwd()
    env = _read_environment(doctrees)
    pages: list[Page] = list(env.evergreen_pages.values())
    evidence = Evidence(doctrees / _EVIDENCE_NAME)
    if not evidence.proofs:
        raise NoTrial(f"there is no evidence in {doctrees}: build the site first")
    examples = find_examples((project / env.config.evergreen_examples).resolve())
    now = rests_on(project, env.config)
    for name, example in examples.items():
        proof = evidence.proofs.get(os.path.relpath(example.folder / "pyproject.toml", project))
        if proof is None or proof.digest != digest_of_example(example, now):
            raise NoTrial(f"the example {name!r} is another since the build: build the site again")
    attribution = Attribution(evidence.proofs, project, env.config.evergreen_stand_ins)
    equivalents, free = read_listed(examples.values(), project)
    mutants = find_mutants(pages, evidence.proofs, attribution, project)
    fates = Fates(path, digests_of_tests(pages, evidence.proofs))
    to_try = [mutant for mutant in mutants if fates.of(mutant) is None]
    progress = _Progress(len(to_try))

    def tell(mutant: Mutant, outcome: str, by: str) -> None:
        fates.add(mutant, outcome, by)
        progress.step()

    before = time.monotonic()
    if to_try:
        to_run = {page.path: page.tests for page in pages if page.tests}
        try:
            libraries = env.config.evergreen_libraries
            try_mutants(to_try, project, examples, to_run, libraries, tell)
        finally:
            fates.save(mutants)
    seconds = time.monotonic() - before
    ended = [(mutant, fate) for mutant in mutants if (fate := fates.of(mutant))]
    verdict = judge(ended, equivalents, free)
    for problem in verdict.problems:
        print(problem)
    if env.config.evergreen_mutants:
        digest = digest_of_published(pages, project, env.config, evidence.versions)
        _tally(verdict, digest).write(project / env.config.evergreen_mutants)
    names = ("killed", "timed out", "equivalent", "free", "survived")
    counts = ", ".join(f"{verdict.counts.get(name, 0)} {name}" for name in names)
    speed = f"{len(to_try) / seconds:.1f} a second" if to_try else "all known already"
    print(f"{len(mutants)} mutants: {counts}; {speed}")
    return 1 if verdict.problems else 0


def _tally(verdict: Verdict, digest: str) -> Tally:
    counts = verdict.counts
    return Tally(
        digest,
        sum(counts.values()),
        counts.get(KILLED, 0) + counts.get(TIMED_OUT, 0),
        counts.get("equivalent", 0),
        counts.get("free", 0),
        counts.get(SURVIVED, 0),
    )


def _read_environment(doctrees: Path) -> Any:
    path = doctrees / _ENVIRONMENT_NAME
    try:
        # The project's own build has written it.
        return pickle.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise NoTrial(
            f"there is no {path}: build the site first, or give its -d as --doctrees"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
