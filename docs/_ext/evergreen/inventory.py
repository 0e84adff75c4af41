"""Inventories for intersphinx, made from the packages that are installed.

A reference to a name of another project then resolves without the network, and only while the
installed package has that name; its link leads to that project's own reference. The option
`evergreen_inventories` says where each name is documented there:

    evergreen_inventories = {
        "lantern": {
            "url": "https://lantern.example/docs/",
            "pages": {
                "reference/lantern/": ["lantern", "lantern.errors"],
                "reference/trim/": ["lantern.trim"],
            },
            "exclude": ["lantern.OldWick"],
        },
    }

`pages` maps the path of each page, as it stands in links, to what the page documents: modules,
which stand for all that `automodule` finds in them, and single classes, functions and data, which
are documented there even when a page has the whole of their module. `exclude` names what the
project's reference leaves out, with all its members.

Sphinx's own autodoc finds the names, in a process of its own, as neither Sphinx nor docutils can
read a second project without disturbing the first. That takes seconds, so the result is kept in
the folder of the doctrees until one of the packages changes.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import importlib.util
import inspect
import json
import os
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import sphinx
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError, ExtensionError
from sphinx.util.display import progress_message

from evergreen.files import digest_of_files, digest_of_texts, write_whole

_OPTION = "evergreen_inventories"
_SHAPE = '{"url": "https://…/", "pages": {"path/of/page/": ["package.module", …]}}'


@dataclasses.dataclass(frozen=True)
class Reference:
    """The published reference of another project: one entry of the option."""

    name: str
    """What intersphinx calls the project."""
    url: str
    """Where the project's pages are."""
    pages: dict[str, list[str]]
    """The names that each page documents, by the page's path from `url`."""
    exclude: list[str] = dataclasses.field(default_factory=list[str])
    """The names that the reference leaves out."""


def setup_inventories(app: Sphinx, config: Config) -> None:
    """Make the inventories that are missing or out of date, and name them to intersphinx.

    Connect it to `config-inited` with a priority below 800, at which intersphinx reads its
    mapping.

    Raises:
        ConfigError: when the option is not of the shape shown above.
        ExtensionError: when a name in the option is not in the installed package.
    """
    references = [
        _read_settings(name, settings) for name, settings in config.evergreen_inventories.items()
    ]
    cache = Path(app.doctreedir, "inventories")
    stale = [each for each in references if not _inventory_path(cache, each).is_file()]
    if stale:
        names = ", ".join(each.name for each in stale)
        with progress_message(f"making the inventories of {names}"), ThreadPoolExecutor() as pool:
            list(pool.map(functools.partial(_make, cache), stale))
    # A new path has Sphinx read all pages again, and so look up all references again.
    made = {each.name: (each.url, str(_inventory_path(cache, each))) for each in references}
    config.intersphinx_mapping = {**config.intersphinx_mapping, **made}


def _read_settings(name: str, settings: Any) -> Reference:
    try:
        reference = Reference(name, **settings)
        lists: list[Any] = [*reference.pages.values(), reference.exclude]
    except (AttributeError, TypeError) as error:
        raise ConfigError(f"{_OPTION}[{name!r}] is {settings!r}; write {_SHAPE}") from error
    for names in lists:
        if not isinstance(names, list):
            raise ConfigError(f"{_OPTION}[{name!r}] has {names!r} where a list of names belongs")
    return reference


def _inventory_path(cache: Path, reference: Reference) -> Path:
    """Return where the inventory is when it is up to date."""
    try:
        packages: list[str] = json.loads(_packages_path(cache, reference).read_text("utf-8"))
    except OSError:
        packages = []
    digest = digest_of_texts(
        sys.version,
        sphinx.__version__,
        digest_of_files([Path(__file__)]),
        json.dumps(dataclasses.asdict(reference)),
        digest_of_files(path for package in packages for path in _package_paths(package)),
    )
    return cache / f"{reference.name}-{digest[:16]}.inv"


def _packages_path(cache: Path, reference: Reference) -> Path:
    """Return where it is written which packages the names of an inventory come from.

    Only making the inventory shows that, as a package may have its names from others.
    """
    return cache / f"{reference.name}.json"


def _package_paths(package: str) -> list[Path]:
    spec = importlib.util.find_spec(package)
    if spec is None:
        return []
    return [Path(path) for path in spec.submodule_search_locations or [str(spec.origin)]]


def _make(cache: Path, reference: Reference) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        order = json.dumps(dataclasses.asdict(reference))
        Path(folder, "order").write_text(order, encoding="utf-8")
        maker = subprocess.run(
            [sys.executable, "-P", "-m", "evergreen.inventory", folder],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=False,
        )
        if maker.returncode:
            raise ExtensionError(f"{_OPTION}[{reference.name!r}]: {maker.stderr.strip()}")
        packages = Path(folder, "packages").read_text(encoding="utf-8")
        write_whole(_packages_path(cache, reference), packages)
        Path(folder, "inventory").replace(_inventory_path(cache, reference))


