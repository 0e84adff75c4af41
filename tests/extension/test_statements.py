"""What counts as a statement, and on which lines it has to run."""

from __future__ import annotations

import importlib.util
import textwrap
from pathlib import Path

import coverage
import pytest
from evergreen.statements import Statement, read_statements

IMPORTED, CALLED = False, True
BESIDE = True
STATEMENTS = {
    "simple": ("x = 1\n\n# words\ny = 2\n", [(1, 1, IMPORTED), (4, 4, IMPORTED)]),
    "two on a line": ("x = 1; y = 2\n", [(1, 1, IMPORTED), (1, 1, IMPORTED)]),
    "over many lines": ("x = (\n    1 +\n    2\n)\n", [(1, 4, IMPORTED)]),
    "import": ("from os import (\n    path,\n    sep,\n)\n", [(1, 4, IMPORTED)]),
    "function": (
        "def f(\n    a,\n):\n    '''Words.'''\n    # words\n    return a\n",
        [(1, 3, IMPORTED), (6, 6, CALLED)],
    ),
    "docstring alone": ("'''Words.'''\ndef f():\n    '''Words.'''\n", [(2, 2, IMPORTED)]),
    "ellipsis": ("def f(): ...\n", [(1, 1, IMPORTED)]),
    "body on its head's line": (
        "def f(): return 1\nif (a and\n  b): c()\nelse: d()\nfor x in y: z()\n"
        "while x: y()\ntry: f()\nexcept A: b()\nclass C: d = 1\nwith e: g()\n",
        [
            *((1, 1, IMPORTED), (1, 1, CALLED, BESIDE), (2, 2, IMPORTED)),
            *((3, 3, IMPORTED, BESIDE), (4, 4, IMPORTED), (5, 5, IMPORTED)),
            *((5, 5, IMPORTED, BESIDE), (6, 6, IMPORTED), (6, 6, IMPORTED, BESIDE)),
            *((7, 7, IMPORTED), (7, 7, IMPORTED), (8, 8, IMPORTED, BESIDE)),
            *((9, 9, IMPORTED), (9, 9, IMPORTED), (10, 10, IMPORTED), (10, 10, IMPORTED)),
        ],
    ),
    "body on the line of a case": (
        "match x:\n    case 1 if (y and\n        z): c()\n    case 2: d()\n",
        [(1, 1, IMPORTED), (3, 3, IMPORTED, BESIDE), (4, 4, IMPORTED, BESIDE)],
    ),
    "decorators": (
        "@staticmethod\n@print\ndef f():\n    pass\n",
        [(1, 3, IMPORTED), (4, 4, CALLED)],
    ),
    "class": (
        "@print\nclass A(\n    object,\n):\n    x: int\n    y: int = 1\n"
        "    @print\n    def f(self):\n        pass\n",
        [(1, 4, IMPORTED), (6, 6, IMPORTED), (7, 8, IMPORTED), (9, 9, CALLED)],
    ),
    "class in a function": (
        "def f():\n    class A:\n        x = 1\n",
        [(1, 1, IMPORTED), (2, 2, CALLED), (3, 3, CALLED)],
    ),
    "function in a function": (
        "def f():\n    @print\n    def g():\n        return 1\n    return g\n",
        [(1, 1, IMPORTED), (2, 3, CALLED), (4, 4, CALLED), (5, 5, CALLED)],
    ),
    "async": (
        "async def f():\n    async with g() as x:\n        await x\n    async for y in x:\n"
        "        yield y\n",
        [(1, 1, IMPORTED), *((line, line, CALLED) for line in range(2, 6))],
    ),
    "if and else": (
        "if (\n    x\n):\n    y = 1\nelif z:\n    y = 2\nelse:\n    y = 3\n",
        [(1, 3, IMPORTED), (4, 4, IMPORTED), (5, 5, IMPORTED), (6, 6, IMPORTED), (8, 8, IMPORTED)],
    ),
    "loops": (
        "for x in y:\n    break\nelse:\n    z = 1\nwhile x:\n    continue\n",
        [(line, line, IMPORTED) for line in (1, 2, 4, 5, 6)],
    ),
    "with": ("with (\n    a as b,\n    c,\n):\n    d()\n", [(1, 4, IMPORTED), (5, 5, IMPORTED)]),
    "try": (
        "try:\n    a()\nexcept KeyError:\n    b()\nelse:\n    c()\nfinally:\n    d()\n",
        [(line, line, IMPORTED) for line in (1, 2, 4, 6, 8)],
    ),
    "groups of exceptions": (
        "try:\n    a()\nexcept* KeyError as error:\n    raise error\n",
        [(line, line, IMPORTED) for line in (1, 2, 4)],
    ),
    "match": (
        "match x:\n    case [1]:\n        y()\n    case {'a': b} if b:\n        z()\n",
        [(line, line, IMPORTED) for line in (1, 3, 5)],
    ),
    "what runs nothing": (
        "x: int\ndef f():\n    global x, y\n    z: int\n    '''Words.'''\n    1\n    x = 1\n",
        [(2, 2, IMPORTED), (7, 7, CALLED)],
    ),
    "the guard of a command": (
        "if __name__ == '__main__':\n    print()\n",
        [(1, 1, IMPORTED), (2, 2, IMPORTED)],
    ),
    "nothing": ("# words\n", []),
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_each_kind_of_statement_has_its_lines(name: str):
    source, expected = STATEMENTS[name]
    assert read_statements(textwrap.dedent(source)) == [Statement(*each) for each in expected]


def test_what_is_not_python_is_refused():
    with pytest.raises(SyntaxError):
        read_statements("def f(:\n")


@pytest.mark.parametrize(
    "module",
    [
        *("bdb", "argparse", "ast", "asyncio.base_events", "collections", "contextlib"),
        *("dataclasses", "enum", "functools", "inspect", "pathlib", "subprocess", "typing"),
    ],
)
def test_coverage_counts_every_statement_as_one_too(module: str):
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    measuring = coverage.Coverage(data_file=None, config_file=False)
    measuring.clear_exclude()
    _, counted, _, _, _ = measuring.analysis2(spec.origin)
    ours = {each.first_line for each in read_statements(Path(spec.origin).read_text())}
    assert len(ours) > 50
    assert ours - set(counted) == set()
