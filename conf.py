"""Sphinx configuration. The sources are in `docs/`; paths here are from this folder."""

import sys
from pathlib import Path

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT / "docs" / "_ext"))

project = "Evergreen charm guides"
author = "The Evergreen charm guides' authors"
copyright = f"2026, {author}"  # noqa: A001

extensions = [
    "myst_parser",
    "sphinx_design",
    "sphinx_copybutton",
    "sphinxext.opengraph",
    "notfound.extension",
    "sphinx_reredirects",
    "evergreen",
]
exclude_patterns = ["_ext", "_static", "_templates"]
nitpicky = True
root_doc = "index"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

evergreen_commands = "docs/commands.toml"
evergreen_libraries = ["ops", "scenario", "jubilant"]

html_theme = "furo"
html_title = project
