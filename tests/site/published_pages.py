"""The sources of the pages that the site publishes."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [
    path
    for path in sorted((ROOT / "docs").rglob("*.md"))
    if not path.relative_to(ROOT / "docs").parts[0].startswith("_")
]
