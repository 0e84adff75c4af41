"""What executing means for a line of Python."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator
from types import CodeType

_MAY_RUN_ALONE = (
    *(ast.If, ast.While, ast.For, ast.AsyncFor, ast.FunctionDef, ast.AsyncFunctionDef),
    *(ast.ExceptHandler, ast.match_case),
)


@dataclasses.dataclass(frozen=True)
class Statement:
    """One statement, without the block that belongs to it."""

    first_line: int
    """Its first line, decorators included, counted from 1."""
    last_line: int
    """Its last line; for a compound statement, the last one of its head."""
    is_in_function: bool
    """Whether it runs when a function is called; else it runs when its file is imported."""
    is_beside_head: bool = False
    """Whether it stands on the line of a head that may run without it, as in `if x: y()`: of a
    line that has run nobody knows which of the two did."""


def read_statements(source: str) -> list[Statement]:
    """Return the statements that Python makes code of, in order.

    A docstring, a declaration such as `global` or a bare annotation runs nothing, and is left out.

    Raises:
        SyntaxError: when the source is not Python.
    """
    tree = ast.parse(source)
    with_code = set(_lines_with_code(compile(source, "<source>", "exec", dont_inherit=True)))
    return [
        statement
        for statement in _statements(tree, is_in_function=False)
        if with_code.intersection(range(statement.first_line, statement.last_line + 1))
    ]


def _lines_with_code(code: CodeType) -> Iterator[int]:
    yield from (line for _, _, line in code.co_lines() if line)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _lines_with_code(constant)


def _statements(node: ast.AST, *, is_in_function: bool) -> Iterator[Statement]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        is_in_function = True
    end_of_head = _end_of_head(node)
    for child in ast.iter_child_nodes(node):
        # What holds other statements besides statements: handlers of exceptions, cases.
        if isinstance(child, ast.stmt):
            is_beside_head = child.lineno <= end_of_head and child in getattr(node, "body", ())
            yield from _statement(child, is_in_function, is_beside_head)
        yield from _statements(child, is_in_function=is_in_function)


def _end_of_head(node: ast.AST) -> int:
    """Return the last line of what may run without the body that belongs to it; or 0."""
    if not isinstance(node, _MAY_RUN_ALONE):
        return 0
    parts = (each for each in ast.iter_child_nodes(node) if not isinstance(each, ast.stmt))
    ends = [getattr(each, "end_lineno", 0) for part in parts for each in ast.walk(part)]
    return max(getattr(node, "lineno", 0), *ends, 0)


def _statement(node: ast.stmt, is_in_function: bool, is_beside_head: bool) -> Iterator[Statement]:
    is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    if is_docstring or (isinstance(node, ast.AnnAssign) and node.value is None):
        return
    decorators = [each.lineno for each in getattr(node, "decorator_list", ())]
    body = getattr(node, "body", None) or getattr(node, "cases", None)
    end = node.end_lineno or node.lineno
    if body:
        first = body[0]
        start = getattr(first, "lineno", None) or first.pattern.lineno
        start = min([start, *(each.lineno for each in getattr(first, "decorator_list", ()))])
        # A body may stand on the line of its head.
        end = max(node.lineno, start - 1)
    yield Statement(min([node.lineno, *decorators]), end, is_in_function, is_beside_head)
