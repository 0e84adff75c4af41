"""Warnings on the lines of a pull request, when the build runs in GitHub Actions."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging as sphinx_logging


class AnnotationHandler(logging.Handler):
    """Prints each warning as a workflow command.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """

    def __init__(self, project: Path) -> None:
        super().__init__(logging.WARNING)
        self._project = project

    def emit(self, record: logging.LogRecord) -> None:
        """Print a warning that has a location; one without is in the log all the same."""
        location = str(getattr(record, "location", None) or "")
        path, _, line = location.rpartition(":") if ":" in location else (location, "", "")
        if not path:
            return
        place = f"file={os.path.relpath(self._project / path)}"
        if line.isdecimal():
            place += f",line={line}"
        text = record.getMessage().replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        print(f"::error {place}::{text}", file=sys.stderr)


def annotate(app: Sphinx) -> None:
    """Annotate warnings, when in GitHub Actions (`builder-inited`)."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        logger = logging.getLogger(sphinx_logging.NAMESPACE)
        logger.addHandler(AnnotationHandler(Path(app.confdir)))
