"""What an example tells its tools and its reader is true: its README and its settings."""

import configparser
import re
import tomllib
from importlib.metadata import distribution, version
from pathlib import Path

import pytest
from evergreen.block import Terminal
from evergreen.terminal import look_up, read_known_commands, read_session
from packaging.dependency_groups import resolve_dependency_groups
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
COMMANDS = "docs/commands.toml"
EXAMPLES = sorted(path.parent for path in ROOT.glob("examples/*/pyproject.toml"))
each_example = pytest.mark.parametrize("example", EXAMPLES, ids=[path.name for path in EXAMPLES])


def requirements(example: Path, *groups: str) -> list[Requirement]:
    """Return what an example needs, and what some of its groups need, or all of them if none."""
    project = tomllib.loads((example / "pyproject.toml").read_text())
    there = project["dependency-groups"]
    named = resolve_dependency_groups(there, *(groups or there))
    return [Requirement(each) for each in [*project["project"]["dependencies"], *named]]


@each_example
def test_what_is_proven_with_here_is_what_the_example_asks_for(example: Path):
    for requirement in requirements(example):
        if requirement.marker is None or requirement.marker.evaluate():
            assert requirement.specifier.contains(version(requirement.name)), str(requirement)


@each_example
def test_each_tox_environment_installs_the_commands_that_it_runs(example: Path):
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(example / "tox.ini")
    environments = {
        name.removeprefix("testenv:"): section
        for name, section in tox.items()
        if name.startswith("testenv:")
    }
    assert set(tox["tox"]["env_list"].split(", ")) <= set(environments)
    for section in environments.values():
        installed = requirements(example, *section["dependency_groups"].split())
        scripts = {
            script.name
            for requirement in installed
            for script in distribution(requirement.name).entry_points.select(
                group="console_scripts"
            )
        }
        # Ruff brings a program of its own.
        scripts.update(requirement.name for requirement in installed)
        for command in section["commands"].strip().splitlines():
            assert command.split()[0] in scripts, f"{command} in {example.name}/tox.ini"


@each_example
def test_the_readme_names_commands_and_files_that_exist(example: Path):
    text = (example / "README.md").read_text()
    known = read_known_commands(ROOT / COMMANDS)
    blocks = re.findall(r"```shell\n(.*?)```", text, re.DOTALL)
    assert blocks
    for block in blocks:
        prompted = "".join(f"$ {line}\n" for line in block.splitlines())
        session = read_session(prompted, "README.md", 1)
        assert isinstance(session, Terminal)
        assert look_up(session, known, COMMANDS) == []
    for name in re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE):
        assert (example / name).exists(), name
