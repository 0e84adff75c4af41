"""What the built site shows of its evidence, and when a page is written again for it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import pytest
from bs4 import BeautifulSoup, Tag

if TYPE_CHECKING:
    from conftest import Build, Project

SUMS = """\
def add(a, b):
    return a + b


def subtract(a, b):
    return a - b
"""
TESTS = """\
import pathlib

import pytest
import sums


@pytest.mark.parametrize("n", [1, 2])
def test_add(n):
    assert sums.add(n, n) == 2 * n


class TestSubtract:
    def test_it(self):
        assert sums.subtract(2, 1) == 1


class TestMore(TestSubtract):
    pass


def test_settings():
    assert pathlib.Path(sums.__file__).with_name("settings.yaml").read_text()


def make():
    def test():
        assert sums.add(1, 1) == 2

    return test


globals()["test_made"] = make()
"""
FILES = {
    "conftest.py": "",
    "examples/sums/src/sums.py": SUMS,
    "examples/sums/src/settings.yaml": "unit: one\n",
    "examples/sums/src/remote.py": "far = 0\n",
    "examples/sums/tests/test_sums.py": TESTS,
    "examples/sums/tests/test_hidden.py": (
        "import sums\n\ndef test_hidden():\n    import remote\n"
        "    assert sums.add(0, remote.far) == 0\n"
    ),
}
GUIDE = """\
# Guide to *sums*

It {proven}`adds <test_add>`, {proven}`subtracts <TestSubtract::test_it>`, {proven}`does nothing
<test_hidden>`, and is {proven}`run here <pages/guide.md::default>`. Run by {measured}`tests`.

```{literalinclude} ../examples/sums/src/sums.py
:pyobject: add
```

```{literalinclude} ../examples/sums/src/sums.py
:caption: src/sums.py
```

```{literalinclude} ../examples/sums/src/settings.yaml
```

```{literalinclude} ../examples/sums/src/remote.py
```

```{testcode}
from sums import add

print(add(1, 1))
```
```{testoutput}
2
```
```{testcode} other
import sums
sums.subtract(1, 1)
```
"""
TESTS_PAGE = """\
# Tests

```{literalinclude} ../examples/sums/tests/test_sums.py
:pyobject: test_add
```

