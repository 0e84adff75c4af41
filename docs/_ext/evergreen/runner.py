"""Processes of pytest that run what is to be proven, and begin while Sphinx still reads pages.

All take their work from one pipe, whichever is free. What it is stands in files, as the pipe's
records have to be of one size to be read whole.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

from evergreen.evidence import AT_IMPORT, read_lines, write_configuration
from evergreen.example import environment_for_extension
from evergreen.manifest import Manifest, PageTests
from evergreen.proof import Result, Unit

PAGES_PER_PROCESS = 4
"""How many pages make one more process pay: each takes a second to start."""
RUNNING_NAME = "running.txt"
"""The file, beside pytest's report, that names what it runs."""
_REPORT_NAME = "report.json"
_LINES_NAME = "coverage"
_OUTPUT_NAME = "output.txt"
_SECONDS_TO_GIVE_WAY = 30.0
_SECONDS_TO_END = 5.0
_SECONDS_BETWEEN_SIGNS = 0.02
_RECORD_SIZE = 4
_NO_MORE = b"\xff" * _RECORD_SIZE
# The pipe is not for the tests to read from, and a thread that a test has left would keep a
# process that ends as usual.
_PYTEST = """\
import os, pytest, sys
work = os.dup(0)
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
status = pytest.main([*sys.argv[1:], f"--evergreen-work={work}"])
sys.stdout.flush()
os._exit(status)
"""
_MEMORY = Path("/dev/shm")
_MEMORY_NEEDED = 256 * 2**20


class RunEnded(Exception):
    """pytest did not get to its end; the text is the node ID of what it was at."""


class Runner:
    """Runs tests with pytest, in processes of its own, as they are given."""

    def __init__(
        self, project: Path, examples: Path, proofs: Collection[str], seconds: float
    ) -> None:
        """Start nothing yet.

        Args:
            project: the folder of `conf.py`.
            examples: the folder of the examples.
            proofs: the files of tests besides the examples' own, relative to `project`.
            seconds: how long each test may take.
        """
        self._project = project
        self._examples = examples
        self._proofs = proofs
        self._seconds = seconds
        self._folder = tempfile.TemporaryDirectory(dir=_place(), ignore_cleanup_errors=True)
        self._reading, self._writing = os.pipe()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._given = 0
        self.stop = weakref.finalize(
            self, _stop, self._processes, (self._reading, self._writing), self._folder
        )
        """End what runs, and forget it; at the end of this process at the latest."""

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_exception: object) -> None:
        """Stop."""
        self.stop()

    def give(self, units: Sequence[Unit], pages: Mapping[str, PageTests]) -> None:
        """Have the tests of some units run by one process, as soon as one is free.

        Args:
            units: a page; or, once and before all pages, other units. pytest has the fixtures of a
                `conftest.py` only where it collects the tests beside it all at once.
            pages: what is run on each page, by its source file.
        """
        tests = sorted(test for unit in units for test in unit.tests)
        tests = [test for test in tests if (self._project / test).exists()]
        if not tests:
            return
        own = {page: pages[page] for page in tests if page in pages}
        Manifest(own, tuple(tests)).write(_work_file(Path(self._folder.name), self._given))
        os.write(self._writing, self._given.to_bytes(_RECORD_SIZE, "big"))
        self._given += 1
        wanted = max(1, self._given // PAGES_PER_PROCESS)
        if len(self._processes) < min(os.cpu_count() or 1, wanted):
            self._start()

    def finish(self) -> list[Result]:
        """Wait for the tests, and show how they get on.

        Returns:
            How each test ended.

        Raises:
            RunEnded: when a test ends pytest itself.
        """
        os.write(self._writing, _NO_MORE * len(self._processes))
        if self._processes:
            # Of the first process, which gets on about as the others do.
            self._show_progress(self._processes[0], self._folder_of(0) / _OUTPUT_NAME)
        results: list[Result] = []
        for number, process in enumerate(self._processes):
            process.wait()
            results += self._results_of(self._folder_of(number))
        return results

    def _folder_of(self, number: int) -> Path:
        # Short, as the path of a socket that a test makes there has to be.
        return Path(self._folder.name, str(number))

    def _start(self) -> None:
        folder = self._folder_of(len(self._processes))
        folder.mkdir()
        # coverage.py removes, when it starts, whatever begins with the name of its data file.
        settings = folder / "settings.ini"
        followed = [self._examples / "*", *(self._project / proof for proof in self._proofs)]
        write_configuration(settings, folder / _LINES_NAME, map(str, followed))
        command = [
            *(sys.executable, "-c", _PYTEST, "-qq", "--no-header", "--no-summary"),
            *("-p", "evergreen.pytest_plugin", "-p", "no:cacheprovider"),
            *("--rootdir", str(self._project), "--import-mode", "importlib", "--tb", "short"),
            *("--continue-on-collection-errors", "--maxfail", "0"),
            *("-p", "pytest_cov.plugin", "--cov", "--cov-context", "test"),
            # A value on its own would be taken for one of the tests by whatever looks for the
            # project's settings of pytest, and they would not be found.
            *("--cov-report=", f"--cov-config={settings}"),
            # How many tests there will be is not known.
            *("-o", "console_output_style=classic"),
            *("-o", f"evergreen_examples={self._examples}"),
            *("-o", f"evergreen_time_limit={self._seconds}"),
            # What does not give way when its time is over ends pytest.
            *("-o", f"faulthandler_timeout={self._seconds + _SECONDS_TO_GIVE_WAY}"),
            *("-o", "faulthandler_exit_on_timeout=true"),
            f"--evergreen-report={folder / _REPORT_NAME}",
        ]
        inherited = environment_for_extension()
        # Another pytest may run Sphinx, and its test is none of these.
        inherited.pop("PYTEST_CURRENT_TEST", None)
        environment = {
            **inherited,
            "TMPDIR": str(folder),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            # Whoever calls Sphinx may have set it to choose some tests, or to stop early.
            "PYTEST_ADDOPTS": "",
        }
        with (folder / _OUTPUT_NAME).open("wb") as output:
            self._processes.append(
                subprocess.Popen(
                    command,
                    cwd=self._project,
                    env=environment,
                    stdin=self._reading,
                    stdout=output,
                    stderr=output,
                )
            )

    @staticmethod
    def _show_progress(process: subprocess.Popen[bytes], output: Path) -> None:
        with output.open(encoding="utf-8", errors="replace") as file:
            is_over = False
            while not is_over:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_SECONDS_BETWEEN_SIGNS)
                is_over = process.returncode is not None
                print(file.read(), end="", flush=True)

    def _results_of(self, folder: Path) -> list[Result]:
        report, running = folder / _REPORT_NAME, folder / RUNNING_NAME
        if not report.exists():
            sys.stderr.write((folder / _OUTPUT_NAME).read_text("utf-8", errors="replace"))
            at = running.read_text(encoding="utf-8") if running.exists() else ""
            raise RunEnded(at or "its start")
        results = [Result(**result) for result in json.loads(report.read_text(encoding="utf-8"))]
        ran = read_lines(folder / _LINES_NAME, self._project)
        return [
            Result(AT_IMPORT, "passed", "", None, "", "", lines=ran.get(AT_IMPORT, {})),
            *(
                # A group of blocks notes the lines of its own process, coverage.py the others'.
                dataclasses.replace(result, lines=_union(result.lines, ran.get(result.test, {})))
                for result in results
            ),
        ]


