"""Runs executed blocks as plain code, and says of each what it printed and what it raised.

    python run_blocks.py <blocks.json

The blocks are a list of objects with the code as `text`. A block is run as the page has it, for
the blocks after it; one with `bare` set is run before that without its own `try`, so that nothing
catches what it raises.
"""

import ast
import contextlib
import io
import json
import sys
import traceback
from typing import Any


class WithoutTry(ast.NodeTransformer):
    """Puts in the place of each `try` what it tries; functions and classes stay as they are."""

    def visit_Try(self, node: ast.Try) -> list[ast.stmt]:
        return [self.visit(each) for each in node.body]

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        return node


def run(tree: ast.Module, namespace: dict[str, Any]) -> dict[str, Any]:
    """Return what code printed, and the last line of a traceback with other forms of the error."""
    printed = io.StringIO()
    raised: list[str] = []
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(ast.fix_missing_locations(tree), "<block>", "exec"), namespace)
        except Exception as error:
            # ops.testing wraps what a handler raises.
            each: BaseException | None = error
            while each is not None:
                last_line = traceback.format_exception_only(each)[-1].strip()
                raised += [last_line, repr(each), str(each)]
                each = each.__cause__
    return {"printed": printed.getvalue(), "raised": raised}


def main() -> None:
    """Run the blocks of standard input in one namespace; print the results as JSON."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    results = []
    for block in json.load(sys.stdin):
        bare = None
        if block["bare"]:
            bare = run(WithoutTry().visit(ast.parse(block["text"])), dict(namespace))
        whole = run(ast.parse(block["text"]), namespace)
        results.append({"bare": bare, "whole": whole})
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