```{literalinclude} ../examples/sums/tests/test_sums.py
:start-at: "class TestSubtract"
```
"""
OPTIONS = {"evergreen_stand_ins": {"*/remote.py": "Run by <hand>."}, "html_theme": "basic"}


@pytest.fixture(scope="module")
def site(make_project: Callable[[], Project]) -> Project:
    project = make_project()
    (project.folder / "pages/sums.md").unlink()
    project.write(FILES)
    project.page("guide.md", GUIDE, examples={"default": "sums", "other": "sums"})
    project.page("tests.md", TESTS_PAGE)
    project.page("words.md", "# Words\n")
    return project


@pytest.fixture(scope="module")
def built(site: Project) -> Build:
    built = site.build("html", parallel=2, **OPTIONS)
    assert (built.warnings, built.refusal) == ([], None)
    return built


def read(built: Build, name: str) -> BeautifulSoup:
    return BeautifulSoup((built.output / "pages" / f"{name}.html").read_text("utf-8"), "lxml")


def texts(tags: list[Tag]) -> list[str]:
    return [tag.get_text(" ", strip=True) for tag in tags]


def below(block: Tag) -> list[Tag]:
    """Return the evidence right below a block."""
    found: list[Tag] = []
    for sibling in block.find_next_siblings():
        if "evidence" not in (sibling.get("class") or []):
            break
        found.append(sibling)
    return found


# Blocks.


def test_each_embedded_block_has_its_evidence_below(built: Build):
    page = read(built, "guide")
    anchors = ["sums-py", "sums-py-2", "settings-yaml", "remote-py"]
    blocks = [page.find(id=anchor) for anchor in anchors]
    evidence = [below(block) for block in blocks if block]
    assert [[each.name for each in of_block] for of_block in evidence] == [
        ["details"],
        ["details"],
        ["details"],
        ["details"],
    ]
    assert [texts(of_block)[0].partition(" test_")[0] for of_block in evidence] == [
        "Proven by 5 tests",
        "Proven by 8 tests",
        "Proven by 1 test that read this file",
        "Run by <hand>.",
    ]


def test_evidence_opens_without_a_script(built: Build):
    details = read(built, "guide").select("details.evidence")
    assert all(each.find("summary", recursive=False) for each in details)
    assert not any(each.has_attr("open") for each in details)


def test_every_link_leads_to_what_it_names(built: Build):
    root = built.output
    pages = {path: BeautifulSoup(path.read_text("utf-8"), "lxml") for path in root.rglob("*.html")}
    count = 0
    for path, page in pages.items():
        for link in page.select(".evidence a, .claim a"):
            url = urlsplit(urljoin(path.as_uri(), str(link["href"])))
            target = pages[Path(url.path)]
            if url.fragment:
                assert target.find(id=url.fragment), link
            count += 1
    assert count > 20
    for page in pages.values():
        ids = [tag["id"] for tag in page.find_all(id=True)]
        assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("test", "line"),
    [
        ("test_add[1]", "def test_add(n):"),
        ("test_add[2]", "def test_add(n):"),
        ("test_it", "def test_it(self):"),
    ],
)
def test_a_test_is_linked_where_it_starts(built: Build, test: str, line: str):
    links = [
        link
        for link in read(built, "guide").select("details.evidence a")
        if link.get_text() == test
    ]
    fragments = {str(link["href"]).partition("#")[2] for link in links}
    shown = [read(built, "tests").find(id=fragment) for fragment in fragments]
    assert line in [each.get_text().strip() for each in shown if each]


def test_a_test_without_a_place_on_the_site_has_no_link(built: Build):
    items = read(built, "guide").select("details.evidence li")
    without = {item.get_text(strip=True) for item in items if not item.find("a")}
    assert without == {"test_hidden", "test_made"}


def test_a_test_leads_back_to_what_it_proves(built: Build):
    page = read(built, "tests")
    first, second = (page.find(id=anchor) for anchor in ("test-sums-py", "test-sums-py-2"))
    assert first is not None
    assert second is not None
    assert texts(below(first))[1:2] == [
        "What these tests prove test_add[1] : Guide to sums test_add[2] : Guide to sums"
    ]
    assert texts(below(second))[1:2] == [
        "What these tests prove test_it : Guide to sums test_it : Guide to sums"
        " test_settings : Guide to sums"
    ]
    links = [str(link["href"]) for each in below(second)[1:] for link in each.select("a")]
    assert links == ["guide.html#sums-py-2"] * 2 + ["guide.html#settings-yaml"]


# Claims, figures, and the page as a whole.


def test_a_claim_has_a_mark_that_leads_to_its_test(built: Build):
    page = read(built, "guide")
    assert texts(page.select(".claim")) == [
        *("adds ✓", "subtracts ✓", "does nothing ✓", "run here ✓")
    ]
    links = page.select(".claim a")
    assert [link.get("title") for link in links] == [
        "Proven by test_add",
        "Proven by test_it",
        "Proven by default",
    ]
    targets = [str(link["href"]).partition("#")[0] for link in links]
    assert targets == ["tests.html", "tests.html", ""]


def test_a_figure_is_in_its_place(built: Build):
    assert texts(read(built, "guide").select(".measured")) == ["9"]


def test_a_page_says_how_its_blocks_were_proven(built: Build):
    (summary,) = read(built, "guide").select("section > p.evidence:last-child")
    assert summary.get_text().startswith(
        "Blocks of this page: 4 from tested files, 2 run on this page. Proven with Python 3."
    )
    assert read(built, "words").select(".evidence") == []


# Other builders.


@pytest.mark.parametrize(
    ("builder", "file"),
    [
        ("text", "pages/guide.txt"),
        ("latex", "projectnamenotset.tex"),
        ("singlehtml", "index.html"),
        ("dirhtml", "pages/guide/index.html"),
    ],
)
def test_what_has_no_pages_of_html_has_no_evidence(
    site: Project, built: Build, builder: str, file: str
):
    other = site.build(builder, **OPTIONS, evergreen_prove=False)
    assert (other.refusal, other.warnings) == (None, [])
    text = (other.output / file).read_text("utf-8")
    assert "adds" in text
    assert "print" in text
    assert ("Proven by" in text) is (builder == "dirhtml")
    assert ("✓" in text) is (builder == "dirhtml")
    assert "Run by 9." in BeautifulSoup(text, "lxml").get_text()


# Writing again.


@pytest.fixture
def copy(site: Project, built: Build, tmp_path: Path) -> Project:
    """Return a copy of the site, built, to be changed."""
    copy = type(site)(shutil.copytree(site.folder, tmp_path / "site"))
    copy.build("html", **OPTIONS)
    return copy


def written(project: Project, files: dict[str, str] | None = None) -> list[str]:
    """Build a site after a change, and return the pages written."""
    project.write(files or {})
    pages = list(project.folder.glob("_build/html/pages/*.html"))
    for path in pages:
        os.utime(path, ns=(2**62, 2**62))
    again = project.build("html", **OPTIONS)
    assert (again.warnings, again.refusal) == ([], None)
    return sorted(path.stem for path in pages if path.stat().st_mtime_ns != 2**62)


def test_a_page_is_written_again_when_its_evidence_changes(copy: Project):
    assert written(copy) == []
    # All that has changed is evidence.
    more = FILES["examples/sums/tests/test_hidden.py"] + "\ndef test_more():\n    sums.add(1, 1)\n"
    assert written(copy, {"examples/sums/tests/test_hidden.py": more}) == ["guide"]
    # What a page links to has moved.
    assert written(copy, {"examples/sums/tests/test_sums.py": f"# words\n{TESTS}"}) == [
        "guide",
        "tests",
    ]
    # A page that is linked to has another title.
    title = TESTS_PAGE.replace("# Tests", "# All tests")
    assert written(copy, {"pages/tests.md": title}) == ["tests"]
    guide = (copy.folder / "pages/guide.md").read_text().replace("# Guide", "# A guide")
    assert written(copy, {"pages/guide.md": guide}) == ["guide", "tests"]
    assert written(copy) == []


def test_what_is_proven_is_published_without_proving(copy: Project):
    options = {**OPTIONS, "evergreen_prove": False}
    assert copy.build("html", **options).refusal is None
    copy.write({"conftest.py": "# other settings\n"})
    refusal = copy.build("html", **options).refusal
    assert refusal is not None
    assert refusal.startswith("evergreen_prove is off, and this is unproven: example sums, pages/")