# What follows runs in the process of its own.


def _main(folder: Path) -> None:
    reference = Reference(**json.loads((folder / "order").read_text(encoding="utf-8")))
    documents = _documents(reference)
    _check_excluded(reference, documents)
    modules: set[str] = set()
    app = _read_documents(folder, documents, reference, modules)
    packages = {module.partition(".")[0] for module in modules}
    (folder / "packages").write_text(json.dumps(sorted(packages)), encoding="utf-8")
    header = (
        "# Sphinx inventory version 2\n"
        f"# Project: {reference.name}\n"
        "# Version: \n"
        "# The remainder of this file is compressed using zlib.\n"
    )
    lines = "".join(_inventory_lines(app, documents))
    (folder / "inventory").write_bytes(header.encode() + zlib.compress(lines.encode()))


@dataclasses.dataclass(frozen=True)
class _Document:
    """A source that Sphinx reads, which documents one name of the option."""

    page: str
    directive: str
    name: str


def _documents(reference: Reference) -> dict[str, _Document]:
    """Return what Sphinx is to read, by the names that Sphinx gives to the sources."""
    documents: list[_Document] = []
    for page, names in reference.pages.items():
        for name in names:
            value = _resolve(name, f"page {page!r}")
            if inspect.ismodule(value):
                directive = "automodule"
            elif inspect.isclass(value):
                directive = "autoclass"
            else:
                directive = "autofunction" if callable(value) else "autodata"
            documents.append(_Document(page, directive, name))
    return {f"documented-{number}": document for number, document in enumerate(documents)}


def _check_excluded(reference: Reference, documents: dict[str, _Document]) -> None:
    modules = {each.name for each in documents.values() if each.directive == "automodule"}
    for name in reference.exclude:
        _resolve(name, "exclude")
        if name.rpartition(".")[0] not in modules:
            sys.exit(f"exclude lists {name!r}, which is not a member of a module on any page")


def _resolve(name: str, place: str) -> object:
    """Return what a dotted name stands for, or end with a message that says where it was."""
    try:
        return _import(name)
    except Exception as error:
        sys.exit(
            f"{place} lists {name!r}, which does not import ({type(error).__name__}: {error})."
            " Install the package that has it, or correct the name."
        )


def _import(name: str) -> object:
    # An attribute comes before a submodule of the same name, as it does for who uses the package.
    parent, _, attribute = name.rpartition(".")
    if parent and hasattr(holder := _import(parent), attribute):
        return getattr(holder, attribute)
    return importlib.import_module(name)


def _read_documents(
    folder: Path, documents: dict[str, _Document], reference: Reference, modules: set[str]
) -> Sphinx:
    """Have Sphinx read the documents, and collect the modules that the objects come from."""
    source = folder / "source"
    source.mkdir()
    (source / "index.rst").touch()
    for docname, document in documents.items():
        text = f".. {document.directive}:: {document.name}\n"
        (source / f"{docname}.rst").write_text(text, encoding="utf-8")
    app = Sphinx(
        srcdir=source,
        confdir=None,
        outdir=folder / "out",
        doctreedir=folder / "doctrees",
        buildername="dummy",
        confoverrides={
            "extensions": ["sphinx.ext.autodoc"],
            "autodoc_default_options": {"members": True, "undoc-members": True},
            # Only names are wanted: without types and prose it takes half as long.
            "autodoc_typehints": "none",
            "autodoc_use_type_comments": False,
            "smartquotes": False,
        },
        status=None,
        warning=None,
    )
    not_with_module = {*reference.exclude, *(each.name for each in documents.values())}

    def skip(_app: Sphinx, kind: str, member: str, *_rest: object) -> bool | None:
        name = f"{documents[app.env.docname].name}.{member}"
        return True if kind == "module" and name in not_with_module else None

    def note(
        _app: Sphinx, _kind: str, _name: str, value: object, _options: object, lines: list[str]
    ) -> None:
        if inspect.ismodule(value):
            modules.add(value.__name__)
        elif inspect.isclass(value) or inspect.isfunction(value):
            modules.add(value.__module__)
        lines.clear()

    app.connect("autodoc-skip-member", skip)
    app.connect("autodoc-process-docstring", note)
    app.builder.read()
    return app


def _inventory_lines(app: Sphinx, documents: dict[str, _Document]) -> Iterator[str]:
    """Yield an inventory's lines; the format is that of `sphinx.util.inventory`."""
    objects = app.env.get_domain("py").get_objects()
    for name, _, kind, docname, anchor, priority in sorted(objects):
        # A negative priority marks an alias: where an object is defined, not where it is public.
        if priority >= 0:
            # A page need not have an anchor for its module, and its top is the right place.
            fragment = "" if kind == "module" else f"#{anchor}"
            yield f"{name} py:{kind} {priority} {documents[docname].page}{fragment} -\n"


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
