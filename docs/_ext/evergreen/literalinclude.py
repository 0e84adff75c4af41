"""Sphinx's own `literalinclude`, made to say what it shows.

The directive keeps the syntax and the output that Sphinx gives it. It refuses what would let a
page go stale in silence, and notes on the node which lines of which file are shown.
"""

from __future__ import annotations

import functools
import itertools
from pathlib import Path

from docutils import nodes
from sphinx.directives.code import LiteralInclude, LiteralIncludeReader
from sphinx.errors import PycodeError
from sphinx.pycode import ModuleAnalyzer

FILE = "evergreen_file"
FIRST_LINE = "evergreen_first_line"
LAST_LINE = "evergreen_last_line"
CAPTION = "evergreen_caption"
REFUSED = "evergreen_refused"

_REFUSED_OPTIONS = {
    "lines": "a line number goes on pointing somewhere when the code moves",
    "emphasize-lines": "a line number goes on pointing somewhere when the code moves",
    "diff": "a difference is not code that anybody ran",
    "prepend": "a line that is not in the file is not code that anybody ran",
    "append": "a line that is not in the file is not code that anybody ran",
    "dedent": "a block that lost its indentation does not fit where it is pasted",
    "tab-width": "a tab that became spaces is not in the file",
    "encoding": "a file that is not UTF-8 is not read as such by whoever pastes into it",
}
_BY_TEXT = (
    "Choose the block by symbol (:pyobject:) or by the code's own text"
    " (:start-at:, :end-before:, :end-at:)"
)


def outermost(block: nodes.Element) -> nodes.Element:
    """Return what Sphinx puts around a block and its caption, or the block itself."""
    parent = block.parent
    return parent if isinstance(parent, nodes.container) and parent.get("literal_block") else block


def anchor_of(block: nodes.Element) -> str:
    """Return an ID of an embedded block; one that its writer gave no name is given one.

    It is made from the file's name, so that it stays when something else on the page changes.
    """
    outer = outermost(block)
    document = outer.document
    if document is not None and not outer["names"]:
        name = nodes.make_id(Path(block[FILE]).name)
        names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
        free = next(each for each in names if each not in document.ids)
        # Sphinx has numbered those with a caption.
        outer["ids"] = [free]
        document.ids[free] = outer
    return outer["ids"][0]


