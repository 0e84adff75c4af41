"""A mutation: one change of one place in Python source, which a test ought to notice.

The operators are those of mutmut (https://github.com/boxed/mutmut), cosmic-ray
(https://cosmic-ray.readthedocs.io) and PIT (https://pitest.org/quickstart/mutators/); each names
its model. A change is made in the text, so that all else stays as the author wrote it.

What only people and type checkers read is no behaviour, and is not changed: docstrings,
annotations and type aliases. The text of an f-string is changed, and what stands in its braces is
not: Python 3.11 does not say where that is.
"""

from __future__ import annotations

import ast
import dataclasses
import difflib
import itertools
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TypeGuard


@dataclasses.dataclass(frozen=True)
class Mutation:
    """One change of a source."""

    operator: str
    """The kind of change."""
    symbol: str
    """The dotted name of the class or function around it; empty at the top of a file."""
    line: int
    """The line of the source on which the change begins, counted from 1."""
    before: str
    """The lines that it changes, without indentation."""
    after: str
    """The same lines, changed."""
    text: str
    """The whole source, changed."""


@dataclasses.dataclass(frozen=True)
class _Edit:
    first: int
    last: int
    text: str


class _Source:
    """A source, with the places of its nodes in bytes, as `ast` counts columns."""

    def __init__(self, text: str) -> None:
        self.bytes = text.encode()
        lines = self.bytes.splitlines(keepends=True)
        self._starts = [0, *itertools.accumulate(map(len, lines))]

    def span(self, node: ast.AST) -> tuple[int, int]:
        first = self._starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        last = self._starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]
        return first, last

    def text(self, node: ast.AST) -> str:
        first, last = self.span(node)
        return self.bytes[first:last].decode()

    def replace(self, node: ast.AST, text: str) -> _Edit:
        return _Edit(*self.span(node), text)

    def between(self, left: ast.AST, right: ast.AST, operator: str, new: str) -> _Edit:
        """Replace an operator, which stands between two nodes, perhaps beside parentheses."""
        _, first = self.span(left)
        last, _ = self.span(right)
        gap = self.bytes[first:last].decode()
        pattern = r"\s+".join(map(re.escape, operator.split()))
        return _Edit(first, last, re.sub(pattern, new, gap, count=1))

    def line_of(self, place: int) -> int:
        return self.bytes.count(b"\n", 0, place) + 1

    def lines(self, first: int, last: int) -> bytes:
        start = self.bytes.rfind(b"\n", 0, first) + 1
        end = self.bytes.find(b"\n", last)
        return self.bytes[start : end if end >= 0 else len(self.bytes)]

    def apply(self, edit: _Edit) -> bytes:
        return self.bytes[: edit.first] + edit.text.encode() + self.bytes[edit.last :]


_COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
_ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "/"),
    ast.Mod: ("%", "/"),
    ast.Pow: ("**", "*"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
    ast.BitXor: ("^", "&"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
}
_OPENING = re.compile(r"""[a-zA-Z]*("{3}|'{3}|"|')""")
_CAN_GO = (ast.Assign, ast.AugAssign, ast.Raise, ast.Delete, ast.Break, ast.Continue)


def _comparison(source: _Source, node: ast.AST) -> Iterator[_Edit]:
    # cosmic-ray's ReplaceComparisonOperator, one replacement each.
    if isinstance(node, ast.Compare):
        operands = itertools.pairwise([node.left, *node.comparators])
        for operator, (left, right) in zip(node.ops, operands, strict=True):
            yield source.between(left, right, *_COMPARISONS[type(operator)])


def _boolean(source: _Source, node: ast.AST) -> Iterator[_Edit]:
    # cosmic-ray's ReplaceAndWithOr and ReplaceOrWithAnd.
    if isinstance(node, ast.BoolOp):
        words = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in itertools.pairwise(node.values):
            yield source.between(left, right, *words)


def _negation(source: _Source, node: ast.AST) -> Iterator[_Edit]:
    # cosmic-ray's ReplaceUnaryOperator_Delete_Not.
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield source.replace(node, re.sub(r"^not\b\s*", "", source.text(node)))


def _arithmetic(source: _Source, node: ast.AST) -> Iterator[_Edit]:
    # cosmic-ray's ReplaceBinaryOperator, one replacement each.
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        yield source.between(node.left, node.right, *_ARITHMETIC[type(node.op)])
    elif isinstance(node, ast.AugAssign) and type(node.op) in _ARITHMETIC:
        old, new = _ARITHMETIC[type(node.op)]
        yield source.between(node.target, node.value, f"{old}=", f"{new}=")


def _number(source: _Source, node: ast.AST) -> Iterator[_Edit]:
    # cosmic-ray's NumberReplacer.
    value = node.value if isinstance(node, ast.Constant) else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        for other in (value + 1, value - 1):
            yield source.replace(node, f"({other!r})" if other < 0 else repr(other))


def _greater(source: _Source, node: ast.AST) -> Iterator[_Edit]:
    yield from itertools.islice(_number(source, node), 1)


def _string(source: _Source, node: ast.AST) -> Iterator[_Edit]:
    # mutmut's operator_string, at the front only.
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    if is_text or isinstance(node, ast.JoinedStr):
        yield source.replace(node, _OPENING.sub(r"\g<0>XX", source.text(node), count=1))


def _keyword(source: _Source, node: ast.AST) -> Iterator[_Edit]:
    # mutmut's operator_keywords, and operator_assignment where None is given to something.
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield source.replace(node, str(not node.value))
    elif isinstance(node, ast.Assign | ast.AnnAssign | ast.keyword) and _is_none(node.value):
        yield source.replace(node.value, '""')


def _returned(source: _Source, node: ast.AST) -> Iterator[_Edit]:
    # PIT's NULL_RETURNS, and the reverse where nothing is returned by name.
    if isinstance(node, ast.Return) and node.value is not None:
        yield source.replace(node.value, '""' if _is_none(node.value) else "None")


def _deleted(source: _Source, node: ast.AST) -> Iterator[_Edit]:
    # PIT's VOID_METHOD_CALLS, for every statement that does something.
    is_call = isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)
    has_value = isinstance(node, ast.AnnAssign) and node.value is not None
    leaves = isinstance(node, ast.Return) and node.value is None
    if is_call or has_value or leaves or isinstance(node, _CAN_GO):
        yield source.replace(node, "pass")


def _condition(source: _Source, node: ast.AST) -> Iterator[_Edit]:
    # PIT's REMOVE_CONDITIONALS.
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        # Without what `while True` and the like say themselves.
        if not isinstance(node.test, ast.Constant):
            yield source.replace(node.test, "True")
            yield source.replace(node.test, "False")
    elif isinstance(node, ast.comprehension):
        for test in node.ifs:
            yield source.replace(test, "True")
            yield source.replace(test, "False")


def _loop(source: _Source, node: ast.AST) -> Iterator[_Edit]:
    # cosmic-ray's ZeroIterationForLoop.
    if isinstance(node, ast.For):
        yield source.replace(node.iter, "()")


def _case(source: _Source, node: ast.AST) -> Iterator[_Edit]:
    # PIT's REMOVE_SWITCH: a case that is never taken.
    if isinstance(node, ast.match_case):
        if node.guard is not None:
            yield source.replace(node.guard, "True")
            yield source.replace(node.guard, "False")
        else:
            _, last = source.span(node.pattern)
            yield _Edit(last, last, " if False")


def _exception(source: _Source, node: ast.AST) -> Iterator[_Edit]:
    # cosmic-ray's ExceptionReplacer: one that nothing raises, which is what `()` catches.
    if isinstance(node, ast.ExceptHandler) and node.type is not None:
        if isinstance(node.type, ast.Tuple):
            for left_out in node.type.elts:
                rest = [source.text(each) for each in node.type.elts if each is not left_out]
                yield source.replace(node.type, f"({', '.join(rest)},)" if rest else "()")
        else:
            yield source.replace(node.type, "()")


def _decorator(source: _Source, node: ast.AST) -> Iterator[_Edit]:
    # cosmic-ray's RemoveDecorator.
    for decorator in getattr(node, "decorator_list", ()):
        first, last = source.span(decorator)
        yield _Edit(source.bytes.rindex(b"@", 0, first), last, "")


def _swapped(source: _Source, node: ast.AST) -> Iterator[_Edit]:
    # mutmut's operator_arg_removal asks whether arguments matter; this asks that of their order.
    if isinstance(node, ast.Call):
        for left, right in itertools.pairwise(node.args):
            (first, after_left), (before_right, last) = source.span(left), source.span(right)
            if isinstance(left, ast.Starred) or isinstance(right, ast.Starred):
                continue
            gap = source.bytes[after_left:before_right].decode()
            if source.text(left) != source.text(right):
                yield _Edit(first, last, f"{source.text(right)}{gap}{source.text(left)}")


