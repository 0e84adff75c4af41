"""Measure how long it takes to prove N pages, against other ways to run the same code.

Each page has five blocks, and each block is one state-transition test of `examples/stored-state`.
All ways are run in turn, round after round, so that a machine that is busy for a while is busy
for all of them; a ratio is the median of the ratios of each round. Nothing is asserted of time.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import importlib.metadata
import itertools
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "stored-state"
ROUNDS = {10: 7, 100: 5, 1000: 3}
PACKAGES = ("ops", "ops-scenario", "sphinx", "myst-parser", "pytest", "pytest-xdist", "sybil")

IMPORTS = """\
from charm import MyCharm
from ops import testing
"""
STORED = 'testing.StoredState("_stored", owner_path="MyCharm", content={"expensive_value": 42})'


@dataclasses.dataclass(frozen=True)
class Body:
    """One state-transition test: what every way has to run, each in its own form."""

    code: str
    """The arrangement and the event."""
    value: str
    """An expression of what came of it."""
    expected: str
    """The value as text."""


BODIES = (
    Body(
        "ctx = testing.Context(MyCharm)\nstate = ctx.run(ctx.on.install(), testing.State())",
        "state.unit_status.message",
        "waiting for the start event",
    ),
    Body(
        f"stored = {STORED}\n"
        "ctx = testing.Context(MyCharm)\n"
        "state = ctx.run(ctx.on.start(), testing.State(stored_states={stored}))",
        'state.get_stored_state("_stored", owner_path="MyCharm").content',
        "{'expensive_value': 42}",
    ),
    Body(
        f"stored = {STORED}\n"
        "ctx = testing.Context(MyCharm)\n"
        "ctx.run(ctx.on.update_status(), testing.State(stored_states={stored}))",
        '[line.message for line in ctx.juju_log if line.level == "INFO"]',
        "['Hashing passwords with 42 iterations']",
    ),
    Body(
        f"stored = {STORED}\n"
        "ctx = testing.Context(MyCharm)\n"
        "state = ctx.run(ctx.on.update_status(), testing.State(stored_states={stored}))",
        "state.unit_status.message",
        "42 iterations",
    ),
    Body(
        "ctx = testing.Context(MyCharm)\n"
        "state = ctx.run(ctx.on.config_changed(), testing.State(leader=True))",
        "state.unit_status.message",
        "waiting for the start event",
    ),
)


# The same bodies in the form that each way takes.


def write_site(folder: Path, size: int) -> None:
    """Write a project of this kind: the example, a page that shows its charm, and N more."""
    shutil.copytree(EXAMPLE, folder / "examples" / EXAMPLE.name)
    # The settings for pytest that hold for the pages here hold for those there.
    shutil.copy(ROOT / "conftest.py", folder)
    (folder / "pyproject.toml").touch()
    (folder / "conf.py").write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(ROOT / 'docs' / '_ext')!r})\n"
        'extensions = ["myst_parser", "evergreen"]\n'
        'evergreen_libraries = ["ops", "scenario"]\n'
    )
    (folder / "docs").mkdir()
    index = """\
        # Pages

        ```{toctree}
        :glob:
        *
        ```

        ```{literalinclude} ../examples/stored-state/src/charm.py
        :pyobject: MyCharm
        ```
        """
    (folder / "docs" / "index.md").write_text(textwrap.dedent(index))
    for number in range(size):
        (folder / "docs" / f"page_{number}.md").write_text(page(number))


def page(number: int, edit: str = "") -> str:
    """Return a page of executed blocks; an edit is a comment in each of them."""
    blocks = [
        f"Step {step}: an event, and what comes of it.\n\n"
        f"```{{testcode}}\n{edit}\n{IMPORTS if step == 1 else ''}{body.code}\n"
        f"print({body.value})\n```\n\n```{{testoutput}}\n{body.expected}\n```\n"
        for step, body in enumerate(BODIES, start=1)
    ]
    front_matter = f"---\nexamples:\n  default: {EXAMPLE.name}\n---\n"
    return f"{front_matter}# Page {number}\n\n" + "\n".join(blocks)


def write_plain_configuration(folder: Path) -> None:
    """Write what Sphinx needs for the same pages without this project's extension."""
    folder.mkdir()
    (folder / "conf.py").write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(EXAMPLE / 'src')!r})\n"
        'extensions = ["myst_parser", "sphinx.ext.doctest"]\n'
    )


def write_functions(folder: Path, size: int) -> None:
    """Write the bodies as test functions, a file for each page."""
    folder.mkdir()
    functions = "".join(
        f"\n\ndef test_{number}():\n"
        + textwrap.indent(f"{body.code}\nassert str({body.value}) == {body.expected!r}\n", "    ")
        for number, body in enumerate(BODIES)
    )
    for number in range(size):
        (folder / f"test_page_{number}.py").write_text(IMPORTS + functions)
    calls = "".join(f"    test_{number}()\n" for number in range(len(BODIES)))
    (folder / "loop.py").write_text(
        f"import sys\n\nsys.path.insert(0, {str(EXAMPLE / 'src')!r})\n"
        f"{IMPORTS}{functions}\nfor _ in range({size}):\n{calls}"
        f'print("{size * len(BODIES)} passed")\n'
    )
    write_pytest_settings(folder)


