"""A claim names one test that passed; a figure is computed."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import TYPE_CHECKING

import pytest
from evergreen.claims import Claim, Figure, check_claims, check_figures, functions_of
from evergreen.figures import Figures

if TYPE_CHECKING:
    from conftest import Project

TESTS = [
    "examples/a/tests/test_x.py::test_add[1-a::b]",
    "examples/a/tests/test_x.py::test_add[2]",
    "examples/a/tests/test_x.py::test_subtract",
    "examples/b/tests/test_x.py::test_subtract",
    "examples/b/tests/test_y.py::TestSums::test_add_more",
    "examples/b/tests/test_y.py::TestOther::test_add_more",
    "pages/x.md::default",
]
ADD = "examples/a/tests/test_x.py::test_add"
FIGURES = Figures({"pages": 1234, "tests": 5})


@pytest.mark.parametrize(
    ("name", "functions"),
    [
        ("test_add", [ADD]),
        ("test_x.py::test_add", [ADD]),
        (ADD, [ADD]),
        # Only whole names count.
        ("add", []),
        ("x.py::test_add", []),
        ("test_add[2]", []),
        ("", []),
        ("TestSums::test_add_more", ["examples/b/tests/test_y.py::TestSums::test_add_more"]),
        ("b/tests/test_x.py::test_subtract", ["examples/b/tests/test_x.py::test_subtract"]),
        (
            "test_x.py::test_subtract",
            [f"examples/{name}/tests/test_x.py::test_subtract" for name in "ab"],
        ),
        ("pages/x.md::default", ["pages/x.md::default"]),
    ],
)
def test_a_name_means_a_function(name: str, functions: list[str]):
    assert functions_of(TESTS, name) == functions


def test_a_claim_that_names_one_test_is_true():
    assert list(check_claims([Claim("pages/x.md", 7, "words", "test_add")], TESTS)) == []


@pytest.mark.parametrize(
    ("name", "kind", "what", "remedy"),
    [
        ("", "claim-unknown", "the claim 'words' names no test", "{proven}`words <name_of_the"),
        (
            "test_ad",
            "claim-unknown",
            "no test of the name 'test_ad' ran and passed",
            "Name one that does, such as test_add or test_add_more",
        ),
        (
            "anything_else",
            "claim-unknown",
            "no test of the name 'anything_else' ran and passed",
            "Name one that does",
        ),
        (
            "test_subtract",
            "claim-ambiguous",
            "'test_subtract' is a name of examples/a/tests/test_x.py::test_subtract,"
            " examples/b/tests/test_x.py::test_subtract",
            "Write more of the test's path, from a '/' on",
        ),
        ("test_add_more", "claim-ambiguous", "'test_add_more' is a name of", "Write more"),
    ],
)
def test_a_claim_without_one_test_is_told(name: str, kind: str, what: str, remedy: str):
    (problem,) = check_claims([Claim("pages/x.md", 7, "words", name)], TESTS)
    assert (problem.location, problem.kind) == ("pages/x.md:7", kind)
    assert what in problem.what
    assert remedy in problem.remedy


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pages", "1,234"),
        ("tests", "5"),
        ("version of Python", platform.python_version()),
        ("version of sphinx", importlib.metadata.version("sphinx")),
    ],
)
def test_a_figure_is_computed(name: str, value: str):
    assert FIGURES[name] == value
    assert list(check_figures([Figure("pages/x.md", 7, name)], FIGURES)) == []


@pytest.mark.parametrize("name", ["page", "version of unheard-of", "version of", ""])
def test_a_figure_that_nothing_computes_is_told_with_those_there_are(name: str):
    (problem,) = check_figures([Figure("pages/x.md", 7, name)], FIGURES)
    assert (problem.location, problem.kind) == ("pages/x.md:7", "figure-unknown")
    assert problem.what == f"nothing computes a figure {name!r}"
    assert problem.remedy == "The figures are pages, tests, version of Python"
    assert len(FIGURES) == 3


CLAIMS = """\
# A page where {proven}`adding adds <test_add>`

Words before.

- a list where {proven}`it adds <test_add>`

| A table | More |
| --- | --- |
| x | {proven}`it adds <test_add>` |

```{note}
A note in which {proven}`it adds <test_add>`; {measured}`tests` test.
```

```{include} ../parts/words.md
```
"""


def test_roles_are_read_with_their_places(project: Project):
    project.write({"parts/words.md": "Some\n\nwords: {proven}`it adds <test_add>`\n"})
    project.page("claims.md", CLAIMS)
    project.page("other.rst", "A page\n======\n\n:proven:`it adds <test_add>`, :proven:`none`.\n")
    built = project.build(evergreen_prove=False)
    assert built.refusal is None
    page = built.page("claims.md")
    words = [(each.page, each.line, each.text, each.test) for each in page.claims]
    path = "pages/claims.md"
    assert words == [
        (path, 1, "adding adds", "test_add"),
        *((path, line, "it adds", "test_add") for line in (5, 9, 12)),
        ("parts/words.md", 3, "it adds", "test_add"),
    ]
    assert page.figures == (Figure(path, 12, "tests"),)
    path = "pages/other.rst"
    assert built.page("other.rst").claims == (
        Claim(path, 4, "it adds", "test_add"),
        Claim(path, 4, "none", ""),
    )


def test_what_is_not_so_stops_the_build_at_its_line(project: Project):
    project.page(
        "claims.md", "# A page\n\n{proven}`Words <test_ad>`.\n\nThere are {measured}`test`.\n"
    )
    built = project.build()
    assert built.refusal == "2 problems, listed above. Nothing is published."
    claim, figure = built.warnings
    assert claim.startswith("pages/claims.md:3: WARNING: no test of the name 'test_ad' ran")
    assert "such as test_add." in claim
    assert figure.startswith("pages/claims.md:5: WARNING: nothing computes a figure 'test'.")
