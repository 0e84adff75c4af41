"""Libraries: the modules that are installed, whoever imports them."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import sysconfig
from collections.abc import Collection, Iterable
from importlib.machinery import ModuleSpec
from types import ModuleType, TracebackType

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


def leave_out_libraries(error: BaseException) -> None:
    """Take what runs in a library out of an error's tracebacks, but for where each ends.

    A test of an example often fails ten calls deep in one, and is mended in the example. pytest
    parses every file that a traceback names, which takes longer than the test.
    """
    seen: set[int] = set()
    errors: list[BaseException | None] = [error]
    while errors:
        each = errors.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            each.__traceback__ = _without_libraries(each.__traceback__)
            errors += [each.__cause__, each.__context__]


def _without_libraries(traceback: TracebackType | None) -> TracebackType | None:
    entries: list[TracebackType] = []
    while traceback is not None:
        entries.append(traceback)
        traceback = traceback.tb_next
    for entry in reversed(entries):
        path = os.path.abspath(entry.tb_frame.f_code.co_filename)  # noqa: PTH100
        if entry is entries[-1] or not path.startswith(_FOLDERS):
            traceback = TracebackType(traceback, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return traceback
