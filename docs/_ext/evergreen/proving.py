"""What a build has to prove, and proving it: from the first page that is read to the last."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from sphinx.config import Config

from evergreen.evidence import AT_IMPORT, Evidence, Proof
from evergreen.example import Example
from evergreen.files import digest_of_files, digest_of_texts
from evergreen.manifest import PageTests
from evergreen.page import Page
from evergreen.problem import Problem
from evergreen.proof import Result, Unit, digest_of_environment, judge, versions_of
from evergreen.runner import Runner


def rests_on(project: Path, config: Config) -> str:
    """Return a digest of what every proof of a project rests on.

    Raises:
        ValueError: when a library that the pages speak of is not installed.
    """
    extension = sorted(Path(__file__).parent.glob("*.py"))
    settings = [project / name for name in ("conftest.py", "pyproject.toml")]
    return digest_of_environment(config.evergreen_libraries, [*extension, *settings])


def digest_of_example(example: Example, rests_on: str) -> str:
    """Return a digest of all that an example's proof speaks of."""
    return digest_of_texts(rests_on, digest_of_files([example.folder]))


class Proving:
    """Proves a project's units.

    The tests of the examples, and of each page that has been read, run while the next page is
    read.
    """

    def __init__(
        self,
        project: Path,
        folder: Path,
        examples: Mapping[str, Example],
        config: Config,
        evidence: Evidence,
    ) -> None:
        """Begin with the examples.

        Args:
            project: the folder of `conf.py`.
            folder: the folder of the examples.
            examples: the examples, by name.
            config: Sphinx's configuration.
            evidence: what is proven already.

        Raises:
            ValueError: when a library that the pages speak of is not installed.
        """
        self.evidence = evidence
        self._project = project
        self._folder = folder
        self._examples = examples
        self._config = config
        self._relative = functools.partial(os.path.relpath, start=project)
        self._rests_on = rests_on(project, config)
        self._digests = {
            name: digest_of_example(example, self._rests_on) for name, example in examples.items()
        }
        # A reader of Sphinx's in another process has no use for these.
        self._process = os.getpid()
        self._runner = self._make_runner()
        self._given: set[Unit] = set()
        if config.evergreen_prove:
            self._runner.give([*filter(self._is_unproven, self._of_examples())], {})

    def take(self, page: Page) -> None:
        """Have what is executed on a page that has just been read proven, if it is not yet."""
        if self._config.evergreen_prove and os.getpid() == self._process and not page.problems:
            self._give_pages(self._of_pages([page]), {page.path: page.tests})

    def unproven(self, pages: Iterable[Page]) -> list[Unit]:
        """Return the units without evidence, and forget what other units have left.

        Args:
            pages: all pages there are.
        """
        units = [*self._of_examples(), *self._of_pages(pages), *self._of_proofs()]
        self.evidence.forget_all_but({unit.path: unit.digest for unit in units})
        return [unit for unit in units if unit.path not in self.evidence.proofs]

    def finish(
        self, unproven: Sequence[Unit], pages: Iterable[Page]
    ) -> Iterator[tuple[int, Sequence[Problem]]]:
        """Prove what is unproven, and add to the evidence what then is not.

        Yields:
            How many tests have passed, and what is wrong: once for examples and pages, and once
            for the project's own proofs. These may take long, and are of no use while anything
            else fails.

        Raises:
            RunEnded: when a test ends pytest itself.
        """
        to_run = {page.path: page.tests for page in pages}
        # What is still proven was so with the versions of now; to find these takes half a second.
        kept = self.evidence.versions if self.evidence.proofs else None
        versions = kept or versions_of(self._config.evergreen_libraries)
        first = [unit for unit in unproven if not unit.is_long]
        if first:
            self._give_pages([unit for unit in first if unit.is_page], to_run)
            yield self._add(*judge(first, self._runner.finish()), versions)
        last = [unit for unit in unproven if unit.is_long]
        if last:
            yield self._add(*judge(last, self._run_long(last)), versions)

    def stop(self) -> None:
        """End what is still run."""
        self._runner.stop()

    def _make_runner(self) -> Runner:
        config = self._config
        proofs = config.evergreen_proofs
        return Runner(self._project, self._folder, proofs, config.evergreen_time_limit)

    def _is_unproven(self, unit: Unit) -> bool:
        proof = self.evidence.proofs.get(unit.path)
        return proof is None or proof.digest != unit.digest

    def _give_pages(self, units: Iterable[Unit], pages: Mapping[str, PageTests]) -> None:
        for unit in units:
            if unit not in self._given and self._is_unproven(unit):
                self._given.add(unit)
                self._runner.give([unit], pages)

    def _run_long(self, units: Sequence[Unit]) -> list[Result]:
        """Run tests that may take long, with as many processes as there are cores."""
        count = min(os.cpu_count() or 1, len(units))
        with contextlib.ExitStack() as stack:
            runners = [stack.enter_context(self._make_runner()) for _ in range(count)]
            for number, runner in enumerate(runners):
                runner.give(units[number::count], {})
            return [result for runner in runners for result in runner.finish()]

    def _add(
        self,
        proofs: Mapping[str, Proof],
        problems: Sequence[Problem],
        versions: Mapping[str, str],
    ) -> tuple[int, Sequence[Problem]]:
        self.evidence.add(proofs, versions)
        passed = sum(len(proof.tests.keys() - {AT_IMPORT}) for proof in proofs.values())
        return passed, problems

    def _of_examples(self) -> list[Unit]:
        return [
            Unit(
                name=f"example {name}",
                path=self._relative(example.folder / "pyproject.toml"),
                tests=tuple(self._relative(path) for path in example.test_paths),
                digest=self._digests[name],
                subjects=(self._relative(example.folder),),
            )
            for name, example in self._examples.items()
        ]

    def _of_pages(self, pages: Iterable[Page]) -> list[Unit]:
        units: list[Unit] = []
        for page in sorted(pages, key=lambda page: page.path):
            if tests := page.tests:
                used = sorted(set(page.examples.values()))
                digest = digest_of_texts(repr(tests), *(self._digests[name] for name in used))
                codes = {code.path for group in tests.groups for code in group.codes}
                folders = (self._relative(self._examples[name].folder) for name in used)
                units.append(
                    Unit(
                        name=page.path,
                        path=page.path,
                        tests=(page.path,),
                        digest=digest,
                        is_page=True,
                        subjects=(*folders, *sorted(codes)),
                    )
                )
        return units

    def _of_proofs(self) -> list[Unit]:
        units: list[Unit] = []
        for test, subjects in self._config.evergreen_proofs.items():
            files = [path for each in subjects for path in sorted(self._project.glob(each))]
            content = digest_of_files([self._project / test, *files])
            units.append(
                Unit(
                    name=test,
                    path=test,
                    tests=(test,),
                    digest=digest_of_texts(self._rests_on, content),
                    is_long=True,
                    subjects=(test, *map(self._relative, files)),
                )
            )
        return units
