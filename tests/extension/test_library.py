"""Modules of libraries are told from others, and importing one ahead harms nobody."""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from evergreen import library
from evergreen.library import import_libraries, leave_out_libraries, libraries_besides

INSTALLED = {
    "lantern/__init__.py": "import lantern.lens\n",
    "lantern/lens.py": "",
    "space/lamp.py": "",
    "ends.py": "raise SystemExit\n",
    "fails.py": "1 / 0\n",
    "plain.py": "",
}
OWN = {"own.py": "", "mixed/__init__.py": "", "shared/one.py": ""}


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a folder of libraries, and before it on the path another one with modules."""
    for folder, files in {
        "installed": {**INSTALLED, "mixed/part.py": "", "shared/two.py": ""},
        "own": OWN,
    }.items():
        for name, text in files.items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        monkeypatch.syspath_prepend(tmp_path / folder)
    monkeypatch.setattr(library, "_FOLDERS", (f"{tmp_path / 'installed'}{os.sep}",))
    before = set(sys.modules)
    yield
    for name in sys.modules.keys() - before:
        del sys.modules[name]


def test_what_has_been_imported_is_told():
    before = {*sys.modules, "plain"}
    for name in ("lantern", "space.lamp", "own", "plain"):
        importlib.import_module(name)
    # A namespace has no file, and is imported with what is within it.
    assert set(libraries_besides(before)) == {"lantern", "lantern.lens", "space.lamp"}


def test_what_was_put_there_by_hand_was_not_imported(monkeypatch: pytest.MonkeyPatch):
    before = set(sys.modules)
    lens = importlib.import_module("lantern.lens")
    odd = ModuleType("odd")
    odd.__spec__ = "of no use"  # type: ignore[assignment]
    bare = ModuleType("bare")
    del bare.__spec__
    put = {"alias": lens, "plain": ModuleType("plain"), "text": "", "odd": odd, "bare": bare}
    for name, module in put.items():
        monkeypatch.setitem(sys.modules, name, module)  # type: ignore[arg-type]
    assert set(libraries_besides(before)) == {"lantern", "lantern.lens"}


def test_libraries_are_imported():
    import_libraries(["lantern", "space.lamp"])
    assert {"lantern", "lantern.lens", "space.lamp"} <= sys.modules.keys()


def test_what_cannot_be_imported_is_left_out():
    import_libraries(["ends", "fails", "gone", "gone.part", "lantern.gone", "plain"])
    assert "plain" in sys.modules
    assert not {"ends", "fails", "lantern.gone"} & sys.modules.keys()


def test_what_is_no_library_here_is_left_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "put", ModuleType("put"))
    import_libraries(["own", "mixed.part", "shared.two", "sys", "put"])
    assert not {"own", "mixed", "shared", "shared.two"} & sys.modules.keys()


def test_the_standard_library_and_what_is_installed_are_libraries(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.undo()
    assert {"sysconfig", "pytest"} <= set(libraries_besides([]))
    assert not {"sys", "evergreen.library", __name__} & set(libraries_besides([]))


def files_of(error: BaseException | None) -> list[str]:
    assert error is not None
    return [frame.filename for frame in traceback.extract_tb(error.__traceback__)]


def test_an_error_leads_from_the_project_to_where_it_is_raised(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.undo()

    def fail() -> None:
        try:
            json.loads("not JSON")
        except ValueError as error:
            raise ValueError("it is not JSON") from error

    with pytest.raises(ValueError, match="not JSON") as raised:
        fail()
    cause = raised.value.__cause__
    assert files_of(cause) == [__file__, json.__file__, *[json.decoder.__file__] * 2]
    # However they lead to one another.
    assert cause is not None
    cause.__context__ = raised.value
    leave_out_libraries(raised.value)
    assert files_of(raised.value) == [__file__] * 2
    assert files_of(cause) == [__file__, json.decoder.__file__]


def test_an_error_that_was_never_raised_stays_as_it_is():
    error = ValueError()
    leave_out_libraries(error)
    assert error.__traceback__ is None
