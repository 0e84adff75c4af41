"""The front matter says which example each group of executed blocks uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Build, Project

BLOCKS = """
```{testcode}
x = 1
```

```{testcode} two
x = 2
```
"""
GOOD = {
    "mapping.md": "---\nexamples:\n  default: sums\n  two: other\n---\n" + BLOCKS,
    "more-than-needed.md": "---\nexamples: {default: sums, two: other, 3: sums}\n---\n" + BLOCKS,
    "field.rst": (
        ':examples: ``{"default": "sums", "two": "other"}``\n\n'
        ".. testcode::\n\n   x = 1\n\n.. testcode:: two\n\n   x = 2\n"
    ),
    "no-block.md": "# Words alone\n",
    "no-output.md": "```{code-block} console\n$ true\n```\n",
}
NO_MAPPING = "the front matter's 'examples' is no mapping from group to example"
BAD = {
    "missing.md": (
        BLOCKS,
        {3: "does not say which example the group 'default' uses", 7: "the group 'two' uses"},
    ),
    "one-missing.md": (
        "---\nexamples:\n  default: sums\n---\n" + BLOCKS,
        {11: "does not say which example the group 'two' uses"},
    ),
    "unknown.md": (
        "---\nexamples:\n  default: sum\n  two: other\n---\n" + BLOCKS,
        {1: "the front matter names the example 'sum', and there is none of that name"},
    ),
    "text.md": ("---\nexamples: sums\n---\n" + BLOCKS, {1: NO_MAPPING}),
    "list.md": ("---\nexamples: [sums]\n---\n" + BLOCKS, {1: NO_MAPPING}),
    "nested.md": ("---\nexamples: {default: [sums]}\n---\n" + BLOCKS, {1: NO_MAPPING}),
    "session.md": (
        "\n```{code-block} console\n$ echo one\none\n```\n",
        {3: "does not say which example the group 'default' uses"},
    ),
}


@pytest.fixture(scope="module")
def built(make_project: Callable[[], Project]) -> Build:
    project = make_project()
    project.write({"examples/other/pyproject.toml": "", "examples/other/tests/test_it.py": ""})
    project.write({"parts/block.md": "Some words.\n\n```{testcode}\nx = 1\n```\n"})
    project.page("including.md", "```{include} ../parts/block.md\n```\n")
    for name, text in {**GOOD, **{name: text for name, (text, _) in BAD.items()}}.items():
        project.write({f"pages/{name}": text})
    return project.build(evergreen_prove=False, evergreen_commands="")


@pytest.mark.parametrize("name", GOOD)
def test_a_page_says_which_example_each_group_uses(built: Build, name: str):
    page = built.page(name)
    assert page.problems == ()
    examples = {group.name: group.example for group in page.groups}
    assert examples in ({}, {"default": "sums", "two": "other"})
    assert bool(examples) is ("no-" not in name)


@pytest.mark.parametrize("name", BAD)
def test_what_is_missing_or_unknown_is_told_with_the_examples_there_are(built: Build, name: str):
    _, expected = BAD[name]
    problems = built.page(name).problems
    assert [(each.path, each.line, each.kind) for each in problems] == [
        (f"pages/{name}", line, "front-matter") for line in expected
    ]
    for problem, words in zip(problems, expected.values(), strict=True):
        assert words in problem.what
        assert "the examples are other, sums" in problem.remedy


def test_a_page_in_restructuredtext_is_told_of_a_field(project: Project):
    project.page("field.rst", ".. testcode::\n\n   x = 1\n")
    (problem,) = project.build(evergreen_prove=False).page("field.rst").problems
    assert problem.remedy == (
        'Write \':examples: ``{"default": "NAME"}``\' first on the page; the examples are sums'
    )


def test_an_included_block_is_reported_at_its_place_with_the_page_to_mend(built: Build):
    (problem,) = built.page("including.md").problems
    assert problem.location == "parts/block.md:4"
    assert problem.what == (
        "the front matter of pages/including.md does not say which example the group 'default'"
        " uses"
    )
