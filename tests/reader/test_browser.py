"""The built site as a reader's browser meets it, where Read the Docs would publish it."""

import dataclasses
import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin

import pytest
from axe_playwright_python.sync_playwright import Axe
from copied_project import PROVEN, carry_over
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Response,
    expect,
    sync_playwright,
)
from published_pages import PAGES, ROOT

PREFIX = "/en/latest/"
REPOSITORY = "https://github.com/owner/guides"
REDIRECTS = tomllib.loads((ROOT / "docs/redirects.toml").read_text())
GUIDE = "howto/manage-stored-state/"


def address_of(source: Path) -> str:
    page = source.relative_to(ROOT / "docs").with_suffix("").as_posix()
    return f"{page}/".removesuffix("index/")


ADDRESSES = {address_of(page): page for page in PAGES}
OF_SPHINX = ["404/", "genindex/", "search/"]
EXAMPLES = [
    page for page in ADDRESSES if page.startswith("reference/examples/") and page.count("/") > 2
]
CHROMIUM = next(
    filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), ""
)

every_page = pytest.mark.parametrize("address", ADDRESSES, ids=lambda address: address or "home")
every_address = pytest.mark.parametrize(
    "address", [*ADDRESSES, *OF_SPHINX], ids=lambda address: address or "home"
)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder below the prefix; for the rest there is the site's own page."""

    protocol_version = "HTTP/1.1"

    def translate_path(self, path: str) -> str:
        if not path.startswith(PREFIX):
            return str(Path(self.directory) / "nothing-there")
        return super().translate_path(path.removeprefix(PREFIX[:-1]))

    def send_error(
        self, code: int, message: str | None = None, explain: str | None = None
    ) -> None:
        body = Path(self.directory, "404/index.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Return the address of the served site, and its folder."""
    folder = tmp_path_factory.mktemp("site")
    handler = functools.partial(Handler, directory=str(folder / "html"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        address = f"http://127.0.0.1:{server.server_port}{PREFIX}"
        build(folder, address)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield address, folder / "html"
        server.shutdown()


def build(folder: Path, address: str) -> None:
    """Build the site as Read the Docs does, with the evidence of the build that is there."""
    carry_over(folder, *PROVEN)
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("READTHEDOCS", "GITHUB_"))
    } | {
        "PYTHONDONTWRITEBYTECODE": "1",
        "READTHEDOCS_CANONICAL_URL": address,
        "READTHEDOCS_GIT_CLONE_URL": f"{REPOSITORY}.git",
        "READTHEDOCS_GIT_COMMIT_HASH": "c0ffee",
        "READTHEDOCS_GIT_IDENTIFIER": "main",
        "READTHEDOCS_VERSION_TYPE": "branch",
    }
    command = [
        *(sys.executable, "-m", "sphinx", "--conf-dir", ".", "--doctree-dir", folder / "doctrees"),
        *("--quiet", "--fail-on-warning", "--builder", "dirhtml"),
        *("docs", folder / "html"),
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if not CHROMIUM:
        missing = "no browser: install Chromium, on Debian with `sudo apt-get install chromium`"
        if "CI" in os.environ:
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
            ],
            env={**os.environ, "HOME": str(tmp_path_factory.mktemp("home"))},
        )


