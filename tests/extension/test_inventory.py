"""References to another project resolve against what is installed, offline, and only then."""

import dataclasses
import re
import shutil
import subprocess
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from docutils import nodes
from evergreen.inventory import setup_inventories
from sphinx.application import Sphinx
from sphinx.errors import ConfigError, ExtensionError
from sphinx.testing.util import SphinxTestApp

URL = "https://lantern.example/docs/"

LANTERN = """\
from glass import Pane
from snuffers import snuff
from wicks import Wick, trim

__all__ = ["BRIGHT", "Old", "Pane", "Wick", "snuff", "trim"]

#: How bright it can be.
BRIGHT = 3

class Old:
    def smoke(self):
        pass
"""
WICKS = """\
class Wick:
    def light(self):
        pass

    @property
    def length(self):
        pass

    def _twist(self):
        pass

class Spare:
    pass

def trim():
    pass
"""
PANE = """\
class Pane:
    #: Whether one sees through.
    clear = True
"""

OPTION = {
    "lantern": {
        "url": URL,
        "pages": {
            "reference/trim.html": ["lantern.trim"],
            "reference/lantern/": ["lantern"],
            "reference/wicks/": ["wicks.Spare"],
        },
        "exclude": ["lantern.Old"],
    }
}

OPS_OPTION = {
    "ops": {
        "url": "https://canonical.com/juju/docs/ops/latest/",
        "pages": {
            "reference/ops/": ["ops"],
            "reference/ops-main-entrypoint/": ["ops.main"],
            "reference/ops-testing/": ["ops.testing", "ops.testing.errors.UncaughtCharmError"],
            "reference/ops-testing-harness/": ["ops.testing.Harness"],
            "reference/pebble/": ["ops.pebble"],
        },
        "exclude": ["ops.testing.CharmBase"],
    },
    "jubilant": {
        "url": "https://canonical.com/juju/docs/jubilant/",
        "pages": {
            "reference/jubilant/": ["jubilant"],
            "reference/statustypes/": ["jubilant.statustypes"],
        },
    },
}
OPS_LINKS = {
    "ops.StoredState": "ops/latest/reference/ops/#ops.StoredState",
    "ops.BoundStoredState.set_default": (
        "ops/latest/reference/ops/#ops.BoundStoredState.set_default"
    ),
    "ops.Framework.observe": "ops/latest/reference/ops/#ops.Framework.observe",
    "ops.RelationDataAccessError": "ops/latest/reference/ops/#ops.RelationDataAccessError",
    "ops.StartEvent": "ops/latest/reference/ops/#ops.StartEvent",
    "ops.CharmBase.on": "ops/latest/reference/ops/#ops.CharmBase.on",
    "ops.main": "ops/latest/reference/ops-main-entrypoint/#ops.main",
    "ops.testing": "ops/latest/reference/ops-testing/",
    "ops.testing.Context": "ops/latest/reference/ops-testing/#ops.testing.Context",
    "ops.testing.StoredState": "ops/latest/reference/ops-testing/#ops.testing.StoredState",
    "ops.testing.State.get_stored_state": (
        "ops/latest/reference/ops-testing/#ops.testing.State.get_stored_state"
    ),
    "ops.testing.errors.UncaughtCharmError": (
        "ops/latest/reference/ops-testing/#ops.testing.errors.UncaughtCharmError"
    ),
    "ops.testing.Harness": "ops/latest/reference/ops-testing-harness/#ops.testing.Harness",
    "ops.pebble.Layer": "ops/latest/reference/pebble/#ops.pebble.Layer",
    "jubilant.Juju.deploy": "jubilant/reference/jubilant/#jubilant.Juju.deploy",
    "jubilant.all_active": "jubilant/reference/jubilant/#jubilant.all_active",
    "jubilant.Status.apps": "jubilant/reference/jubilant/#jubilant.Status.apps",
    "jubilant.statustypes.AppStatus": (
        "jubilant/reference/statustypes/#jubilant.statustypes.AppStatus"
    ),
}
OPS_GONE = [
    "ops.StoredState.setdefault",
    "ops.StoredState.set_default",
    "ops.testing.CharmBase",
    "ops.testing.StoredStates",
    "jubilant.Juju.deplo",
]


