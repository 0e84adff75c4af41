"""Small Sphinx projects for the tests of the extension."""

import dataclasses
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from evergreen.build import NotPublished, pages_of
from evergreen.manifest import PageTests
from evergreen.page import Page
from evergreen.proof import Result, Unit
from evergreen.runner import Runner
from sphinx.testing.util import SphinxTestApp

# The example site is built by the tests, in copies: its own tests are not tests of the extension.
collect_ignore = ["site"]

CONF = """\
extensions = ["myst_parser", "sphinx_design", "evergreen"]
exclude_patterns = ["_build", "examples", "parts"]
myst_enable_extensions = ["colon_fence"]
evergreen_commands = "commands.toml"
"""
INDEX = """\
# A site

```{toctree}
:glob:
pages/*
```
"""
SUMS = """\
def add(a, b):
    return a + b
"""
EXAMPLE = {
    "examples/sums/pyproject.toml": '[tool.pytest]\npythonpath = ["src"]\n',
    "examples/sums/src/sums.py": SUMS,
    "examples/sums/tests/test_sums.py": """\
from sums import add


def test_add():
    assert add(1, 2) == 3
""",
}
SHOWN = """\
# The whole of it

```{literalinclude} ../examples/sums/src/sums.py
```
"""


@dataclasses.dataclass(frozen=True)
class Build:
    """How one run of Sphinx ended."""

    refusal: str | None
    """Why nothing was published; None when the build went through."""
    warnings: list[str]
    """What was logged, one message after the other, each with the lines that belong to it."""
    pages: dict[str, Page]
    """What the extension read of each page."""
    doctrees: Path
    output: Path

    def page(self, name: str) -> Page:
        """Return what was read of a page that `Project.page` wrote."""
        return next(page for page in self.pages.values() if page.path == f"pages/{name}")

    def warnings_of(self, path: str) -> list[str]:
        """Return what was logged for a file."""
        return [warning for warning in self.warnings if warning.startswith(f"{path}:")]

    def problems(self, name: str) -> list[tuple[str, int | None, str]]:
        """Return place and kind of all that is wrong with a page."""
        return [(each.path, each.line, each.kind) for each in self.page(name).problems]


class Project:
    """A Sphinx project in a folder, in which `pages/` holds the pages under test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")

    def page(self, name: str, text: str, examples: dict[str, str] | None = None) -> None:
        """Write a page, with a front matter that gives its groups their examples."""
        front_matter = ""
        if examples:
            lines = "".join(f"  {group}: {example}\n" for group, example in examples.items())
            front_matter = f"---\nexamples:\n{lines}---\n"
        self.write({f"pages/{name}": front_matter + textwrap.dedent(text)})

    def build(
        self,
        builder: str = "dummy",
        *,
        parallel: int = 0,
        events: dict[str, Callable[..., None]] | None = None,
        **options: object,
    ) -> Build:
        """Run Sphinx in this process, with settings and handlers of events besides its own."""
        app = SphinxTestApp(builder, srcdir=self.folder, confoverrides=options, parallel=parallel)
        for event, handler in (events or {}).items():
            app.connect(event, handler)
        refusal = None
        try:
            app.build()
        except NotPublished as error:
            refusal = str(error)
        finally:
            app.cleanup()
        return Build(
            refusal,
            _messages(app.warning.getvalue()),
            dict(pages_of(app.env)),
            Path(app.doctreedir),
            Path(app.outdir),
        )

    def run_tests(
        self, pages: Mapping[str, PageTests], units: Sequence[Unit], seconds: float = 60
    ) -> list[Result]:
        """Run the tests of some units, all at once."""
        tests = sorted({test for unit in units for test in unit.tests} - pages.keys())
        proofs = [test for test in tests if (self.folder / test).is_file()]
        with Runner(self.folder, self.folder / "examples", proofs, seconds) as runner:
            runner.give([unit for unit in units if unit.path not in pages], pages)
            for unit in units:
                if unit.path in pages:
                    runner.give([unit], pages)
            return runner.finish()


@pytest.fixture(scope="module", autouse=True)
def fast_python(commands: Path) -> Iterator[None]:
    """Have a build start pytest fast."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", str(commands / "python"))
        yield


def _messages(log: str) -> list[str]:
    messages: list[str] = []
    for line in re.sub(r"\x1b\[[0-9;]*m", "", log).splitlines():
        if line.startswith(" ") and messages:
            messages[-1] += f"\n{line}"
        else:
            messages.append(line)
    return messages


@pytest.fixture(scope="session")
def make_project(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Project]:
    """Return a function that makes a project with one example, and a page that shows it."""

    def make() -> Project:
        project = Project(tmp_path_factory.mktemp("project"))
        project.write({"conf.py": CONF, "index.md": INDEX, "commands.toml": "", **EXAMPLE})
        project.page("sums.md", SHOWN)
        return project

    return make


@pytest.fixture
def project(make_project: Callable[[], Project]) -> Project:
    return make_project()
