"""A walk: a group of executed blocks run once, which tries its mutants on the way.

What stands before a change is the same with and without it. So it runs once, and each mutant is a
fork of the process that has got so far.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evergreen.attempt import attempt
from evergreen.fates import KILLED, SURVIVED, TIMED_OUT, Tell
from evergreen.group import Code, Step
from evergreen.isolation import enter
from evergreen.kept import Kept
from evergreen.mutant import Mutant
from evergreen.page_tests import GroupItem, run_step


def walk(item: GroupItem, mutants: Sequence[Mutant], seconds: float, tell: Tell) -> None:
    """Run a group's blocks as far as there is something to try, as its item does.

    Args:
        item: the group, as pytest has collected it.
        mutants: changes of its blocks.
        seconds: how long one of them may take.
        tell: is called for each mutant.

    Raises:
        Exception: what a block raises when nothing is changed.
    """
    group, root = item.group, item.config.rootpath
    by_step: dict[tuple[int, bool], list[Mutant]] = {}
    for mutant, place in ((mutant, mutant.step) for mutant in mutants if mutant.step):
        by_step.setdefault((place.index, place.is_output), []).append(mutant)
    last = max(index for index, _ in by_step)
    namespace: dict[str, Any] = {}
    # A folder of its own: it is put back as it was after each mutant that did something to it.
    folder = Path(tempfile.mkdtemp())
    enter(folder)
    for code in group.setup:
        run_step(Step(code), namespace, root)
    for index, step in enumerate(group.steps[: last + 1]):
        if changes := by_step.get((index, False)):
            kept = Kept(folder)
            for mutant in changes:
                code = dataclasses.replace(step.code, text=mutant.mutation.text)
                rest = [dataclasses.replace(step, code=code), *group.steps[index + 1 :]]
                action = functools.partial(_run, rest, namespace, root)
                result = attempt(action, seconds, kept.restore)
                # Whoever ends the process is noticed too.
                outcome = TIMED_OUT if result is None else result or KILLED
                tell(mutant, outcome, item.nodeid if outcome == KILLED else "")
        done = _do(step.code, namespace, root)
        _compare(step, step.output, done, root)
        for mutant in by_step.get((index, True), ()):
            try:
                _compare(step, mutant.mutation.text, done, root)
            except Exception:
                tell(mutant, KILLED, item.nodeid)
            else:
                tell(mutant, SURVIVED, "")
    for code in group.cleanup:
        run_step(Step(code), namespace, root)


def _run(steps: Sequence[Step], namespace: dict[str, Any], root: Path) -> str:
    try:
        for step in steps:
            run_step(step, namespace, root)
    except BaseException:
        return KILLED
    return SURVIVED


_Done = tuple[str, BaseException | None]


def _do(code: Code, namespace: dict[str, Any], root: Path) -> _Done:
    """Run a block, and return what it printed and what it raised."""
    printed = io.StringIO()
    error = None
    text = "\n" * (code.line - 1) + code.text
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(text, str(root / code.path), "exec", dont_inherit=True), namespace)
        except BaseException as raised:
            error = raised
    return printed.getvalue(), error


_REPLAY = "print(printed, end='')\nif error is not None: raise error"


def _compare(step: Step, output: str, done: _Done, root: Path) -> None:
    """Compare what a block did with an output, as it is compared when it runs."""
    printed, error = done
    replay = dataclasses.replace(step.code, text=_REPLAY)
    run_step(Step(replay, output, step.flags), {"printed": printed, "error": error}, root)
