"""Terminal sessions on a page, and the commands that may stand in them."""

from __future__ import annotations

import dataclasses
import shlex
import tomllib
from pathlib import Path

from evergreen.block import Command, Terminal
from evergreen.group import matches_anything
from evergreen.problem import Problem

_PROMPT = "$ "
_CONTINUATION = "\\"
_BETWEEN_COMMANDS = ";&|()"


@dataclasses.dataclass(frozen=True)
class KnownCommand:
    """A command as its own reference describes it."""

    name: str
    """The command with its subcommands, such as `git commit`."""
    options: frozenset[str]
    """Every option the table allows, such as `--message`."""
    reference: str
    """The page that the entry was read from."""


def read_session(text: str, page: str, line: int) -> Terminal | Problem:
    """Split a terminal session into its commands and what they print.

    Args:
        text: the block as published.
        page: the page's source file, relative to the folder that holds `conf.py`.
        line: the line on which the block's text starts.

    Returns:
        The session; or a `Problem` when it does not start with a prompt, or an output shown
        would match anything.
    """
    commands: list[Command] = []
    continues = False
    for number, shown in enumerate(text.splitlines(), start=line):
        if continues:
            before = commands.pop()
            joined = before.text.removesuffix(_CONTINUATION) + shown.strip()
            commands.append(dataclasses.replace(before, text=joined))
        elif shown.startswith(_PROMPT):
            commands.append(Command(number, shown.removeprefix(_PROMPT).strip(), ""))
        elif commands:
            before = commands.pop()
            commands.append(dataclasses.replace(before, output=f"{before.output}{shown}\n"))
        elif shown.strip():
            return Problem(
                page,
                line,
                "terminal-prompt",
                f"the terminal session starts without a prompt: {shown!r}",
                f"Write {_PROMPT!r} before each command",
            )
        continues = bool(commands) and shown.endswith(_CONTINUATION)
    for command in commands:
        if matches_anything(command.output):
            return Problem(
                page,
                command.line,
                "output-matches-all",
                f"what {command.text!r} prints is only '...', which matches anything",
                "Show at least the words that matter, or nothing",
            )
    return Terminal(page, line, tuple(commands))


def read_known_commands(table: Path) -> dict[str, KnownCommand]:
    """Read the table of commands.

    The table is TOML: one table a command, its name as the key, with `options` (a list) and
    `reference` (the address of the page that describes them).

    Raises:
        ValueError: when the file is not such a table; the message names it.
    """
    try:
        entries = tomllib.loads(table.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{table}: not a table of commands: {error}") from error
    known: dict[str, KnownCommand] = {}
    for name, entry in entries.items():
        try:
            known[name] = KnownCommand(name, frozenset(entry["options"]), entry["reference"])
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"{table}: not a table of commands: [{name!r}] needs options, a list, and a"
                " reference, an address"
            ) from error
    return known


def look_up(session: Terminal, known: dict[str, KnownCommand], table: str) -> list[Problem]:
    """Tell of each command of a session that is not in the table, or has an unknown option."""
    problems: list[Problem] = []
    place = table or "a table that you name in evergreen_commands"
    for command in session.commands:
        try:
            simple_commands = _simple_commands(command.text)
            unknown = [_what_is_unknown(words, known) for words in simple_commands]
        except ValueError as error:
            unknown = [f"the command {command.text!r} is none that a shell can read: {error}"]
        problems.extend(
            Problem(
                session.page,
                command.line,
                "terminal-unknown",
                what,
                f"Correct the command, or add it to {place} from its reference",
            )
            for what in unknown
            if what
        )
    return problems


def _simple_commands(text: str) -> list[list[str]]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    for word in lexer:
        if word and not word.strip(_BETWEEN_COMMANDS):
            commands.append([])
        else:
            commands[-1].append(word)
    return [words for words in commands if words]


def _what_is_unknown(words: list[str], known: dict[str, KnownCommand]) -> str | None:
    prefixes = [" ".join(words[:length]) for length in range(len(words), 0, -1)]
    entry = next((known[prefix] for prefix in prefixes if prefix in known), None)
    if entry is None:
        return f"the command {' '.join(words[:2])!r} is not known"
    arguments = words[len(entry.name.split()) :]
    has_subcommands = any(name.startswith(f"{entry.name} ") for name in known)
    if has_subcommands and arguments and not arguments[0].startswith("-"):
        return f"the command {entry.name!r} has no known subcommand {arguments[0]!r}"
    for word in arguments:
        if word == "--":
            break
        option = word.partition("=")[0]
        # A single "-" stands for the standard input.
        if option.startswith("-") and option != "-" and option not in entry.options:
            return f"the command {entry.name!r} has no option {option!r}"
    return None
