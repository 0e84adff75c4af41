"""Libraries: the modules that are installed, whoever imports them."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import sysconfig
from collections.abc import Collection, Iterable
from importlib.machinery import ModuleSpec
from types import ModuleType

_FOLDERS = tuple(
    f"{sysconfig.get_path(name)}{os.sep}"
    for name in ("stdlib", "platstdlib", "purelib", "platlib")
)


def libraries_besides(names: Collection[str]) -> list[str]:
    """Return the names of the modules of libraries that have been imported, without some names.

    What has been put into `sys.modules` by hand was not imported.
    """
    return [
        name
        for name, module in sys.modules.copy().items()
        if name not in names
        and isinstance(module, ModuleType)
        and isinstance(spec := vars(module).get("__spec__"), ModuleSpec)
        and spec.name == name
        and str(spec.origin).startswith(_FOLDERS)
    ]


def import_libraries(names: Iterable[str]) -> None:
    """Import modules of libraries; what is none here, or cannot be imported, is left out."""
    for name in names:
        with contextlib.suppress(Exception, SystemExit):
            # Of the package alone: to look for what is within it would import it.
            spec = importlib.util.find_spec(name.partition(".")[0])
            places = spec and (spec.submodule_search_locations or [spec.origin or ""])
            if places and all(place.startswith(_FOLDERS) for place in places):
                importlib.import_module(name)


def is_in_library(path: str) -> bool:
    """Tell whether a file belongs to a library."""
    return os.path.abspath(path).startswith(_FOLDERS)  # noqa: PTH100
