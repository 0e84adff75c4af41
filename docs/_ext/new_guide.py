"""Start a new guide: `make new-guide NAME=manage-something`.

The guide starts as a proven page about a copy of the example charm `stored-state`. From there on,
its writer changes one thing at a time, and sees each of them proven.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

MODEL = "stored-state"
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+")
NOT_COPIED = shutil.ignore_patterns(".*_cache", ".tox", ".coverage", "__pycache__", "*.charm")


def start_guide(root: Path, name: str) -> list[Path]:
    """Write the pages and the example of a new guide, and put them into the tables of contents.

    Args:
        root: the project's folder.
        name: the name of the page, and of the example.

    Returns:
        What was written, to be shown to the writer.

    Raises:
        ValueError: when the name is no name of a page, or is taken; nothing is written then.
    """
    if not NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is no name of a guide: use two or more words in lower case with hyphens"
            " between them, a verb first, such as NAME=manage-something"
        )
    example = root / "examples" / name
    guide = root / "docs/howto" / f"{name}.md"
    listing = root / "docs/reference/examples" / f"{name}.md"
    for path in (example, guide, listing):
        if path.exists():
            raise ValueError(f"{path.relative_to(root)} exists already: choose another name")
    for path in (root / "docs").rglob("*.md"):
        if f"({name})=" in path.read_text(encoding="utf-8"):
            raise ValueError(f"{path.relative_to(root)} has that label: choose another name")
    redirects = root / "docs/redirects.toml"
    if f'"howto/{name}"' in redirects.read_text(encoding="utf-8"):
        raise ValueError(f"{redirects.relative_to(root)} has that address: choose another name")

    shutil.copytree(root / "examples" / MODEL, example, ignore=NOT_COPIED)
    for path in example.rglob("*"):
        if path.is_file() and path.suffix in (".md", ".py", ".toml", ".yaml"):
            _replace(path, f"{MODEL}-demo", name)
    template = (root / "docs/_templates/guide.md").read_text(encoding="utf-8")
    text = template.replace("NAME", name).replace("TITLE", name.replace("-", " "))
    guide.write_text(text, encoding="utf-8")
    shutil.copy(listing.with_name(f"{MODEL}.md"), listing)
    _replace(listing, f"(manage-)?{MODEL}", name)
    for contents in (guide.with_name("index.md"), listing.with_name("index.md")):
        entries = contents.read_text(encoding="utf-8").rstrip().removesuffix("```")
        contents.write_text(f"{entries}{name}\n```\n", encoding="utf-8")
    return [example, guide, listing]


def _replace(path: Path, pattern: str, new: str) -> None:
    path.write_text(re.sub(pattern, new, path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    try:
        written = start_guide(Path.cwd(), sys.argv[1])
    except ValueError as error:
        sys.exit(str(error))
    print("Written, and put into the tables of contents:")
    for path in written:
        print(f"  {path.relative_to(Path.cwd())}")
    print("Change one thing at a time, and call make html after each.")
