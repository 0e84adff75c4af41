"""A reader pastes the blocks of a page into files, and has the charm that the page promises."""

import dataclasses
import difflib
import os
import re
import runpy
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build/html"
EXAMPLES = sorted(path.parent for path in ROOT.glob("examples/*/pyproject.toml"))
PROMPT = re.compile(runpy.run_path(str(ROOT / "conf.py"))["copybutton_prompt_text"])
RUFF = Path(sysconfig.get_path("scripts"), "ruff")
NOT_COPIED = shutil.ignore_patterns("__pycache__", ".*_cache", ".tox", ".coverage")


@dataclasses.dataclass(frozen=True)
class File:
    """A file as a reader pastes it together from one page."""

    page: str
    """The page's address below the site's."""
    anchor: str
    """The first block's place on the page."""
    caption: str
    """Its path in the charm's folder, as the captions of its blocks say."""
    blocks: tuple[str, ...]
    """The texts of its blocks, from the top of the page to the bottom."""

    def pasted(self) -> str:
        """Return the blocks with an empty line between two of them."""
        return "\n\n".join(block.strip("\n") for block in self.blocks) + "\n"

    def is_of(self, example: Path) -> bool:
        """Return whether this is the file of an example, once the reader has formatted it."""
        path = example / self.caption
        if not path.is_file():
            return False
        text, pasted = path.read_text(encoding="utf-8"), self.pasted()
        if lines(pasted) != lines(text):
            return False
        return path.suffix != ".py" or formatted(pasted, path) == text

    def examples(self) -> list[Path]:
        """Return the examples whose file this is: more than one if they have the same file."""
        return [example for example in EXAMPLES if self.is_of(example)]

    def difference(self) -> str:
        """Return what is other than in the most similar file that an example has at this path."""
        paths = [example / self.caption for example in EXAMPLES]
        texts = {path: path.read_text(encoding="utf-8") for path in paths if path.is_file()}
        if not texts:
            return f"{named(self)}: no example has a file of this name"
        pasted = self.pasted()
        path = max(texts, key=lambda path: len(set(lines(texts[path])) & set(lines(pasted))))
        if path.suffix == ".py":
            pasted = formatted(pasted, path) or pasted
        difference = difflib.unified_diff(
            texts[path].splitlines(), pasted.splitlines(), str(path), "pasted", lineterm=""
        )
        return "\n".join([f"{named(self)} is no example's file", *difference])


def lines(text: str) -> list[str]:
    """Return the lines of a text that are not blank: those between two blocks are the reader's."""
    return [line for line in text.splitlines() if line.strip()]


def formatted(text: str, path: Path) -> str:
    """Return a text as `ruff format` writes it to a path; nothing if it is no Python."""
    command = [RUFF, "format", "--no-cache", "--stdin-filename", path, "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, encoding="utf-8")
    return done.stdout


def begins(caption: str, block: str) -> bool:
    """Return whether a block is the beginning of an example's file."""
    paths = [example / caption for example in EXAMPLES]
    return any(
        path.read_text(encoding="utf-8").startswith(block.rstrip())
        for path in paths
        if path.is_file()
    )


def files_of(page: Path) -> list[File]:
    """Return the files that the captions of a built page name.

    A page may show two charms. A block that begins a file is for a new one, as its reader sees
    from the shebang, the docstring and the imports.
    """
    html = BeautifulSoup(page.read_text(encoding="utf-8"), "lxml")
    address = page.parent.relative_to(SITE).as_posix()
    files: list[File] = []
    latest: dict[str, int] = {}
    for wrapper in html.select("div.literal-block-wrapper"):
        caption, block = text_of(wrapper, ".caption-text"), text_of(wrapper, "pre")
        if caption not in latest or begins(caption, block):
            latest[caption] = len(files)
            files.append(File(address, str(wrapper["id"]), caption, (block,)))
        else:
            file = files[latest[caption]]
            files[latest[caption]] = dataclasses.replace(file, blocks=(*file.blocks, block))
    return files


def text_of(wrapper: Tag, selector: str) -> str:
    element = wrapper.select_one(selector)
    assert element is not None, wrapper
    return element.get_text()


def named(file: File) -> str:
    return f"{file.page}/#{file.anchor}:{file.caption}"


FILES = [file for page in sorted(SITE.rglob("index.html")) for file in files_of(page)]
PAGES = sorted({file.page for file in FILES})


def test_there_are_files_to_paste():
    assert FILES, "call make html first: what a reader pastes is taken from the built site"


@pytest.mark.parametrize("file", FILES, ids=named)
def test_the_blocks_make_up_the_file(file: File):
    assert file.examples(), file.difference()


@pytest.mark.parametrize("file", FILES, ids=named)
def test_the_copy_button_copies_the_blocks_whole(file: File):
    # Of a block with a prompt, it copies nothing but what follows the prompts.
    assert not [line for line in file.pasted().splitlines() if PROMPT.match(line)]


@pytest.mark.parametrize("page", PAGES)
def test_the_tests_pass_on_what_was_pasted(page: str, tmp_path: Path):
    files = {file: file.examples() for file in FILES if file.page == page}
    # What two examples have in common does not tell which of them the page is about.
    telling = [examples[0] for examples in files.values() if len(examples) == 1]
    about = set(telling) or {example for examples in files.values() for example in examples}
    assert about
    for example in sorted(about):
        charm = tmp_path / example.name
        pasted = {file.caption: file for file, examples in files.items() if example in examples}
        # A page that shows how a charm's tests are run says to start in an empty folder.
        if "pyproject.toml" in pasted:
            charm.mkdir()
        else:
            shutil.copytree(example, charm, ignore=NOT_COPIED)
        for caption, file in pasted.items():
            path = charm / caption
            path.unlink(missing_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.pasted(), encoding="utf-8")
        passes_its_tests(charm)


def passes_its_tests(charm: Path) -> None:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit"],
        cwd=charm,
        # The plugins that the project has installed for itself are none of the charm's.
        env={**inherited, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    # All of them: one at least, and none is skipped.
    assert re.fullmatch(r"[1-9]\d* passed in .*", done.stdout.splitlines()[-1]), done.stdout


SEVERAL = [file for file in FILES if len(file.blocks) > 1]


@pytest.mark.parametrize("file", SEVERAL, ids=named)
def test_a_missing_block_is_noticed(file: File):
    for n in range(len(file.blocks)):
        missing = dataclasses.replace(file, blocks=file.blocks[:n] + file.blocks[n + 1 :])
        assert not missing.examples()


@pytest.mark.parametrize("file", SEVERAL, ids=named)
def test_blocks_in_another_order_are_noticed(file: File):
    first, second, *others = file.blocks
    assert not dataclasses.replace(file, blocks=(second, first, *others)).examples()