class Reader:
    """A reader with a window of their own, who notes whatever goes wrong in it."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.page = context.new_page()
        self.response: Response | None = None
        self.requests: list[str] = []
        self.troubles: list[str] = []
        self._address = address
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("requestfailed", lambda request: self.troubles.append(request.url))
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("console", self._note)
        self.page.on("response", self._look_at)

    def open(self, address: str) -> None:
        self.response = self.page.goto(urljoin(self._address, address))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.troubles.append(f"{message.text} {message.location['url']}")

    def _look_at(self, response: Response) -> None:
        if response.status >= 400:
            self.troubles.append(f"{response.status} {response.url}")


Visit = Callable[..., Reader]


@pytest.fixture
def visit(browser: Browser, site: tuple[str, Path]) -> Iterator[Visit]:
    """Return a function that opens an address below the prefix in a new window."""
    contexts: list[BrowserContext] = []

    def open_address(address: str, **options) -> Reader:
        contexts.append(browser.new_context(**options))
        reader = Reader(contexts[-1], site[0])
        reader.open(address)
        return reader

    yield open_address
    for context in contexts:
        context.close()


@dataclasses.dataclass(frozen=True)
class Facts:
    """What the source of a page says."""

    title: str
    language: str
    viewport: str
    canonical: str
    icon: str
    edit: str | None
    """Where the link to edit the page leads."""
    graph: dict[str, str]
    """The properties of the Open Graph protocol."""
    links: list[str]
    """The full addresses of all that the page links to."""
    names: list[str]
    """What a link can name after a "#"."""


FACTS = """() => {
    const every = (selector, get) => [...document.querySelectorAll(selector)].map(get);
    return {
        title: document.title,
        language: document.documentElement.lang,
        viewport: document.querySelector("meta[name=viewport]").content,
        canonical: document.querySelector("link[rel=canonical]").href,
        icon: document.querySelector("link[rel~=icon]").href,
        edit: document.querySelector("a[rel=edit]")?.href ?? null,
        graph: Object.fromEntries(
            every("meta[property^='og:']", meta => [meta.getAttribute("property"), meta.content])),
        links: every("a[href]", link => link.href),
        names: every("[id]", element => element.id),
    };
}"""


@pytest.fixture(scope="module")
def facts(browser: Browser, site: tuple[str, Path]) -> dict[str, Facts]:
    """Return what every page says, by its address."""
    context = browser.new_context(java_script_enabled=False)
    reader = Reader(context, site[0])
    found = {}
    for address in [*ADDRESSES, *OF_SPHINX]:
        reader.open(address)
        found[address] = Facts(**reader.page.evaluate(FACTS))
    context.close()
    return found


# Looks.


@every_address
def test_page_fits_every_window_and_asks_no_other_host(
    visit: Visit, site: tuple[str, Path], address: str
):
    reader = visit(address)

    for scheme in ("light", "dark"):
        reader.page.emulate_media(color_scheme=scheme)
        for width in (1280, 375):
            reader.page.set_viewport_size({"width": width, "height": 800})
            too_wide = reader.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert too_wide <= 0, f"{scheme}, {width} pixels: scrolls sideways"
    assert [url for url in reader.requests if not url.startswith((site[0], "data:"))] == []
    assert reader.troubles == []


def test_dark_is_dark_and_light_is_light(visit: Visit):
    reader = visit("")
    shades = {}
    for scheme in ("light", "dark"):
        reader.page.emulate_media(color_scheme=scheme)
        shades[scheme] = reader.page.evaluate(
            "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
        )

    assert min(shades["light"]) > 200
    assert max(shades["dark"]) < 50


@every_address
def test_axe_finds_no_barrier(visit: Visit, address: str):
    page = visit(address).page
    # Code is coloured by class, so one span of each class speaks for all: axe looks at each for
    # a good while.
    page.evaluate(
        """async () => {
            const seen = new Set();
            for (const span of document.querySelectorAll("pre span")) {
                if (seen.has(span.className)) span.replaceWith(...span.childNodes);
                seen.add(span.className);
            }
            // What watches sizes has seen them by the second frame.
            for (const _ of [1, 2]) await new Promise(requestAnimationFrame);
        }"""
    )

    barriers = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        # Dark differs in nothing but colours.
        rules = {"runOnly": ["color-contrast"]} if scheme == "dark" else {}
        results = Axe().run(page, options={"resultTypes": ["violations"], **rules})
        for violation in results.response["violations"]:
            targets = [node["target"] for node in violation["nodes"]]
            barriers.append(f"{scheme}: {violation['id']} at {targets}")
    assert barriers == []


# Copying.


def expected_copy(language: str, text: str) -> str:
    """Return what the button should copy: the commands of a session, or all there is."""
    if language == "console":
        lines = [line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ ")]
        return "\n".join(lines)
    return text.removesuffix("\n")


@every_page
def test_button_copies_commands_without_prompt_and_all_other_blocks_whole(
    visit: Visit, address: str
):
    page = visit(address).page
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    blocks = page.locator("div.highlight:has(> pre)").evaluate_all(
        """blocks => blocks.map(block => ({
            language: block.parentElement.className.match(/highlight-(\\S+)/)[1],
            text: block.querySelector("pre").textContent,
        }))"""
    )
    if blocks:
        page.wait_for_selector(".copybtn", state="attached")
    # What is selected when the browser is told to copy: a clipboard that is read right after
    # each of two hundred clicks was seen to lag behind under load.
    copied = page.evaluate(
        """() => {
            const texts = [];
            document.addEventListener("copy", () => texts.push(getSelection().toString()));
            document.querySelectorAll(".copybtn").forEach(button => button.click());
            return texts;
        }"""
    )

    expected = [expected_copy(block["language"], block["text"]) for block in blocks]
    assert all(expected)
    assert copied == expected


@pytest.mark.parametrize("kind", ["python", "console", "yaml"])
def test_button_copies_at_a_click_of_the_mouse(visit: Visit, kind: str):
    page = visit(GUIDE, permissions=["clipboard-read", "clipboard-write"]).page
    block = page.locator(f".highlight-{kind}").first
    block.hover()
    block.locator(".copybtn").click()

    expect(block.locator(".copybtn")).to_have_attribute("data-tooltip", "Copied!")
    expected = expected_copy(kind, block.locator("pre").text_content() or "")
    page.wait_for_function(
        "async expected => await navigator.clipboard.readText() === expected", arg=expected
    )


@pytest.mark.parametrize("address", EXAMPLES)
def test_whole_files_are_published_letter_for_letter(visit: Visit, address: str):
    page = visit(address).page
    shown = page.locator(".literal-block-wrapper").evaluate_all(
        """blocks => blocks.map(block => [
            block.querySelector(".caption-text").textContent,
            block.querySelector("pre").textContent,
        ])"""
    )

    example = ROOT / "examples" / Path(address).name
    assert shown
    for name, text in shown:
        assert text == (example / name).read_text()


# Without JavaScript, and by keyboard.


MARK_WHAT_IS_SHOWN = """() => {
    // What stands beside a heading to link to it is shown to the mouse only.
    for (const element of document.querySelectorAll("article :not(.headerlink)")) {
        const ownText = [...element.childNodes].filter(node => node.nodeType === Node.TEXT_NODE);
        if (!ownText.some(node => node.data.trim())) continue;
        element.dataset.words = "";
        if (element.checkVisibility({visibilityProperty: true, opacityProperty: true}))
            element.dataset.shown = "";
    }
}"""


@every_page
def test_everything_can_be_read_without_javascript(visit: Visit, address: str):
    page = visit(address, java_script_enabled=False).page
    closed = page.locator("details:not([open]) > summary")
    if closed.count():
        # One by the mouse, and hundreds faster than the mouse can.
        closed.first.click()
    while closed.count():
        closed.evaluate_all("all => all.forEach(each => each.click())")
    page.evaluate(MARK_WHAT_IS_SHOWN)
    for tab in page.locator(".sd-tab-label").all():
        tab.click()
        page.evaluate(MARK_WHAT_IS_SHOWN)

    assert page.locator("article [data-shown]").count() > 1
    never_shown = page.locator("article [data-words]:not([data-shown])")
    assert never_shown.all_text_contents() == []
    # A button that would do nothing is not there.
    assert page.locator(".copybtn").count() == 0


def test_keyboard_skips_to_the_content(visit: Visit):
    page = visit(GUIDE).page
    page.keyboard.press("Tab")
    focused = page.locator(":focus")
    while focused.get_attribute("type") == "checkbox":
        page.keyboard.press("Tab")

    assert focused.inner_text() == "Skip to content"
    expect(focused).to_be_in_viewport()
    page.keyboard.press("Enter")
    assert page.url.endswith("#furo-main-content")


def test_keyboard_scrolls_what_is_wider_than_the_window(visit: Visit):
    page = visit(GUIDE, viewport={"width": 375, "height": 800}).page
    block = page.locator(".highlight-python pre").first
    block.focus()
    page.keyboard.press("ArrowRight")

    page.wait_for_function("document.activeElement.scrollLeft > 0")


def test_search_finds_the_guide(visit: Visit, site: tuple[str, Path]):
    page = visit("").page
    page.get_by_placeholder("Search").fill("stored state")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="How to manage stored state").last.wait_for()

    results = page.locator("#search-results li > a").evaluate_all("all => all.map(a => a.href)")
    assert any(urldefrag(url).url.startswith(site[0] + GUIDE) for url in results)


# Addresses.


def test_every_page_is_published_and_nothing_else(site: tuple[str, Path]):
    built = {path.parent.relative_to(site[1]).as_posix() for path in site[1].rglob("*.html")}
    addresses = [*ADDRESSES, *OF_SPHINX, *REDIRECTS]

    assert built == {address.rstrip("/") or "." for address in addresses}


@every_address
def test_links_lead_to_a_page_and_a_place_on_it(
    facts: dict[str, Facts], site: tuple[str, Path], address: str
):
    host = site[0].removesuffix(PREFIX)
    own = [link for link in facts[address].links if link.startswith(host)]
    broken = []
    for link in own:
        url, place = urldefrag(link)
        page = facts.get(url.partition("?")[0].removeprefix(site[0]))
        if page is None or (place and unquote(place) not in page.names):
            broken.append(link)

    assert own
    assert broken == []


@every_address
def test_page_tells_its_name_and_language_and_fits_phones(facts: dict[str, Facts], address: str):
    assert "Evergreen charm guides" in facts[address].title
    assert facts[address].language == "en-GB"
    assert "width=device-width" in facts[address].viewport


def test_pages_have_an_icon_that_is_there(visit: Visit, facts: dict[str, Facts]):
    (icon,) = {page.icon for page in facts.values()}

    response = visit("").page.request.get(icon)
    assert response.ok
    assert response.headers["content-type"] == "image/svg+xml"


@every_page
def test_page_can_be_edited_where_its_source_is(facts: dict[str, Facts], address: str):
    source = ADDRESSES[address].relative_to(ROOT).as_posix()

    assert facts[address].edit == f"{REPOSITORY}/edit/main/{source}"


@pytest.mark.parametrize(
    "address", ["nowhere", "a/b/c/", "howto/manage-stored-stat/", "x.html?y=1", "/elsewhere/"]
)
def test_unknown_address_gets_the_sites_own_page(
    visit: Visit, site: tuple[str, Path], address: str
):
    reader = visit(address)

    assert reader.response is not None
    assert reader.response.status == 404
    assert reader.page.get_by_role("heading", level=1).inner_text() == "Page not found"
    # The page itself is what is not there; all that it needs is.
    assert [trouble for trouble in reader.troubles if reader.page.url not in trouble] == []
    reader.page.get_by_role("link", name="the home page").click()
    assert reader.page.url == site[0]


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no-javascript"])
@pytest.mark.parametrize(("old", "new"), REDIRECTS.items())
def test_old_address_leads_to_the_page(
    visit: Visit, site: tuple[str, Path], old: str, new: str, javascript: bool
):
    page = visit(f"{old}/", java_script_enabled=javascript).page

    page.wait_for_url(f"{site[0]}{new}/")


def test_sitemap_lists_the_pages(site: tuple[str, Path]):
    sitemap = ET.parse(site[1] / "sitemap.xml")
    listed = [element.text for element in sitemap.iterfind(".//{*}loc")]

    assert sorted(filter(None, listed)) == sorted(site[0] + address for address in ADDRESSES)


def test_guide_describes_itself_to_who_links_to_it(
    facts: dict[str, Facts], site: tuple[str, Path]
):
    guide = facts[GUIDE]

    assert guide.graph["og:title"] == guide.title.removesuffix(" - Evergreen charm guides")
    assert guide.graph["og:url"] == guide.canonical == site[0] + GUIDE
    assert guide.graph["og:description"].startswith("Juju starts your charm anew for each event")