@dataclasses.dataclass
class Build:
    """What Sphinx made of a page's references."""

    links: dict[str, str]
    """Where each reference that resolved leads, by its text."""
    warnings: str
    read: set[str]
    """The pages that Sphinx read this time."""

    @property
    def not_found(self) -> list[str]:
        """The references that Sphinx warns of."""
        return re.findall(r"WARNING: py:\w+ reference target not found: (\S+)", self.warnings)


@dataclasses.dataclass
class Site:
    """A Sphinx project of one page, and the folder of the packages that it refers to."""

    folder: Path
    packages: Path

    @property
    def cache(self) -> Path:
        return self.folder / "_build/doctrees/inventories"

    def write_package(self, path: str, text: str) -> None:
        (self.packages / path).parent.mkdir(parents=True, exist_ok=True)
        (self.packages / path).write_text(text)

    def write_page(self, *references: str) -> None:
        (self.folder / "index.rst").write_text("\n\n".join(references) + "\n")

    def build(self, option: dict[str, Any] | None = None) -> Build:
        (self.folder / "conf.py").write_text(
            textwrap.dedent(f"""\
                from evergreen.inventory import setup_inventories

                extensions = ["sphinx.ext.intersphinx"]
                nitpicky = True
                evergreen_inventories = {OPTION if option is None else option!r}

                def setup(app):
                    app.add_config_value("evergreen_inventories", {{}}, "env")
                    app.connect("config-inited", setup_inventories)
                """)
        )
        app = SphinxTestApp("dummy", srcdir=self.folder)
        links: dict[str, str] = {}
        read: set[str] = set()

        def note_links(_app: Sphinx, doctree: nodes.document, _page: str) -> None:
            for node in doctree.findall(nodes.reference):
                links[node.astext()] = node["refuri"]

        app.connect("source-read", lambda _app, page, _source: read.add(page))
        app.connect("doctree-resolved", note_links)
        try:
            app.build()
        finally:
            app.cleanup()
        return Build(links, app.warning.getvalue(), read)


