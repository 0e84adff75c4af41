"""Groups run what `sphinx-build -b doctest` runs, in the same order."""

from __future__ import annotations

import doctest
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import evergreen
import pytest
from evergreen.group import FLAGS, Code, Group, Step, matches_anything
from evergreen.manifest import Manifest, PageTests
from evergreen.proof import Unit

if TYPE_CHECKING:
    from conftest import Project

ROLES = ["testsetup", "testcode", "testcode", "testcode", "testcleanup"]
GROUPS = ["", "one", "two", "one, two", "*", "one, *"]
SEEDS = range(12)

# Each block says which one it is, and what it finds of the blocks that ran before it.
TRACE = """\
import os
from pathlib import Path


def note(page, group, block, names):
    with Path(os.environ["TRACE"]).open("a") as trace:
        print(page, group, block, sum(name.startswith("seen_") for name in names), file=trace)
"""


def _page(seed: int) -> str:
    """Return a page of executed blocks in a random order, shown and hidden."""
    chance = random.Random(seed)
    lines = ["# A page", ""]
    for number in range(10):
        # Each group has a block at least.
        groups = GROUPS[number] if number < 3 else chance.choice(GROUPS)
        role = "testcode" if number < 3 else chance.choice(ROLES)
        hide = [":hide:", ""] if role == "testcode" and chance.random() < 0.3 else []
        lines += [
            f"```{{{role}}} {groups}".rstrip(),
            *hide,
            "from trace import note",
            f"note('page-{seed}', 'any', {number}, list(globals()))",
            f"seen_{number} = 1",
            "```",
            "",
        ]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def traces(
    make_project: Callable[[], Project], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[str]]:
    """Return what ran on all pages, in order, under Sphinx and under pytest."""
    project = make_project()
    project.write({"examples/sums/src/trace.py": TRACE})
    for seed in SEEDS:
        groups = {"default": "sums", "one": "sums", "two": "sums"}
        project.page(f"page-{seed}.md", _page(seed), examples=groups)
    folder = tmp_path_factory.mktemp("traces")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", str(Path(evergreen.__file__).parents[1]))
        environment.setenv("TRACE", str(folder / "sphinx"))
        command = [sys.executable, "-m", "sphinx", "-b", "doctest", "-q", ".", "_build/doctest"]
        subprocess.run(command, cwd=project.folder, check=True, env=os.environ.copy())
        built = project.build(evergreen_prove=False)
        pages = {page.path: page.tests for page in built.pages.values() if page.tests}
        units = [Unit(page, page, (page,), "") for page in pages]
        environment.setenv("TRACE", str(folder / "pytest"))
        results = project.run_tests(pages, units)
    assert {each.outcome for each in results} == {"passed"}
    return {name: (folder / name).read_text().splitlines() for name in ("sphinx", "pytest")}


@pytest.mark.parametrize("seed", SEEDS)
def test_blocks_run_in_the_order_of_sphinx(traces: dict[str, list[str]], seed: int):
    under_sphinx, under_pytest = (
        [line for line in traces[name] if line.startswith(f"page-{seed} ")]
        for name in ("sphinx", "pytest")
    )
    assert len(under_sphinx) >= 10
    assert under_pytest == under_sphinx


def test_an_output_belongs_to_the_code_before_it_in_its_group(project: Project):
    project.page(
        "interleaved.md",
        """\
        ```{testcode} one
        print(1)
        ```
        ```{testcode} two
        print(2)
        ```
        ```{testsetup} one
        x = 1
        ```
        ```{testcleanup} one
        x = 2
        ```
        ```{testoutput} one
        1
        ```
        ```{testcode} one
        pass
        ```
        ```{testoutput} two
        :options: -ELLIPSIS, +NORMALIZE_WHITESPACE

        2
        ```
        """,
        examples={"one": "sums", "two": "sums"},
    )
    page = project.build(evergreen_prove=False).page("interleaved.md")
    path = "pages/interleaved.md"
    one, two = page.groups
    assert page.problems == ()
    assert (one.setup, one.cleanup) == ((Code(path, 13, "x = 1"),), (Code(path, 16, "x = 2"),))
    assert one.steps == (Step(Code(path, 7, "print(1)"), "1"), Step(Code(path, 22, "pass")))
    flags = FLAGS & ~doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert two.steps == (Step(Code(path, 10, "print(2)"), "2", flags),)


def test_a_page_keeps_its_groups_through_the_manifest(tmp_path: Path):
    code = Code("pages/x.md", 3, "print('é')")
    group = Group("pages/x.md", "one", "sums", (code,), (Step(code, "é", FLAGS | 1),), (code,))
    manifest = Manifest({"pages/x.md": PageTests((group,), (), "sums")}, ("pages/x.md",))
    manifest.write(tmp_path / "manifest.json")
    assert Manifest.read(tmp_path / "manifest.json") == manifest


@pytest.mark.parametrize(
    ("output", "is_anything"),
    [
        ("...", True),
        (" ...\n...\n", True),
        ("Traceback (most recent call last):\n    ...\nValueError: ...", True),
        ("", False),
        ("a ...", False),
        ("Traceback (most recent call last):\n    ...\nValueError: no ...", False),
        ("Traceback (most recent call last):\n    ...\nKeyboardInterrupt", False),
    ],
)
def test_only_dots_match_anything(output: str, is_anything: bool):
    assert matches_anything(output) is is_anything
