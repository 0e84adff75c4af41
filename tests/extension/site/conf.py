"""A site about plain Python functions, proven by the extension. Paths are from this folder.

`python -m sphinx -c . docs _build/html` builds it, with the extension's folder on `PYTHONPATH`.
"""

project = "Conversions"
extensions = ["myst_parser", "evergreen"]
nitpicky = True
html_theme = "basic"

evergreen_commands = "docs/commands.toml"
