"""A tally: how many mutants ended in which way, in a file that is kept with the sources.

To try all takes a minute or more, which a build does not wait for. It shows the last tally, if
that speaks of what the build publishes.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from sphinx.config import Config

from evergreen.fates import texts_of
from evergreen.files import digest_of_files, digest_of_texts, write_whole
from evergreen.page import Page

# What says which places are changed, and how.
_RULES = [Path(__file__).with_name(name) for name in ("mutant.py", "mutation.py")]


@dataclasses.dataclass(frozen=True)
class Tally:
    """What became of all mutants of a site."""

    digest: str
    """A digest of what was changed, of the tests, and of the libraries' versions."""
    mutants: int
    """How many there were."""
    killed: int
    """How many a test noticed, by its time limit too."""
    equivalent: int
    """How many are listed with the reason why nothing can notice them."""
    free: int
    """How many gave another value to a literal of an executed block that may be any."""
    survived: int
    """How many nothing noticed, and ought to have."""

    def write(self, path: Path) -> None:
        """Write the file, unless it says so already: what has a new time is built anew."""
        text = f"{json.dumps(dataclasses.asdict(self), indent=2)}\n"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_whole(path, text)


def read_tally(path: Path, digest: str) -> Tally | None:
    """Return the tally in a file; None when there is none that can be read, or it is of others.

    Args:
        path: the file.
        digest: the digest of what is published now.
    """
    try:
        tally = Tally(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return tally if tally.digest == digest else None


def digest_of_published(
    pages: Iterable[Page], project: Path, config: Config, versions: Mapping[str, str]
) -> str:
    """Return a digest of what mutants are made of, and of what has to notice them.

    It is the same on each Python, and wherever on its page a block stands.

    Args:
        pages: what was read of each page.
        project: the folder of `conf.py`.
        config: the site's configuration, which names the examples and the tests besides theirs.
        versions: the versions of Python and of the libraries, by name.
    """
    libraries = {name: version for name, version in versions.items() if name != "Python"}
    blocks = [
        [
            *((block.file, block.first_line, block.last_line) for block in page.embedded),
            *((group.name, group.example, *texts_of(group)) for group in page.groups),
        ]
        for page in sorted(pages, key=lambda page: page.path)
    ]
    code = [config.evergreen_examples, *config.evergreen_proofs]
    content = digest_of_files([*(project / path for path in code), *_RULES])
    return digest_of_texts(repr(blocks), content, repr(sorted(libraries.items())))
