"""Mutant schemata: one source that holds many mutants, so that their tests run once.

Where a test starts processes, nearly all of its time goes to what stands before the assertion that
is changed. So the source calls `reach` before each such assertion, and that tries the changes of
it, each in a fork. The term is that of Untch, Offutt and Harrold:
https://doi.org/10.1145/154183.154265.
"""

from __future__ import annotations

import ast
import functools
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evergreen.attempt import attempt
from evergreen.fates import KILLED, SURVIVED
from evergreen.kept import Kept
from evergreen.mutant import Mutant

# Whatever takes longer is tried by itself.
_SECONDS = 5.0
_REACH = f"__import__({__name__!r}, fromlist=['reach']).reach"


def can_be_tried_where_it_stands(mutant: Mutant) -> bool:
    """Tell whether a mutant changes an assertion that fails its tests when it raises.

    That is one which stands in the test function itself, and in no `try` or `with` that could
    catch what it raises.
    """
    change = _changed_statement(mutant)
    return change is not None and all(
        test.partition("[")[0].split("::")[1:] == change[0].split(".") for test in mutant.tests
    )


def instrument(mutants: Sequence[Mutant], told: Path) -> str:
    """Return the source of a file in which mutants are tried when it runs.

    Args:
        mutants: mutants of one file that can be tried where they stand.
        told: the file that gets the numbers of those that are noticed; see `read_told`.
    """
    changed: dict[tuple[int, int, str], dict[int, str]] = {}
    for number, mutant in enumerate(mutants):
        change = _changed_statement(mutant)
        assert change is not None
        _, before, after = change
        place = before.lineno, before.col_offset, ast.unparse(before)
        changed.setdefault(place, {})[number] = ast.unparse(after)
    lines = mutants[0].text.encode().splitlines(keepends=True)
    for (line, column, statement), others in sorted(changed.items(), reverse=True):
        call = f"{_REACH}({str(told)!r}, {statement!r}, {others!r}); ".encode()
        lines[line - 1] = lines[line - 1][:column] + call + lines[line - 1][column:]
    return b"".join(lines).decode()


def reach(told: str, statement: str, changed: Mapping[int, str]) -> None:
    """Try changes of the statement that comes next in the calling function.

    What one does to temporary files, another does not find, and neither does the caller.

    Args:
        told: the file that gets the numbers of those that raise.
        statement: the statement as it is. If that raises here, no change is noticed.
        changed: the changed statements, by number.
    """
    left = [number for number in changed if number not in read_told(Path(told))]
    if not left:
        return
    caller = sys._getframe(1)
    names = {**caller.f_globals, **caller.f_locals}
    kept = Kept(Path(tempfile.gettempdir()))

    def outcome_of(statement: str) -> str | None:
        return attempt(functools.partial(_outcome_of, statement, names), _SECONDS, kept.restore)

    # What cannot be done in a fork would be noticed without any change.
    if outcome_of(statement) == SURVIVED:
        noticed = [number for number in left if outcome_of(changed[number]) == KILLED]
        with Path(told).open("a") as file:
            file.writelines(f"{number}\n" for number in noticed)


def read_told(told: Path) -> set[int]:
    """Return the numbers of the mutants that were noticed."""
    return set(map(int, told.read_text().split()))


def _outcome_of(statement: str, names: dict[str, Any]) -> str:
    try:
        exec(statement, names)
    except BaseException:
        return KILLED
    return SURVIVED


def _changed_statement(mutant: Mutant) -> tuple[str, ast.stmt, ast.stmt] | None:
    """Return the function that a changed assertion stands in, and it before and after."""
    sources = ast.parse(mutant.text), ast.parse(mutant.mutation.text)
    pairs = zip(*(_assertions(source.body, "") for source in sources), strict=True)
    changes = ((name, before, after) for (name, before), (_, after) in pairs)
    return next((each for each in changes if ast.dump(each[1]) != ast.dump(each[2])), None)


def _assertions(body: Iterable[ast.stmt], symbol: str) -> Iterator[tuple[str, ast.stmt]]:
    """Yield what may be an assertion, with the function that raises what it raises."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield from _assertions(node.body, f"{symbol}.{node.name}".strip("."))
        elif isinstance(node, ast.For | ast.While | ast.If):
            yield from _assertions([*node.body, *node.orelse], symbol)
        elif isinstance(node, ast.Assert | ast.Expr):
            yield symbol, node