def write_sybil_pages(folder: Path, size: int) -> None:
    """Write the bodies as pages of Python blocks, as Sybil's parser for MyST reads them."""
    folder.mkdir()
    blocks = "\n".join(
        f"```python\n{IMPORTS if number == 0 else ''}{body.code}\n"
        f"assert str({body.value}) == {body.expected!r}\n```\n"
        for number, body in enumerate(BODIES)
    )
    for number in range(size):
        (folder / f"page_{number}.md").write_text(f"# Page {number}\n\n{blocks}")
    conftest = """\
        from sybil import Sybil
        from sybil.parsers.myst import PythonCodeBlockParser

        pytest_collect_file = Sybil(parsers=[PythonCodeBlockParser()], pattern="*.md").pytest()
        """
    (folder / "conftest.py").write_text(textwrap.dedent(conftest))
    write_pytest_settings(folder)


def write_pytest_settings(folder: Path) -> None:
    """Make a folder a project of pytest, in which the example's charm can be imported."""
    # As here: nobody who tests a charm has Charmcraft beside it.
    without = "-p no:craft_application -p no:emitter"
    settings = f"[pytest]\npythonpath = {EXAMPLE / 'src'}\naddopts = {without}\n"
    (folder / "pytest.ini").write_text(settings)


# Running.


@dataclasses.dataclass(frozen=True)
class Way:
    """One way to run the bodies, or what another is compared with."""

    name: str
    """What the table calls it."""
    folder: Path
    """Where to run it."""
    arguments: Sequence[str]
    """What to run: the arguments of Python."""
    sign: str
    """What it prints when it has run all that it should."""
    prepare: Callable[[], None] = lambda: None
    """What to do before each run, unmeasured."""


@dataclasses.dataclass(frozen=True)
class Sample:
    """What one run took."""

    wall: float
    """Seconds from start to end."""
    cpu: float
    """Seconds of all its processes on all cores."""
    memory: float
    """The most that its largest process held at a time, in MB."""


LOOP = "bare loop"
PYTEST = "plain pytest"
SYBIL = "Sybil"
DOCTEST = "sphinx-build -b doctest -E"
COLD = "this project, cold"
WARM = "this project, warm"
EDITED = "this project, one page edited"
SAME = "this project, nothing changed"
SPHINX_EDITED = "Sphinx alone, one page edited"
SPHINX_SAME = "Sphinx alone, nothing changed"


def make_ways(folder: Path, size: int) -> list[Way]:
    """Write the projects for N pages into a folder, and return the ways in the order to run."""
    site, plain = folder / "site", folder / "plain"
    functions, sybil = folder / "functions", folder / "sybil"
    site.mkdir(parents=True)
    write_site(site, size)
    write_plain_configuration(plain)
    write_functions(functions, size)
    write_sybil_pages(sybil, size)

    def sphinx(builder: str, configuration: Path, doctrees: Path) -> list[str]:
        options = ["-b", builder, "-c", str(configuration), "-d", str(doctrees)]
        return ["-m", "sphinx", *options, "docs", str(folder / "output")]

    doctrees = folder / "doctrees"
    own = sphinx("dummy", site, doctrees)
    alone = sphinx("dummy", plain, folder / "plain-doctrees")
    doctest = [*sphinx("doctest", plain, folder / "doctest-doctrees"), "-E"]
    count = size * len(BODIES)
    example_count = (EXAMPLE / "tests/unit/test_charm.py").read_text().count("\ndef test_")
    all_passed = f"\n{size + example_count} tests passed"
    edits = itertools.count(1)

    def forget_all() -> None:
        shutil.rmtree(doctrees, ignore_errors=True)

    def forget_proofs() -> None:
        (doctrees / "evergreen-evidence.json").unlink()

    def edit() -> None:
        edited = site / "docs" / f"page_{size - 1}.md"
        edited.write_text(page(size - 1, f"# edit {next(edits)}"))

    run(Way(SPHINX_SAME, site, alone, "succeeded"))
    return [
        Way(LOOP, functions, ["loop.py"], f"{count} passed"),
        Way(DOCTEST, site, doctest, f"\n{count:5} tests"),
        Way(COLD, site, own, all_passed, forget_all),
        Way(PYTEST, functions, ["-m", "pytest"], f" {count} passed"),
        Way(WARM, site, own, all_passed, forget_proofs),
        # Blocks of one page build on one another.
        Way(SYBIL, sybil, ["-m", "pytest", "-p", "no:randomly"], f" {count} passed"),
        Way(SAME, site, own, "everything is proven already"),
        Way(SPHINX_SAME, site, alone, "0 added, 0 changed, 0 removed"),
        Way(EDITED, site, own, "\n1 tests passed", edit),
        Way(SPHINX_EDITED, site, alone, "0 added, 1 changed, 0 removed"),
    ]