def _make_site(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    site = Site(folder / "site", folder / "packages")
    site.folder.mkdir()
    site.write_package("lantern/__init__.py", LANTERN)
    # As `ops.main` is: a module that an attribute of its package hides.
    site.write_package("lantern/trim.py", "def hidden():\n    pass\n")
    site.write_package("wicks.py", WICKS)
    site.write_package("glass/__init__.py", "from glass.pane import Pane\n")
    site.write_package("glass/pane.py", PANE)
    site.write_package("snuffers.py", "def snuff():\n    pass\n")
    site.write_page(
        ":py:meth:`lantern.Wick.light` :py:attr:`lantern.Pane.clear`",
        ":py:func:`lantern.snuff` :py:func:`lantern.trim`",
    )
    monkeypatch.syspath_prepend(site.packages)
    return site


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site that has never been built."""
    return _make_site(tmp_path, monkeypatch)


@pytest.fixture(scope="session")
def inventories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a site has in its cache after the first build."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        site = _make_site(tmp_path_factory.mktemp("first"), monkeypatch)
        assert site.build().warnings == ""
    return site.cache


@pytest.fixture
def built_site(site: Site, inventories: Path) -> Site:
    """A site that has been built."""
    shutil.copytree(inventories, site.cache)
    assert site.build().warnings == ""
    return site


@pytest.fixture
def no_process(built_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have whatever starts a process fail, once the site is built."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "run", refuse)


def test_each_name_leads_to_the_page_that_documents_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError("no network")

    monkeypatch.setattr("socket.socket.connect", refuse)
    site.write_page(
        ":py:mod:`lantern` :py:class:`lantern.Wick` :py:meth:`lantern.Wick.light`",
        ":py:attr:`lantern.Wick.length` :py:data:`lantern.BRIGHT`",
        ":py:func:`lantern.trim` :external+lantern:py:class:`wicks.Spare`",
    )

    build = site.build()

    assert build.warnings == ""
    assert build.links == {
        "lantern": f"{URL}reference/lantern/",
        "lantern.Wick": f"{URL}reference/lantern/#lantern.Wick",
        "lantern.Wick.light()": f"{URL}reference/lantern/#lantern.Wick.light",
        "lantern.Wick.length": f"{URL}reference/lantern/#lantern.Wick.length",
        "lantern.BRIGHT": f"{URL}reference/lantern/#lantern.BRIGHT",
        "lantern.trim()": f"{URL}reference/trim.html#lantern.trim",
        "wicks.Spare": f"{URL}reference/wicks/#wicks.Spare",
    }


def test_a_name_that_is_not_public_does_not_resolve(site: Site) -> None:
    why = {
        "lantern.Wick.lit": "it never was",
        "lantern.Wick._twist": "private",
        "lantern.Old": "excluded",
        "lantern.Old.smoke": "a member of what is excluded",
        "wicks.Wick": "where it is defined, not where it is public",
        "lantern.trim.hidden": "in a module that an attribute hides",
    }
    site.write_page(*(f":py:obj:`{name}`" for name in why))

    build = site.build()

    assert build.links == {}
    assert build.not_found == list(why)
    assert "index.rst:3: WARNING: py:obj reference target not found: lantern." in build.warnings


@pytest.mark.usefixtures("no_process")
def test_an_inventory_is_made_once(built_site: Site) -> None:
    build = built_site.build()

    assert build.read == set()
    assert len(build.links) == 4


@pytest.mark.usefixtures("no_process")
def test_a_moved_project_keeps_its_inventory(built_site: Site) -> None:
    built_site.folder = built_site.folder.rename(built_site.folder.with_name("moved"))

    assert built_site.build().warnings == ""


@pytest.mark.usefixtures("no_process")
def test_an_inventory_rests_on_what_made_it(
    built_site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other_maker = tmp_path / "inventory.py"
    other_maker.touch()
    for place, value in {
        "sys.version": "3.99",
        "sphinx.__version__": "99",
        "evergreen.inventory.__file__": str(other_maker),
    }.items():
        with monkeypatch.context() as patch:
            patch.setattr(place, value)
            with pytest.raises(ExtensionError, match="a process was started"):
                built_site.build()


@pytest.mark.parametrize(
    ("path", "text", "gone"),
    [
        pytest.param(
            "lantern/__init__.py",
            LANTERN.replace('"Wick", ', ""),
            "lantern.Wick.light",
            id="the one named",
        ),
        pytest.param(
            "wicks.py",
            WICKS.replace("light", "kindle"),
            "lantern.Wick.light",
            id="a module it has a class from",
        ),
        pytest.param(
            "glass/pane.py",
            PANE.replace("clear", "opaque"),
            "lantern.Pane.clear",
            id="a package it has a class from",
        ),
        pytest.param(
            "snuffers.py", "snuff = None\n", "lantern.snuff", id="a module it has a function from"
        ),
    ],
)
def test_a_package_that_changes_has_references_looked_up_again(
    built_site: Site, path: str, text: str, gone: str
) -> None:
    built_site.write_package(path, text)

    build = built_site.build()

    assert build.read == {"index"}
    assert build.not_found == [gone]
    assert build.links["lantern.trim()"] == f"{URL}reference/trim.html#lantern.trim"


def test_a_package_that_hides_the_installed_one_counts(
    built_site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hiding = tmp_path / "hiding"
    hiding.mkdir()
    (hiding / "wicks.py").write_text(WICKS.replace("light", "kindle"))
    monkeypatch.syspath_prepend(hiding)

    assert built_site.build().not_found == ["lantern.Wick.light"]


def test_a_package_that_is_no_longer_installed_counts(built_site: Site) -> None:
    (built_site.packages / "wicks.py").rename(built_site.packages / "threads.py")
    built_site.write_package("lantern/__init__.py", LANTERN.replace("wicks", "threads"))

    build = built_site.build({"lantern": {"url": URL, "pages": {"reference/": ["lantern"]}}})

    assert build.warnings == ""
    assert build.links["lantern.trim()"] == f"{URL}reference/#lantern.trim"


def test_the_working_folder_is_searched_only_where_python_does(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wicks.py").write_text("raise RuntimeError('not this one')")
    monkeypatch.chdir(tmp_path)

    assert site.build().warnings == ""


def test_changed_settings_have_the_inventory_made_again(built_site: Site) -> None:
    build = built_site.build({"lantern": {**OPTION["lantern"], "exclude": ["lantern.Wick"]}})

    assert build.not_found == ["lantern.Wick.light"]
    assert len(build.links) == 3


def test_other_mappings_of_the_project_stay(site: Site) -> None:
    config = SimpleNamespace(
        evergreen_inventories=OPTION,
        intersphinx_mapping={"other": ("https://other.example/", "other.inv")},
    )
    app = SimpleNamespace(doctreedir=site.cache.parent)

    setup_inventories(app, config)  # type: ignore[arg-type]

    assert config.intersphinx_mapping["other"] == ("https://other.example/", "other.inv")
    url, location = config.intersphinx_mapping["lantern"]
    assert url == URL
    assert Path(location).parent == site.cache


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param(
            {"pages": {"a/": ["lantrn"]}},
            "evergreen_inventories['lantern']: page 'a/' lists 'lantrn', which does not import"
            " (ModuleNotFoundError: No module named 'lantrn'). Install the package that has it,"
            " or correct the name.",
            id="not installed",
        ),
        pytest.param(
            {"pages": {"a/": ["lantern", "lantern.Wck"]}},
            "evergreen_inventories['lantern']: page 'a/' lists 'lantern.Wck', which does not"
            " import (ModuleNotFoundError: No module named 'lantern.Wck'). Install the package"
            " that has it, or correct the name.",
            id="gone",
        ),
        pytest.param(
            {"pages": {"a/": ["broken"]}},
            "evergreen_inventories['lantern']: page 'a/' lists 'broken', which does not import"
            " (RuntimeError: no oil). Install the package that has it, or correct the name.",
            id="raises",
        ),
        pytest.param(
            {"exclude": ["lantern.Older"]},
            "evergreen_inventories['lantern']: exclude lists 'lantern.Older', which does not"
            " import (ModuleNotFoundError: No module named 'lantern.Older'). Install the package"
            " that has it, or correct the name.",
            id="excluded and gone",
        ),
        pytest.param(
            {"exclude": ["lantern.Wick.light"]},
            "evergreen_inventories['lantern']: exclude lists 'lantern.Wick.light', which is not"
            " a member of a module on any page",
            id="excluded but of no page",
        ),
    ],
)
def test_a_name_that_is_wrong_in_the_option_is_an_error(
    site: Site, changes: dict[str, Any], message: str
) -> None:
    site.write_package("broken.py", "raise RuntimeError('no oil')\n")

    with pytest.raises(ExtensionError) as caught:
        site.build({"lantern": {**OPTION["lantern"], **changes}})

    assert str(caught.value) == message
    assert list(site.cache.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param(
            {"pages": {}},
            "evergreen_inventories['lantern'] is {'pages': {}}; write"
            ' {"url": "https://…/", "pages": {"path/of/page/": ["package.module", …]}}',
            id="no url",
        ),
        pytest.param(
            {"url": URL, "page": {}},
            "evergreen_inventories['lantern'] is"
            " {'url': 'https://lantern.example/docs/', 'page': {}}; write"
            ' {"url": "https://…/", "pages": {"path/of/page/": ["package.module", …]}}',
            id="unknown key",
        ),
        pytest.param(
            URL,
            "evergreen_inventories['lantern'] is 'https://lantern.example/docs/'; write"
            ' {"url": "https://…/", "pages": {"path/of/page/": ["package.module", …]}}',
            id="no mapping",
        ),
        pytest.param(
            {"url": URL, "pages": ["lantern"]},
            "evergreen_inventories['lantern'] is"
            " {'url': 'https://lantern.example/docs/', 'pages': ['lantern']}; write"
            ' {"url": "https://…/", "pages": {"path/of/page/": ["package.module", …]}}',
            id="pages without paths",
        ),
        pytest.param(
            {"url": URL, "pages": {"a/": "lantern"}},
            "evergreen_inventories['lantern'] has 'lantern' where a list of names belongs",
            id="a name for a list of names",
        ),
    ],
)
def test_an_option_of_another_shape_is_an_error(site: Site, settings: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        site.build({"lantern": settings})

    assert str(caught.value) == message


def test_the_names_of_ops_and_jubilant(site: Site) -> None:
    names = [*OPS_LINKS, *OPS_GONE]
    site.write_page(*(f":py:obj:`{name} <{name}>`" for name in names))

    build = site.build(OPS_OPTION)

    assert build.links == {
        name: f"https://canonical.com/juju/docs/{path}" for name, path in OPS_LINKS.items()
    }
    assert build.not_found == OPS_GONE
