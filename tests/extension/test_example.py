"""Examples are found as pytest would find their tests, and their modules do not mix."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from evergreen import example as example_module
from evergreen.example import Example, ImportSwitch, find_examples, switch_to


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, settings in {
        "bare": "",
        "lists": '[tool.pytest]\npythonpath = ["src", "lib"]\ntestpaths = ["tests/unit"]\n',
        "words": '[tool.pytest.ini_options]\npythonpath = "src lib"\ntestpaths = "tests/unit"\n',
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "pyproject.toml").write_text(settings)
    (tmp_path / "no-example").mkdir()
    (tmp_path / "pyproject.toml").touch()
    return tmp_path


def test_an_example_is_a_folder_with_settings(root: Path):
    assert list(find_examples(root)) == ["bare", "lists", "words"]
    assert find_examples(root / "gone") == {}


@pytest.mark.parametrize(
    ("name", "import_paths", "test_paths"),
    [
        ("bare", ["."], ["tests"]),
        ("lists", ["src", "lib"], ["tests/unit"]),
        ("words", ["src", "lib"], ["tests/unit"]),
    ],
)
def test_its_own_settings_say_where_its_tests_and_modules_are(
    root: Path, name: str, import_paths: list[str], test_paths: list[str]
):
    folder = root / name
    assert find_examples(root)[name] == Example(
        name,
        folder,
        tuple(folder / path for path in import_paths),
        tuple(folder / path for path in test_paths),
    )


@pytest.mark.parametrize("content", [b"[tool", b"\xff"])
def test_settings_that_cannot_be_read_are_named(root: Path, content: bytes):
    pyproject = root / "bare" / "pyproject.toml"
    pyproject.write_bytes(content)
    with pytest.raises(ValueError, match="not a TOML file") as error:
        find_examples(root)
    assert str(error.value).startswith(f"{pyproject}: ")


@pytest.mark.parametrize(
    "settings",
    [
        "tool = 3",
        "[tool]\npytest = 3",
        "[tool.pytest]\npythonpath = 3",
        "[tool.pytest]\ntestpaths = [3]",
    ],
)
def test_settings_that_pytest_cannot_read_are_named(root: Path, settings: str):
    pyproject = root / "bare" / "pyproject.toml"
    pyproject.write_text(f"{settings}\n")
    with pytest.raises(ValueError, match="not settings that pytest can read") as error:
        find_examples(root)
    assert str(error.value).startswith(f"{pyproject}: ")


def test_an_example_that_is_a_link_is_refused(root: Path):
    (root / "linked").symlink_to(root / "bare")
    with pytest.raises(ValueError, match="a link: put the example itself there") as error:
        find_examples(root)
    assert str(error.value).startswith(f"{root / 'linked'}: ")


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Example, Example]]:
    """Yield two examples, each with a module, a package and a namespace package of one name."""
    for name in ("first", "second"):
        folder = tmp_path / name
        for path in ("mixed.py", "package/__init__.py", "package/part.py", "space/part.py"):
            file = folder / "src" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"NAME = {name!r}\nVALUES = []\n")
        (folder / "pyproject.toml").write_text('[tool.pytest]\npythonpath = ["src"]\n')
    # A sibling whose path begins alike is no part of the first.
    (tmp_path / "first" / "src-more").mkdir()
    (tmp_path / "first" / "src-more" / "apart.py").touch()
    modules, path = sys.modules.copy(), sys.path.copy()
    examples = find_examples(tmp_path)
    yield examples["first"], examples["second"]
    for name in sys.modules.keys() - modules.keys():
        del sys.modules[name]
    sys.path[:] = path


MODULES = ["mixed", "package.part", "space.part"]


def modules() -> list[ModuleType]:
    return [importlib.import_module(name) for name in MODULES]


def test_each_example_has_its_own_modules(two: tuple[Example, Example]):
    switch = ImportSwitch()
    for example in (*two, *two):
        switch.to(example)
        assert [module.NAME for module in modules()] == [example.name] * len(MODULES)


def test_an_examples_modules_are_imported_once(two: tuple[Example, Example]):
    first, second = two
    switch = ImportSwitch()
    switch.to(first)
    for module in modules():
        module.VALUES.append(1)
    before = modules()
    switch.to(first)
    switch.to(second)
    assert [module.VALUES for module in modules()] == [[]] * len(MODULES)
    switch.to(first)
    assert all(new is old for new, old in zip(modules(), before, strict=True))


def test_no_example_can_be_imported_from_outside(two: tuple[Example, Example]):
    path = sys.path.copy()
    switch = ImportSwitch()
    switch.to(two[0])
    modules()
    switch.to(None)
    assert sys.path == path
    assert "package" not in sys.modules
    for name in MODULES:
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(name)


def test_a_package_without_its_parent_is_no_hindrance(two: tuple[Example, Example]):
    first, second = two
    for example in two:
        part = example.folder / "src/space/inner/deep.py"
        part.parent.mkdir()
        part.write_text(f"NAME = {example.name!r}\n")
    switch = ImportSwitch()
    switch.to(first)
    importlib.import_module("space.inner.deep")
    # Python asks it for the path of its parent.
    del sys.modules["space"]
    switch.to(second)
    assert importlib.import_module("space.inner.deep").NAME == "second"


def test_other_modules_stay(two: tuple[Example, Example], monkeypatch: pytest.MonkeyPatch):
    first, second = two
    monkeypatch.syspath_prepend(first.folder / "src-more")
    switch = ImportSwitch()
    switch.to(first)
    apart = importlib.import_module("apart")
    switch.to(second)
    assert importlib.import_module("apart") is apart
    assert importlib.import_module("pytest") is pytest


def test_a_process_is_switched_by_folder(
    two: tuple[Example, Example], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(example_module, "_switch", ImportSwitch())
    for example in two:
        switch_to(str(example.folder))
        assert example.name == importlib.import_module("mixed").NAME
