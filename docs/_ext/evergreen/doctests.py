"""A page's executed blocks, put together into the groups that run as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sphinx.ext.doctest import TestCode, TestGroup

from evergreen.block import Executed
from evergreen.group import Code, Group, Step
from evergreen.problem import Problem

ALL_GROUPS = "*"


def group_blocks(
    blocks: Iterable[Executed], page: str, examples: Mapping[str, str]
) -> tuple[list[Group], list[Problem]]:
    """Put a page's executed blocks into groups, by the rules of `sphinx.ext.doctest`.

    Args:
        blocks: the executed blocks in the page's order.
        page: the page's source file, relative to the folder that holds `conf.py`.
        examples: the name of the example that each group uses.

    Returns:
        The groups in the order in which they start, and what is wrong with the blocks.
    """
    blocks = list(blocks)
    problems = _orphan_outputs(blocks)
    groups: dict[str, TestGroup] = {}
    # As Sphinx has it: what is meant for all groups comes after a group's own blocks.
    for block in sorted(blocks, key=lambda block: ALL_GROUPS in block.groups):
        names = list(groups) if ALL_GROUPS in block.groups else block.groups
        for name in names:
            groups.setdefault(name, TestGroup(name)).add_code(_test_code(block))
    if blocks and not groups:
        first = blocks[0]
        problems.append(
            Problem(
                first.page,
                first.line,
                "executed-no-group",
                "every block is meant for all groups, and the page has no group",
                "Drop the '*'",
            )
        )
    frozen = [_freeze(group, page, examples.get(name, "")) for name, group in groups.items()]
    # A group of outputs alone has been complained of above.
    return [group for group in frozen if group.codes], problems


def _orphan_outputs(blocks: list[Executed]) -> list[Problem]:
    """Tell of each `testoutput` that Sphinx would pass over or overwrite in silence."""
    problems: list[Problem] = []
    last_role: dict[str, str] = {}
    for block in blocks:
        for group in block.groups:
            if block.role == "testoutput":
                before = last_role.get(group)
                if before == "testoutput":
                    problems.append(
                        Problem(
                            block.page,
                            block.line,
                            "output-doubled",
                            f"the testcode before it (group {group!r}) has a testoutput already",
                            "Keep one of the two, or split the testcode",
                        )
                    )
                elif before != "testcode":
                    problems.append(
                        Problem(
                            block.page,
                            block.line,
                            "output-orphan",
                            f"the testoutput follows no testcode of its group {group!r}",
                            "Put the testcode that prints it before it, in the same group",
                        )
                    )
            if block.role in ("testcode", "testoutput"):
                last_role[group] = block.role
    return problems


def _test_code(block: Executed) -> TestCode:
    code = TestCode(block.text, block.role, block.page, block.line)
    code.options = {block.flags: True}
    return code


def _freeze(group: TestGroup, page: str, example: str) -> Group:
    steps: list[Step] = []
    for test in group.tests:
        # There is no third form without the `doctest` directive: see `TestGroup.add_code`.
        code, output = test
        step = Step(_code(code))
        if output is not None:
            step = Step(_code(code), output.code, next(iter(output.options)))
        steps.append(step)
    return Group(
        page=page,
        name=group.name,
        example=example,
        setup=tuple(map(_code, group.setup)),
        steps=tuple(steps),
        cleanup=tuple(map(_code, group.cleanup)),
    )


def _code(code: TestCode) -> Code:
    return Code(code.filename, code.lineno, code.code)