@functools.lru_cache
def _fault_of(source: bytes) -> str:
    """Return where and why a source is not Python; nothing if it is. Pages show a file often."""
    try:
        compile(source, "<source>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f", line {line}" if line else ""
        return f"{where}, is not Python: {getattr(error, 'msg', error)}"
    return ""


class Refusal(Exception):
    """An embedded block that cannot be kept true."""

    def __init__(self, kind: str, what: str, remedy: str) -> None:
        super().__init__(what)
        self.kind = kind
        self.what = what
        self.remedy = remedy


class EvergreenLiteralInclude(LiteralInclude):
    """`literalinclude` by symbol or by text, never by number."""

    def run(self) -> list[nodes.Node]:
        """Return Sphinx's nodes, the literal block marked with what it shows.

        A block that is refused becomes an empty literal block marked with the `Refusal`, for the
        closed world to report.
        """
        _, filename = self.env.relfn2path(self.arguments[0])
        try:
            first, last = self._shown_lines(filename)
        except Refusal as refusal:
            block = nodes.literal_block()
            self.set_source_info(block)
            block[REFUSED] = (refusal.kind, refusal.what, refusal.remedy)
            return [block]
        shown = super().run()
        for node in shown:
            for block in node.findall(nodes.literal_block):
                block[FILE] = filename
                block[FIRST_LINE] = first
                block[LAST_LINE] = last
                block[CAPTION] = self.options.get("caption")
        return shown

    def _shown_lines(self, filename: str) -> tuple[int, int]:
        """Return the first and the last line shown, counted from 1.

        Raises:
            Refusal: when the file, the symbol or a marker is not there, a marker is ambiguous, or
                an option would let the block go stale.
        """
        shown_name = self.arguments[0]
        for option, reason in _REFUSED_OPTIONS.items():
            if option in self.options:
                raise Refusal(
                    "include-option",
                    f"{shown_name} is embedded with :{option}:, and {reason}",
                    _BY_TEXT,
                )
        text = self._read(filename, shown_name)
        self._check_symbol(filename, shown_name)
        self._check_start(filename, text, shown_name)
        # `lineno-match` makes Sphinx's reader say on which line its text starts; the page itself
        # need not show the numbers.
        options = {**self.options, "lineno-match": None}
        options.pop("lineno-start", None)
        try:
            reader = LiteralIncludeReader(filename, options, self.config)
            _, count = reader.read()
        except ValueError as error:
            raise Refusal(
                "include-marker",
                f"{shown_name} cannot be embedded: {error}",
                "Use a text that is in the file, after the block's start",
            ) from error
        if count == 0:
            raise Refusal(
                "include-empty", f"nothing of {shown_name} is left to show", "Widen the range"
            )
        return reader.lineno_start, reader.lineno_start + count - 1

    def _read(self, filename: str, shown_name: str) -> str:
        def refusal(reason: object, remedy: str) -> Refusal:
            return Refusal("include-file", f"{shown_name} cannot be embedded: {reason}", remedy)

        try:
            text = Path(filename).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise refusal(error, "Save the file as UTF-8") from error
        except OSError as error:
            reason = "there is no such file" if isinstance(error, FileNotFoundError) else error
            page = self.env.doc2path(self.env.docname, base=False)
            raise refusal(reason, f"Name a file of an example, relative to {page}") from error
        if text.startswith("\ufeff"):
            raise refusal("it begins with a byte order mark", "Save the file without it")
        for line in text.splitlines(keepends=True):
            if not line.endswith("\n") and line.splitlines() != [line]:
                # Sphinx counts such a line, and Python does not.
                raise refusal(f"it has a line that ends with {line[-1]!r}", "End it as the others")
        return text

    def _check_symbol(self, filename: str, shown_name: str) -> None:
        if filename.endswith(".py"):
            fault = _fault_of(Path(filename).read_bytes())
            if fault:
                raise Refusal("include-syntax", f"{shown_name}{fault}", "Mend the file")
        symbol = self.options.get("pyobject")
        if symbol is None:
            return
        # A file that does not parse has no symbols; Sphinx says so with an exception of its own.
        try:
            symbols = ModuleAnalyzer.for_file(filename, "").find_tags()
        except PycodeError as error:
            raise Refusal(
                "include-syntax",
                f"{shown_name} is not Python that can be read: {error}",
                "Name no symbol of it, or mend the file",
            ) from error
        if symbol not in symbols:
            raise Refusal(
                "include-symbol",
                f"{shown_name} has no symbol {symbol!r}; it has {', '.join(sorted(symbols))}",
                "Name a class, function or method of the file, such as Class.method",
            )

    def _check_start(self, filename: str, text: str, shown_name: str) -> None:
        for option in ("start-at", "start-after"):
            marker = self.options.get(option)
            if marker is None:
                continue
            first = 1
            if "pyobject" in self.options:
                only_symbol = {"pyobject": self.options["pyobject"], "lineno-match": None}
                reader = LiteralIncludeReader(filename, only_symbol, self.config)
                text, _ = reader.read()
                first = reader.lineno_start
            lines = [n for n, line in enumerate(text.splitlines(), first) if marker in line]
            if not lines:
                raise Refusal(
                    "include-marker",
                    f"{shown_name} has no line with {marker!r} (:{option}:)",
                    "Use a text that is in the file",
                )
            if len(lines) > 1:
                raise Refusal(
                    "include-ambiguous",
                    f"{shown_name} has {marker!r} (:{option}:) on lines"
                    f" {', '.join(map(str, lines))}",
                    "Use a text that only one line has",
                )
