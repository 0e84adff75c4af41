"""Terminal sessions are split into commands, and each command is known or refused."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest
from evergreen.block import Command, Terminal
from evergreen.problem import Problem
from evergreen.terminal import look_up, read_known_commands, read_session

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Project

TABLE = """\
[git]
options = ["--version"]
reference = "https://git.example/docs/git"

["git commit"]
options = ["--message", "-m"]
reference = "https://git.example/docs/git-commit"

[cat]
options = ["-n"]
reference = "https://cat.example/"
"""


def read(text: str) -> Terminal:
    session = read_session(textwrap.dedent(text), "pages/x.md", 7)
    assert isinstance(session, Terminal)
    return session


def test_commands_are_told_from_what_they_print():
    session = read("""\
        $ one
        $ two --long \\
              --option
        what two prints

        $ not a prompt within the output? It is one.
        """)
    assert session.commands == (
        Command(7, "one", ""),
        Command(8, "two --long --option", "what two prints\n\n"),
        Command(12, "not a prompt within the output? It is one.", ""),
    )
    assert session.shows_output


def test_a_session_of_commands_alone_shows_no_output():
    assert not read("\n$ one\n$ two \\\n").shows_output


def test_a_session_starts_with_a_prompt():
    problem = read_session("one\n$ two\n", "pages/x.md", 7)
    assert isinstance(problem, Problem)
    assert (problem.location, problem.kind) == ("pages/x.md:7", "terminal-prompt")
    assert "'one'" in problem.what


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "commands.toml"
    path.write_text(TABLE)
    return path


@pytest.mark.parametrize(
    "command",
    [
        "git --version",
        "git commit",
        "git commit --message='one; two' file",
        "git commit -m 'a word' -- --not-an-option",
        "cat -n file | cat - && cat other; cat",
        "cat < one > two 2>&1",
        "cat $(cat file)",
        "(cat '' file; cat) & cat",
        "# a remark",
    ],
)
def test_known_commands_pass(table: Path, command: str):
    assert look_up(read(f"$ {command}\n"), read_known_commands(table), "commands.toml") == []


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("gti --version", "the command 'gti --version' is not known"),
        ("git --help", "the command 'git' has no option '--help'"),
        ("git commits -m x", "the command 'git' has no known subcommand 'commits'"),
        ("git commit --mesage=x", "the command 'git commit' has no option '--mesage'"),
        ("cat file | sort -u", "the command 'sort -u' is not known"),
        ("cat file && sort", "the command 'sort' is not known"),
        ("cat file; sort", "the command 'sort' is not known"),
        ("cat file & sort", "the command 'sort' is not known"),
        ("cat $(sort file)", "the command 'sort file' is not known"),
        ("(sort file)", "the command 'sort file' is not known"),
        ("sudo cat file", "the command 'sudo cat' is not known"),
        ("cat 'file", "is none that a shell can read: No closing quotation"),
    ],
)
def test_an_unknown_command_is_named(table: Path, command: str, what: str):
    session = read(f"$ cat file\n$ {command}\n")
    (problem,) = look_up(session, read_known_commands(table), "docs/commands.toml")
    assert (problem.location, problem.kind) == ("pages/x.md:8", "terminal-unknown")
    assert what in problem.what
    assert "docs/commands.toml" in problem.remedy


def test_a_page_is_checked_against_the_table_as_it_is_now(project: Project):
    project.page("session.md", "# A page\n\n```{code-block} console\n\n$ cat x\n$ cat y\n```\n")
    built = project.build(evergreen_prove=False)
    assert [warning.partition(". ")[0] for warning in built.warnings] == [
        f"pages/session.md:{line}: WARNING: the command 'cat {file}' is not known"
        for line, file in [(5, "x"), (6, "y")]
    ]
    project.write({"commands.toml": TABLE})
    assert project.build(evergreen_prove=False).warnings == []
    project.write({"commands.toml": TABLE.replace("[cat]", "[dog]")})
    assert len(project.build(evergreen_prove=False).warnings) == 2


@pytest.mark.parametrize(
    "entry", ["options = []", 'reference = "x"', "options = 3\nreference = 3"]
)
def test_a_command_without_what_it_needs_is_named(tmp_path: Path, entry: str):
    table = tmp_path / "commands.toml"
    table.write_text(f"[pip]\n{entry}\n")
    with pytest.raises(ValueError, match=r"\['pip'\] needs options, a list, and a reference"):
        read_known_commands(table)


def test_without_a_table_no_command_is_known(project: Project):
    project.page("session.md", "# A page\n\n```{code-block} console\n$ cat x\n```\n")
    built = project.build(evergreen_prove=False, evergreen_commands="")
    (warning,) = built.warnings
    assert (
        "the command 'cat x' is not known. Correct the command, or add it to a table that you"
        " name in evergreen_commands from its reference."
    ) in warning