def work_from(descriptor: int, folder: Path) -> Iterator[Manifest]:
    """Yield what there is to run, as a runner gives it, until there is no more.

    Args:
        descriptor: the pipe to read from.
        folder: the runner's folder.

    Raises:
        EOFError: when the runner is gone.
    """
    while (record := os.read(descriptor, _RECORD_SIZE)) != _NO_MORE:
        if not record:
            raise EOFError("what gave the work has ended")
        yield Manifest.read(_work_file(folder, int.from_bytes(record, "big")))


def _work_file(folder: Path, number: int) -> Path:
    return folder / f"work-{number}.json"


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a folder for all that tests write, in memory where there is room."""
    with tempfile.TemporaryDirectory(dir=_place()) as folder:
        yield Path(folder)


def _place() -> Path | None:
    """Return where to have temporary folders: in memory where there is room.

    A test of a charm writes some files for each event, which is a fifth of its time on a disk.
    Whoever sets TMPDIR has chosen another place.
    """
    is_free = "TMPDIR" not in os.environ and _MEMORY.is_dir()
    has_room = is_free and shutil.disk_usage(_MEMORY).free > _MEMORY_NEEDED
    return _MEMORY if has_room else None


def _stop(
    processes: Sequence[subprocess.Popen[bytes]],
    pipe: Iterable[int],
    folder: tempfile.TemporaryDirectory[str],
) -> None:
    for process in processes:
        # Each ends the fork in which a block runs, and then itself.
        process.send_signal(signal.SIGINT)
    for process in processes:
        try:
            process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for end in pipe:
        os.close(end)
    folder.cleanup()


def _union(
    lines: Mapping[str, Iterable[int]], more: Mapping[str, Iterable[int]]
) -> dict[str, list[int]]:
    return {
        file: sorted({*lines.get(file, ()), *more.get(file, ())})
        for file in sorted({*lines, *more})
    }