Operator = Callable[[_Source, ast.AST], Iterator[_Edit]]
LITERALS: dict[str, Operator] = {"number": _greater, "string": _string, "keyword": _keyword}
"""The operators that change a literal, each in one way."""
OPERATORS: dict[str, Operator] = {
    **LITERALS,
    "number": _number,
    "comparison": _comparison,
    "boolean": _boolean,
    "negation": _negation,
    "arithmetic": _arithmetic,
    "returned value": _returned,
    "deleted statement": _deleted,
    "condition": _condition,
    "empty loop": _loop,
    "case": _case,
    "exception": _exception,
    "decorator": _decorator,
    "swapped arguments": _swapped,
}
"""All operators."""


def mutate(source: str) -> list[Mutation]:
    """Return every mutation of a source, in the order of its lines."""
    return _mutations(source, OPERATORS, _places(ast.parse(source), ""))


def mutate_literals(source: str) -> list[Mutation]:
    """Return one mutation of a source for each of its literals."""
    return _mutations(source, LITERALS, _places(ast.parse(source), ""))


def mutate_assertions(source: str) -> list[Mutation]:
    """Return one mutation of a source for each literal that an assertion compares.

    An assertion is an `assert` statement, without its message, or a call of something named
    `assert_...`, as those of `unittest.mock`.
    """
    tree = ast.parse(source)
    asserted = {id(node) for part in _asserted(tree) for node in ast.walk(part)}
    places = (place for place in _places(tree, "") if id(place[0]) in asserted)
    return _mutations(source, LITERALS, places)


def mutate_output(output: str, message: str | None) -> list[Mutation]:
    """Return mutations of what a block has to print: one for each word or number.

    Args:
        output: the expected output.
        message: the last line of an expected traceback, which is all of it that is compared.
    """
    compared = output if message is None else message
    before = output[: output.rindex(compared)] if message is not None else ""
    source = _Source(output)
    mutations: list[Mutation] = []
    for word in re.finditer(r"\d+|[^\W\d_]+", compared):
        first = len(before.encode()) + len(compared[: word.start()].encode())
        last = first + len(word.group().encode())
        text = str(int(word.group()) + 1) if word.group().isdecimal() else f"XX{word.group()}"
        mutations.append(_in_text(source, "output", "", _Edit(first, last, text)))
    return mutations


def diff_of(file: str, before: str, after: str) -> str:
    """Return a change as a unified diff without context."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), file, file, lineterm="", n=0
    )
    return "\n".join(lines)


def _mutations(
    source: str, operators: dict[str, Operator], places: Iterable[tuple[ast.AST, str]]
) -> list[Mutation]:
    text = _Source(source)
    mutations = [
        _in_text(text, name, symbol, edit)
        for node, symbol in places
        for name, operator in operators.items()
        for edit in operator(text, node)
    ]
    return sorted(mutations, key=lambda mutation: mutation.line)


def _in_text(source: _Source, operator: str, symbol: str, edit: _Edit) -> Mutation:
    old = source.lines(edit.first, edit.last)
    start = source.bytes.rfind(b"\n", 0, edit.first) + 1
    changed = source.apply(edit)
    new = changed[start : start + len(old) + len(changed) - len(source.bytes)]
    line = source.line_of(edit.first)
    return Mutation(operator, symbol, line, _flat(old), _flat(new), changed.decode())


def _flat(lines: bytes) -> str:
    return "\n".join(line.strip() for line in lines.decode().splitlines())


def _asserted(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            yield node.test
        elif isinstance(node, ast.Call) and _called(node).startswith("assert_"):
            yield node


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def _places(node: ast.AST, symbol: str) -> Iterator[tuple[ast.AST, str]]:
    """Yield the nodes that act, each with the symbol around it."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        # A decorator is the symbol's own.
        symbol = f"{symbol}.{node.name}".strip(".")
    yield node, symbol
    for child in _children(node):
        yield from _places(child, symbol)


_SAYS_NOTHING_TO_PYTHON: Collection[str] = ("annotation", "returns", "type_params")


def _children(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.JoinedStr) or _is_type_alias(node):
        return
    for field, value in ast.iter_fields(node):
        if field in _SAYS_NOTHING_TO_PYTHON:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_text(child):
                yield child


def _is_none(node: ast.AST | None) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and node.value is None


def _is_text(node: ast.AST) -> bool:
    """Tell whether a node is a docstring, or another text that nothing takes."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_type_alias(node: ast.AST) -> bool:
    # `type X = ...` is a node of its own from Python 3.12 on.
    is_declared = isinstance(node, ast.AnnAssign) and "TypeAlias" in ast.unparse(node.annotation)
    return is_declared or type(node).__name__ == "TypeAlias"
