"""Warnings on the lines of a pull request, when the build runs in GitHub Actions."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging as sphinx_logging


class Annotator(logging.Filter):
    """Lets every warning pass, and prints it as a workflow command besides.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """

    def __init__(self, project: Path) -> None:
        super().__init__()
        self._project = project

    def filter(self, record: logging.LogRecord) -> bool:
        """Print a warning that has a location; one without is in the log all the same."""
        location = getattr(record, "location", None) or ""
        path, _, line = location.rpartition(":") if ":" in location else (location, "", "")
        if path:
            # Sphinx's own kind of record would put the place before the text.
            self._print(path, line, logging.LogRecord.getMessage(record))
        return True

    def _print(self, path: str, line: str, text: str) -> None:
        place = f"file={os.path.relpath(self._project / path)}"
        if line.isdecimal():
            place += f",line={line}"
        text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        print(f"::error {place}::{text}", file=sys.stderr)


def annotate(app: Sphinx) -> None:
    """Annotate warnings, when in GitHub Actions (`builder-inited`)."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        # The last filter of Sphinx's own handler sees what is shown, its place made out.
        for handler in logging.getLogger(sphinx_logging.NAMESPACE).handlers:
            if isinstance(handler, sphinx_logging.WarningStreamHandler):
                handler.addFilter(Annotator(Path(app.confdir)))
