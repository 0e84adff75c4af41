"""A page's executed blocks and terminal sessions, as pytest collects and runs them."""

from __future__ import annotations

import dataclasses
import doctest
import functools
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from pytest_sphinx import SphinxDocTestRunner

from evergreen.block import Terminal
from evergreen.example import Example
from evergreen.group import FLAGS, Group, Step, expected_message
from evergreen.isolation import Tell, enter, isolate
from evergreen.library import import_libraries, libraries_besides
from evergreen.manifest import PageTests
from evergreen.recording import Recording

TIME_LIMIT = pytest.StashKey[float]()
"""How many seconds each test may take."""
OPENED = pytest.StashKey[set[str]]()
"""The files that the test that runs has opened to be read."""
LIBRARIES = pytest.StashKey[list[str]]()
"""The modules of libraries that the last group had to import, and the next one need not."""
BROKEN = pytest.StashKey[set[str]]()
"""The names of the examples of which a test did not pass in this build."""
_FAILURE = "evergreen_failure"
_LINES_SHOWN = 40


class Page(pytest.File):
    """A page with something to run."""

    def __init__(self, tests: PageTests, examples: Mapping[str, Example], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._tests = tests
        self._examples = examples
        self.uses = {group.example for group in tests.groups}
        if tests.sessions:
            self.uses.add(tests.session_example)

    def collect(self) -> Iterator[pytest.Item]:
        """Yield an item for each group, and one for each terminal session that shows output."""
        for group in self._tests.groups:
            yield GroupItem.from_parent(
                self, name=group.name, group=group, example=self._examples[group.example]
            )
        for session in self._tests.sessions:
            yield SessionItem.from_parent(
                self,
                name=f"terminal session at line {session.line}",
                terminal=session,
                example=self._examples[self._tests.session_example],
            )


class _PageItem(pytest.Item):
    """What is run of a page, and fails at a line of it."""

    def setup(self) -> None:
        """Leave it out when an example of its page is broken: it may fail for nothing else."""
        page = self.getparent(Page)
        assert page is not None
        if page.uses & self.config.stash[BROKEN]:
            pytest.skip("the tests of its examples come first")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """Return the page's line, what went wrong, and the difference or the traceback."""
        if not isinstance(excinfo.value, PageFailure):
            return str(super().repr_failure(excinfo, style))
        failure = excinfo.value.failure
        self.user_properties.append((_FAILURE, list(dataclasses.astuple(failure))))
        return str(failure)


class GroupItem(_PageItem):
    """One group of executed blocks, run in one namespace."""

    def __init__(self, group: Group, example: Example, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.group = group
        self.example = example
        self.lines: dict[str, list[int]] = {}
        self.add_marker(pytest.mark.filterwarnings("error::DeprecationWarning"))
        # The fork notes its own lines.
        self.add_marker(pytest.mark.no_cover)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return the page, the line (from 0) of the group's first block, and a title."""
        return self.path, self.group.codes[0].line - 1, f"group {self.name}"

    def runtest(self) -> None:
        """Run the blocks as `sphinx.ext.doctest` does: set-up, steps, clean-up.

        They run in a fork of this process and in an empty folder, so that no other group meets
        what they change.

        Raises:
            PageFailure: when an output differs, a block raises what it should not, or the blocks
                do not get to their end.
        """
        seconds = self.config.stash[TIME_LIMIT]
        import_libraries(self.config.stash[LIBRARIES])
        recording = _recording_in(self.example.import_paths)
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            action = functools.partial(self._run_and_tell, recording, Path(folder))
            ending = isolate(action, seconds)
        last = ending.told[-1] if ending.told else [self.group.page, 1]
        if isinstance(last, dict):
            self.config.stash[OPENED].update(last["opened"])
            self.config.stash[LIBRARIES] = last["libraries"]
            self.lines = last["lines"]
            recording.prepare(file for file in self.lines if file.endswith(".py"))
            failure = last["failure"] and Failure(*last["failure"])
        else:
            path, line = last
            what = late(seconds) if ending.is_late else "ends the process that runs it"
            failure = Failure(path, line, f"the block {what}", "")
        if failure:
            raise PageFailure(failure)

    def run_here(
        self,
        folder: Path,
        tell: Tell = lambda _: None,
        follow: Callable[[CodeType], CodeType] = lambda code: code,
    ) -> None:
        """Run the blocks in this process.

        Args:
            folder: an empty folder to run them in.
            tell: is told the place of each block before it runs.
            follow: is given the code of each block, and returns what to run.

        Raises:
            doctest.DocTestFailure: when an output differs.
            doctest.UnexpectedException: when a block raises what it should not.
        """
        enter(folder)
        namespace: dict[str, Any] = {}

        def run(step: Step) -> None:
            tell([step.code.path, step.code.line])
            run_step(step, namespace, self.config.rootpath, follow)

        try:
            for code in self.group.setup:
                run(Step(code))
            for step in self.group.steps:
                run(step)
        finally:
            for code in self.group.cleanup:
                run(Step(code))

    def _run_and_tell(self, recording: Recording, folder: Path, tell: Tell) -> None:
        failure = None
        before = set(sys.modules)
        with recording:
            try:
                self.run_here(folder, tell, recording.follow)
            except BaseException as error:
                failure = dataclasses.astuple(self._failure_of(error))
        # SlipCover names files from the current folder, which a block may have left or removed.
        os.chdir(Path(__file__).parent)
        tell(
            {
                "failure": failure,
                "opened": sorted(self.config.stash[OPENED]),
                "libraries": libraries_besides(before),
                "lines": recording.lines(),
            }
        )

    def _failure_of(self, error: BaseException) -> Failure:
        """Return the page's line, what went wrong, and the difference or the traceback."""
        if isinstance(error, doctest.DocTestFailure):
            example = error.example
            path, line = error.test.name, error.test.lineno or 1
            message = "the output differs from what the page shows"
            if not example.want:
                message = "the block prints something, and no testoutput shows it"
            # The frames below the exception are the runner's, and the page shows none.
            got = _STACK.sub(r"\1    ...\n", error.got)
            detail = _beginning_of(
                doctest.OutputChecker().output_difference(
                    example, got, FLAGS | doctest.REPORT_NDIFF
                )
            )
            if _without_ends(got) == _without_ends(example.want):
                detail += "Only spaces at the ends of lines differ.\n"
        else:
            raised = error.exc_info[1] if isinstance(error, doctest.UnexpectedException) else error
            root = self.config.rootpath
            pages = {str(root / code.path): code.path for code in self.group.codes}
            frames = _frames_of_pages(raised, pages)
            path, line = frames[-1] if frames else (self.group.page, 1)
            message = traceback.format_exception_only(raised)[-1].strip()
            detail = _page_traceback(raised, pages)
        return Failure(path, line, message, detail)


# Kept for as long as the next groups use the same example: of two, SlipCover may serve the last.
_recording_in = functools.lru_cache(maxsize=1)(Recording)


class SessionItem(_PageItem):
    """One terminal session, run in a copy of its example."""

    def __init__(self, terminal: Terminal, example: Example, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.terminal = terminal
        self.example = example

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return the page, the line (from 0) of the session, and a title."""
        return self.path, self.terminal.line - 1, self.name

    def runtest(self) -> None:
        """Run the commands one after the other in one shell, and compare what they print.

        Raises:
            PageFailure: when a command fails, or prints other than the page shows.
        """
        seconds = self.config.stash[TIME_LIMIT]
        printed = _run_session(self.terminal, self.example, seconds)
        checker = doctest.OutputChecker()
        for command, (output, status) in zip(self.terminal.commands, printed, strict=True):
            if status != 0:
                message = f"{command.text!r} ends with status {status}"
                detail = _end_of(output)
            elif not checker.check_output(command.output, output, FLAGS):
                message = f"{command.text!r} prints other than the page shows"
                detail = checker.output_difference(
                    doctest.Example(command.text, command.output),
                    output,
                    FLAGS | doctest.REPORT_NDIFF,
                )
            else:
                continue
            raise PageFailure(Failure(self.terminal.page, command.line, message, detail))


@dataclasses.dataclass(frozen=True)
class Failure:
    """Where a test failed, and how."""

    path: str
    """The file, relative to pytest's root; empty when it is not known."""
    line: int
    """The line of the file, counted from 1; 0 when it is not known."""
    message: str
    """What went wrong, in a line."""
    detail: str
    """The difference or the traceback."""

    def __str__(self) -> str:
        """Return what pytest shows for the failure."""
        return f"{self.path}:{self.line}: {self.message}\n{self.detail}"


class PageFailure(Exception):
    """Says where something that a page shows failed, and how."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def failure_of(report: pytest.CollectReport | pytest.TestReport) -> Failure:
    """Return where and how a test failed, from its report.

    The place is known for pages only: any other test is its own place.
    """
    properties = dict(getattr(report, "user_properties", ()))
    if _FAILURE in properties:
        return Failure(*properties[_FAILURE])
    detail = report.longrepr
    if report.outcome == "passed" or detail is None:
        message = ""
    elif isinstance(detail, tuple):
        message = detail[2]
    elif crash := _first_cause(detail):
        message = crash.message.partition("\n")[0]
    else:
        lines = str(detail).strip().splitlines()
        message = lines[-1].removeprefix("E").strip() if lines else ""
    return Failure("", 0, message, "" if report.outcome == "passed" else report.longreprtext)


def _first_cause(detail: Any) -> Any:
    """Return where and how what was raised first was: what a library makes of it says less."""
    last = (None, getattr(detail, "reprcrash", None), None)
    *before, (_, crash, _) = getattr(detail, "chain", [last])
    for _, cause, relation in reversed(before):
        if cause is None or "direct cause" not in relation:
            break
        crash = cause
    return crash


# The text and the file of the block that runs. The doctest runner would give the code a file name
# of its own, and nothing could then tell on which lines of which page it stands.
_running: tuple[str, str]
_follow: Callable[[CodeType], CodeType]
_HERE = f"__import__({__name__!r}, fromlist=['_running'])"
_RUN = f"exec({_HERE}._follow(compile(*{_HERE}._running, 'exec')))"


def run_step(
    step: Step,
    namespace: dict[str, Any],
    root: Path,
    follow: Callable[[CodeType], CodeType] = lambda code: code,
) -> None:
    """Run a block's code, and compare what it prints or raises.

    Args:
        step: the block.
        namespace: the names of its group.
        root: pytest's root folder, from which the block's file is named.
        follow: is given the block's code, and returns what to run.

    Raises:
        doctest.DocTestFailure: when the output differs.
        doctest.UnexpectedException: when it raises what it should not.
    """
    global _running, _follow
    code = step.code
    # Empty lines before the code give it the page's own line numbers.
    _running = "\n" * (code.line - 1) + code.text, str(root / code.path)
    _follow = follow
    message = expected_message(step.output)
    example = doctest.Example(_RUN, step.output, exc_msg=message, lineno=code.line - 1)
    test = doctest.DocTest([example], {}, code.path, code.path, code.line, None)
    test.globs = namespace
    SphinxDocTestRunner(verbose=False, optionflags=step.flags).run(
        test, out=lambda _: None, clear_globs=False
    )


_STACK = re.compile(
    r"^(Traceback \(most recent call last\):\n).*?^(?=\w)", re.DOTALL | re.MULTILINE
)


def _frames_of_pages(error: BaseException, pages: Mapping[str, str]) -> list[tuple[str, int]]:
    places = [
        (frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)
    ]
    if isinstance(error, SyntaxError):
        # A block that does not compile has no frame.
        places.append((error.filename or "", error.lineno))
    return [(pages[name], line or 1) for name, line in places if name in pages]


def _page_traceback(error: BaseException, pages: Mapping[str, str]) -> str:
    """Return a traceback without the runner's own frames, in which pages have short names."""
    shown = traceback.TracebackException.from_exception(error)
    of_reader = itertools.dropwhile(lambda frame: frame.filename not in pages, shown.stack)
    shown.stack = traceback.StackSummary.from_list(
        traceback.FrameSummary(
            pages.get(frame.filename, frame.filename), frame.lineno, frame.name, line=frame.line
        )
        for frame in of_reader
    )
    return "".join(shown.format())


def _run_session(session: Terminal, example: Example, seconds: float) -> list[tuple[str, int]]:
    """Return what each command printed, and its exit status.

    Raises:
        PageFailure: when a command ends the shell, does not end itself, or is none that the shell
            can read.
    """
    script = "".join(f"{command.text}\nprintf '\\0%s\\0' $?\n" for command in session.commands)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="backslashreplace") as output,
    ):

        def run(_tell: Tell) -> None:
            # Here, as the test itself is not to count as having read it all.
            enter(Path(folder))
            copy = shutil.copytree(example.folder, example.name, symlinks=True)
            subprocess.run(
                ["bash", "-c", script],
                cwd=copy,
                env=_environment_of_session(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )

        ending = isolate(run, seconds)
        output.seek(0)
        # After the last status comes what the shell printed when it was ended too early.
        *parts, rest = output.read().split("\0")
    printed = list(zip(parts[0::2], map(int, parts[1::2]), strict=True))
    if len(printed) < len(session.commands):
        command = session.commands[len(printed)]
        what = late(seconds) if ending.is_late else "ends the shell"
        message = f"{command.text!r} {what}"
        raise PageFailure(Failure(session.page, command.line, message, _end_of(rest)))
    return printed


def _without_ends(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


def _beginning_of(difference: str) -> str:
    """Return the first lines of a difference: that of a long output says no more."""
    lines = difference.splitlines(keepends=True)
    left_out = len(lines) - _LINES_SHOWN
    if left_out <= 0:
        return difference
    return "".join([*lines[:_LINES_SHOWN], f"[{left_out} lines more]\n"])


def _end_of(output: str) -> str:
    """Return the last lines of an output: those of a failing pytest may be a thousand."""
    lines = output.splitlines(keepends=True)
    left_out = len(lines) - _LINES_SHOWN
    if left_out <= 0:
        return output
    return "".join([f"[{left_out} lines before]\n", *lines[left_out:]])


def _environment_of_session() -> dict[str, str]:
    bin_folder = Path(sys.executable).parent
    # The commands are the reader's, not those of the pytest that runs this.
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "COVERAGE_"))
    }
    return {
        **inherited,
        "PATH": os.pathsep.join([str(bin_folder), os.environ.get("PATH", "")]),
        "PYTHONDONTWRITEBYTECODE": "1",
        # As for the examples' own tests: what else is installed here does not matter there.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "COLUMNS": "80",
        "NO_COLOR": "1",
    }


def late(seconds: float) -> str:
    """Return what to say of something that takes too long."""
    return f"has not ended after {seconds:g} seconds (evergreen_time_limit)"
