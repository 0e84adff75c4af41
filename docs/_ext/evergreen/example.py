"""Example projects: where they are, and how their modules share one process."""

from __future__ import annotations

import dataclasses
import os
import sys
import tomllib
from pathlib import Path
from types import ModuleType


@dataclasses.dataclass(frozen=True)
class Example:
    """A complete project that pages embed and whose tests prove it."""

    name: str
    """The folder's name."""
    folder: Path
    """The folder, absolute."""
    import_paths: tuple[Path, ...]
    """Folders its tests import from: `pythonpath` in its own pytest settings."""
    test_paths: tuple[Path, ...]
    """Its tests that need nothing but Python: `testpaths` in its own pytest settings."""


def find_examples(root: Path) -> dict[str, Example]:
    """Read the examples under a folder.

    An example is a folder with a `pyproject.toml`. Its tests are found and run as pytest would
    from inside it, by the keys `pythonpath` and `testpaths` of its `[tool.pytest]` or
    `[tool.pytest.ini_options]` (https://docs.pytest.org/en/stable/reference/reference.html#configuration-options).

    Returns:
        The examples by name, in alphabetical order; empty when there is no such folder.

    Raises:
        ValueError: when a `pyproject.toml` cannot be read, or an example is a link; the message
            names it.
    """
    examples: dict[str, Example] = {}
    for pyproject in sorted(root.glob("*/pyproject.toml")):
        try:
            settings = tomllib.loads(pyproject.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{pyproject}: not a TOML file: {error}") from error
        folder = pyproject.parent.resolve()
        try:
            pytest_settings = settings.get("tool", {}).get("pytest", {})
            pytest_settings = pytest_settings.get("ini_options", pytest_settings)
            import_paths = _paths(folder, pytest_settings.get("pythonpath", "."))
            test_paths = _paths(folder, pytest_settings.get("testpaths", "tests"))
        except (AttributeError, TypeError) as error:
            raise ValueError(
                f"{pyproject}: not settings that pytest can read: pythonpath and testpaths of"
                " [tool.pytest] are lists of paths"
            ) from error
        if pyproject.parent.is_symlink():
            raise ValueError(f"{pyproject.parent}: a link: put the example itself there")
        examples[folder.name] = Example(
            name=folder.name,
            folder=folder,
            import_paths=import_paths,
            test_paths=test_paths,
        )
    return examples


def _paths(folder: Path, setting: str | list[str]) -> tuple[Path, ...]:
    # In `ini_options` pytest takes a text for a list of words.
    words = setting.split() if isinstance(setting, str) else setting
    return tuple(folder / word for word in words)


class ImportSwitch:
    """Gives each example an import system of its own within one process.

    Two examples may both have a module `charm`. Whoever runs code of an example switches to it
    first: its folders come first on `sys.path`, the modules of the example before it are put
    aside, and its own modules from earlier on, if any, are put back.
    """

    def __init__(self) -> None:
        self._active: tuple[Example | None, bool] = (None, False)
        self._modules: dict[Path, dict[str, ModuleType]] = {}

    def to(self, example: Example | None, *, anew: bool = False) -> None:
        """Make an example's modules the importable ones; None leaves no example importable.

        Args:
            example: the example.
            anew: whether none of its modules counts as imported.
        """
        if (example, anew) == self._active:
            return
        before, was_anew = self._active
        if before is not None:
            modules = {
                name: module
                # A copy, as a module may import another one when it is asked for its file.
                for name, module in sys.modules.copy().items()
                if _is_from(module, before.import_paths)
            }
            if not was_anew:
                self._modules[before.folder] = modules
            for name in modules:
                del sys.modules[name]
            paths = {str(path) for path in before.import_paths}
            sys.path[:] = [path for path in sys.path if path not in paths]
        if example is not None:
            sys.path[:0] = [str(path) for path in example.import_paths]
            if not anew:
                sys.modules.update(self._modules.get(example.folder, {}))
        self._active = example, anew


def _is_from(module: ModuleType, folders: tuple[Path, ...]) -> bool:
    try:
        folders_of_package = list(getattr(module, "__path__", None) or ())
    except KeyError:  # a namespace package within one that has been put aside: of no use now
        return True
    places = [getattr(module, "__file__", None), *folders_of_package]
    prefixes = tuple(f"{folder}{os.sep}" for folder in folders)
    return any(f"{place}{os.sep}".startswith(prefixes) for place in places if place)


_switch = ImportSwitch()


def switch_to(folder: str) -> None:
    """Switch this process to the example in a folder: for Sphinx's own doctest builder."""
    _switch.to(find_examples(Path(folder).parent)[Path(folder).name])


def environment_for_extension() -> dict[str, str]:
    """Return this process's environment with this extension importable, for a child's.

    A coverage.py that measures this process does not measure the child: it would get in the way
    of the one that records evidence there.
    """
    folders = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")
    }
    return {**inherited, "PYTHONPATH": os.pathsep.join(filter(None, folders))}
