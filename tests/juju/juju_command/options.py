"""The options of subcommands, as far as the stand-in has them."""

from collections.abc import Sequence

_OPTIONS = {
    "add-model": {"no-switch"},
    "add-unit": {"num-units"},
    "config": {"format", "reset"},
    "debug-log": {"limit"},
    "deploy": {"config", "num-units", "resource"},
    "destroy-model": {"destroy-storage", "force", "no-prompt"},
    "exec": {"format", "unit", "wait"},
    "model-config": {"format", "reset"},
    "refresh": {"path", "resource"},
    "remove-application": {"destroy-storage", "force", "no-prompt"},
    "remove-unit": {"destroy-storage", "force", "no-prompt", "num-units"},
    "run": {"format", "params", "wait"},
    "set-model-constraints": set(),
    "show-unit": {"format"},
    "ssh": set(),
    "status": {"format"},
}
_FLAGS = {"destroy-storage", "force", "no-prompt", "no-switch"}
Options = dict[str, list[str]]
"""The values of each option, in their order."""


class Refused(Exception):
    """A command that ends with an error; the text is the error's."""


def parse(subcommand: str, arguments: Sequence[str]) -> tuple[Options, list[str]]:
    """Return the options of a subcommand, and its other arguments.

    Raises:
        Refused: when the stand-in has no such subcommand or option.
    """
    if subcommand not in _OPTIONS:
        raise Refused(f'"{subcommand}" is not part of this stand-in for juju')
    options: Options = {}
    values: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        name, given, value = argument.removeprefix("--").partition("=")
        if argument == "--":
            values.extend(rest)
        elif not argument.startswith("-"):
            values.append(argument)
            if subcommand == "ssh" and len(values) == 2:  # a command with options of its own
                values.extend(rest)
        elif not argument.startswith("--") or name not in _OPTIONS[subcommand] | {"model"}:
            raise Refused(f"{subcommand} {argument} is not part of this stand-in for juju")
        else:
            if not given:
                value = "true" if name in _FLAGS else next(rest)
            options.setdefault(name, []).append(value)
    return options, values
