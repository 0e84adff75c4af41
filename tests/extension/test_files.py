"""Files are written whole, and digests see each change of content."""

from pathlib import Path

import pytest
from evergreen.files import digest_of_files, digest_of_texts, write_whole


def test_a_file_is_written_with_its_folders(tmp_path: Path):
    path = tmp_path / "one/two/file.json"
    write_whole(path, "first")
    write_whole(path, "é")
    assert path.read_text(encoding="utf-8") == "é"
    assert list(path.parent.iterdir()) == [path]


def test_what_cannot_be_written_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    path = tmp_path / "file.json"
    write_whole(path, "first")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "second \udcff")
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_texts_are_told_apart():
    digests = {digest_of_texts(*texts) for texts in [("ab", "c"), ("a", "bc"), ("abc",), ()]}
    assert len(digests) == 4


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "content"
    (folder / "build").mkdir(parents=True)
    (folder / "a.py").write_text("x = 1\n")
    (folder / "build" / "b.py").write_text("x = 2\n")
    return folder


@pytest.mark.parametrize("name", ["a.py", "build/b.py", "build/c.py", ".hidden"])
def test_a_changed_or_new_file_changes_the_digest(folder: Path, name: str):
    before = digest_of_files([folder])
    (folder / name).write_text("x = 3\n")
    assert digest_of_files([folder]) != before


@pytest.mark.parametrize("name", ["c.py", "build/a.py", "../a.py"])
def test_a_file_that_moves_or_goes_changes_the_digest(folder: Path, name: str):
    before = digest_of_files([folder])
    (folder / "a.py").rename(folder / name)
    assert digest_of_files([folder]) != before


@pytest.mark.parametrize("name", [".tox/x.py", "build/__pycache__/b.pyc", "a.pyc"])
def test_what_tools_leave_behind_does_not(folder: Path, name: str):
    before = digest_of_files([folder])
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).touch()
    assert digest_of_files([folder]) == before


def test_the_place_of_a_folder_does_not_matter(folder: Path, tmp_path: Path):
    before = digest_of_files([folder, folder / "a.py"])
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    folder.rename(moved / "content")
    assert digest_of_files([moved / "content", moved / "content/a.py"]) == before


def test_a_file_that_is_missing_differs_from_an_empty_one(tmp_path: Path):
    before = digest_of_files([tmp_path / "file"])
    (tmp_path / "file").touch()
    assert digest_of_files([tmp_path / "file"]) != before