def run(way: Way) -> Sample:
    """Run one way once.

    Raises:
        RuntimeError: when it fails, or does not say that it has run all that it should.
    """
    way.prepare()
    inherited = {
        name: value
        for name, value in os.environ.items()
        # What a test or a task that runs this has set for itself.
        if not name.startswith(("PYTEST_", "PYTHONDONTWRITEBYTECODE"))
    }
    # Bytecode of all ways in one place, so that none is slowed by compiling a library.
    environment = {**inherited, "PYTHONPYCACHEPREFIX": str(way.folder.parents[1] / "pycache")}
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *way.arguments],
            cwd=way.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if process.returncode or way.sign not in text:
        raise RuntimeError(f"{way.name}: no {way.sign!r} in\n{text}")
    return Sample(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000)


def measure(folder: Path, size: int, rounds: int) -> dict[str, list[Sample]]:
    """Run all ways for N pages in turn; return the samples of each, one a round."""
    samples: dict[str, list[Sample]] = {}
    all_ways = make_ways(folder, size)
    for number in range(rounds):
        print(f"{size} pages, round {number + 1} of {rounds}", file=sys.stderr)
        for way in all_ways:
            samples.setdefault(way.name, []).append(run(way))
    return samples


# Reporting.


def ratio(samples: Mapping[str, list[Sample]], way: str, other: str, of: str = "wall") -> float:
    """Return how one way compares with another: the median over the rounds."""
    return statistics.median(
        getattr(own, of) / getattr(others, of)
        for own, others in zip(samples[way], samples[other], strict=True)
    )


def median(samples: Mapping[str, list[Sample]], way: str, of: str = "wall") -> float:
    """Return the median over the rounds."""
    return statistics.median(getattr(sample, of) for sample in samples[way])


def table_of_ways(size: int, samples: Mapping[str, list[Sample]]) -> str:
    """Return a Markdown table of all ways for N pages."""
    lines = [
        f"| {size} pages, {size * len(BODIES)} blocks | wall, s | CPU, s | wall / pytest"
        " | wall / doctest -E | CPU / doctest -E | memory, MB |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {way} | {median(samples, way):.2f} | {median(samples, way, 'cpu'):.2f}"
        f" | {ratio(samples, way, PYTEST):.2f} | {ratio(samples, way, DOCTEST):.2f}"
        f" | {ratio(samples, way, DOCTEST, 'cpu'):.2f} | {median(samples, way, 'memory'):.0f} |"
        for way in samples
    ]
    return "\n".join(lines)


def table_of_aims(by_size: Mapping[int, Mapping[str, list[Sample]]]) -> str:
    """Return a Markdown table of what is aimed at, with a column for each N."""
    rows = {
        "cold / sphinx-build -b doctest -E (aim: 0.6 at most)": [
            f"{ratio(samples, COLD, DOCTEST):.2f}" for samples in by_size.values()
        ],
        "warm / plain pytest (aim: 0.8 at most)": [
            f"{ratio(samples, WARM, PYTEST):.2f}" for samples in by_size.values()
        ],
        "one page edited, less Sphinx alone (aim: the same for all N)": [
            f"{median(samples, EDITED) - median(samples, SPHINX_EDITED):.2f} s"
            for samples in by_size.values()
        ],
        "nothing changed, less Sphinx alone": [
            f"{median(samples, SAME) - median(samples, SPHINX_SAME):.2f} s"
            for samples in by_size.values()
        ],
        "cold, for each page (aim: no growth)": [
            f"{1000 * median(samples, COLD) / size:.0f} ms" for size, samples in by_size.items()
        ],
        "cold, memory": [
            f"{median(samples, COLD, 'memory'):.0f} MB" for samples in by_size.values()
        ],
    }
    lines = [
        f"| | {' | '.join(f'{size} pages' for size in by_size)} |",
        f"| --- |{' ---: |' * len(by_size)}",
        *(f"| {name} | {' | '.join(values)} |" for name, values in rows.items()),
    ]
    return "\n".join(lines)


def conditions() -> str:
    """Return the date, what was measured, and on what."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    date = datetime.datetime.now(datetime.UTC).strftime("%d %B %Y, %H:%M UTC")
    load = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    return (
        f"{date}; {os.cpu_count()} cores ({platform.machine()}), Python"
        f" {platform.python_version()}, {versions}; load averages {load}"
    )


def main() -> None:
    """Measure, and print tables in Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=list(ROUNDS), help="numbers of pages"
    )
    parser.add_argument("--rounds", type=int, help="how often to run each way (default: 3 to 7)")
    options = parser.parse_args()
    before = conditions()
    by_size: dict[int, dict[str, list[Sample]]] = {}
    with tempfile.TemporaryDirectory(prefix="evergreen-bench-") as folder:
        print("warming up", file=sys.stderr)
        measure(Path(folder, "warm-up"), 1, 1)
        for size in options.sizes:
            rounds = options.rounds or ROUNDS.get(size, 3)
            by_size[size] = measure(Path(folder, str(size)), size, rounds)
    for size, samples in by_size.items():
        print(f"{table_of_ways(size, samples)}\n")
    print(f"{table_of_aims(by_size)}\n\nBefore: {before}.\n\nAfter: {conditions()}.")


if __name__ == "__main__":
    main()
