"""A Sphinx extension that publishes no code that is not proven.

Every block of every page is embedded from an example whose tests pass, or run where it stands, or
a terminal session of known commands; anything else fails the build. The options are in `setup`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata


def setup(app: Sphinx) -> ExtensionMetadata:
    """Add the extension to Sphinx.

    Options, all paths from the folder that holds `conf.py`:

    - `evergreen_examples`: the folder of the examples.
    - `evergreen_commands`: the table of commands that may stand in terminal sessions.
    - `evergreen_libraries`: importable packages that the pages speak of; when one changes,
      everything is proven again.
    - `evergreen_proofs`: further tests that a build rests on, each with the files it is about, as
      a mapping from a path to a list of patterns.
    - `evergreen_stand_ins`: files that tests run against a stand-in for what they are meant for,
      as a mapping from a pattern of paths to what to say of them.
    - `evergreen_inventories`: packages whose names pages refer to; see `inventory`.
    - `evergreen_time_limit`: how many seconds a test, a group of blocks or a terminal session may
      take.
    - `evergreen_mutants`: the file that keeps what became of the mutants, for its figures.
    - `evergreen_prove`: whether to run what is unproven; the checks are made in any case.
    """
    # Imported here, as pytest loads this package too and does not need Sphinx's half of it.
    from evergreen import build, claims, display, github, inventory
    from evergreen.files import digest_of_files
    from evergreen.literalinclude import EvergreenLiteralInclude

    app.setup_extension("sphinx.ext.doctest")
    app.setup_extension("sphinx.ext.intersphinx")
    app.add_config_value("evergreen_examples", "examples", "env", types=frozenset({str}))
    app.add_config_value("evergreen_commands", "", "env", types=frozenset({str}))
    app.add_config_value("evergreen_libraries", [], "", types=frozenset({list}))
    app.add_config_value("evergreen_proofs", {}, "", types=frozenset({dict}))
    app.add_config_value("evergreen_inventories", {}, "env", types=frozenset({dict}))
    app.add_config_value("evergreen_time_limit", 120, "", types=frozenset({int, float}))
    app.add_config_value("evergreen_mutants", "", "", types=frozenset({str}))
    app.add_config_value("evergreen_prove", True, "", types=frozenset({bool}))
    app.add_config_value("evergreen_stand_ins", {}, "", types=frozenset({dict}))
    app.add_role("proven", claims.ClaimRole())
    app.add_role("measured", claims.MeasuredRole())
    display.add_nodes(app)
    app.add_directive("literalinclude", EvergreenLiteralInclude, override=True)
    app.add_env_collector(build.PageCollector)
    app.connect("config-inited", build.check_options)
    app.connect("config-inited", build.forget_unfinished_build)
    app.connect("config-inited", build.read_examples)
    app.connect("config-inited", inventory.setup_inventories)
    app.connect("builder-inited", github.annotate)
    app.connect("env-get-outdated", build.outdated)
    app.connect("env-before-read-docs", build.begin_proving)
    app.connect("env-updated", build.prove)
    app.connect("env-updated", build.begin)
    app.connect("doctree-resolved", build.show_evidence)
    app.connect("build-finished", build.finish)
    app.connect("build-finished", build.stop_proving)
    # A change of the extension has all pages read again.
    own_digest = digest_of_files(sorted(Path(__file__).parent.glob("*.py")))
    return {
        "version": "1.0",
        "env_version": int(own_digest[:8], 16),
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
