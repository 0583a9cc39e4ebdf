"""Org files of Emacs; orgparse reads the outline, the text below is read here."""

from __future__ import annotations

import re
from typing import Any

from ingest.parsers.decoding import decode
from ingest.parsers.draft import Draft
from ingest.parsers.light_markup import LineBlocks
from rag.note_warnings import WarningCode
from rag.types import BlockKind, Locator, Unit

_KEYWORD = re.compile(r"^\s*#\+(\w+):\s*(.*?)\s*$", re.IGNORECASE)
_BEGIN = re.compile(r"^\s*#\+begin_(\w+)", re.IGNORECASE)
_END = re.compile(r"^\s*#\+end_(\w+)", re.IGNORECASE)
_DRAWER = re.compile(r"^\s*:([\w-]+):\s*$")
_PROPERTY = re.compile(r"^\s*:([\w-]+)\+?:\s+(.*?)\s*$")
_TECHNICAL = re.compile(
    r"(?i)(?:custom_)?id|created|ordered|visibility|columns|style|last_repeat|archive.*|export_.*|header-args.*|unnumbered|roam_.*"
)
"""Names of properties that say something to Emacs and nothing to a reader."""
_LOGS = frozenset(("LOGBOOK", "CLOCK"))
"""Drawers that Emacs writes. What is in another one is text."""
_ITEM = re.compile(r"^\s*(?:[-+]|\s\*|\d+[.)])\s+")
_RULE = re.compile(r"^\s*\|[-+|]+\s*$")
_PLANNING = re.compile(r"^\s*(?:(?:SCHEDULED|DEADLINE|CLOSED):\s*[<\[][^>\]]*[>\]]\s*)+$")
_FOOTNOTE = re.compile(r"^\[fn:([\w-]+)\]\s*(.*)$")
_LINK = re.compile(r"\[\[([^\[\]]+)\](?:\[([^\[\]]+)\])?\]")
_EMPHASIS = re.compile(r"(?<![\w*/=~+])([*/_=~+])(?=\S)(.{1,500}?)(?<=\S)\1(?![\w*/=~+])")
_ESCAPED = re.compile(r"^(\s*),(\*|,|#\+)")
_COOKIE = re.compile(r"(?<!\s)\s*\[\d*(?:/\d*|%)\]")
_PICTURE = re.compile(r"\.(?:png|jpe?g|gif|svg|webp)$", re.IGNORECASE)
_CODE_BLOCKS = frozenset(("src", "example", "export"))
_METADATA = frozenset(("author", "date", "email", "description", "filetags", "subtitle"))


def read_org(data: bytes) -> tuple[Draft, str]:
    """Return the file's headings and blocks, located by line, and its title.

    Raises:
        UnreadableNote: it is not text.
    """
    import orgparse

    decoded = decode(data)
    draft = Draft(Unit.LINE)
    draft.warnings += decoded.warnings
    root = orgparse.loads(decoded.text)
    page = _Page(draft)
    lines = decoded.text.split("\n")
    starts = [node.linenumber for node in root]
    for node, start, end in zip(root, starts, [*starts[1:], len(lines) + 1], strict=True):
        page.read(node, lines[start - 1 : end - 1], start)
    return draft, page.title


class _Page:
    """The blocks of a file while its headings are read."""

    def __init__(self, draft: Draft) -> None:
        self.title = ""
        self._draft = draft
        self._blocks = LineBlocks(draft, org_inline)
        self._block = ""
        self._metadata: list[str] = []

    def read(self, node: Any, lines: list[str], first: int) -> None:
        """Add a heading with what is planned for it, then the lines below."""
        if node.level:
            words = [node.todo or "", _COOKIE.sub("", node.heading or "")]
            self._blocks.title(" ".join(filter(None, words)), node.level, first)
            lines, first = lines[1:], first + 1
        drawer = ""
        for number, line in enumerate(lines, first):
            if not self._block and (mark := _DRAWER.match(line)):
                drawer = "" if mark[1].upper() == "END" else mark[1].upper()
                self._blocks.flush()
            elif drawer == "PROPERTIES":
                self._property(line, number)
            elif drawer not in _LOGS:
                self._line(line, number)
        self._block = ""
        self._blocks.flush()
        self._flush_metadata()

    def _property(self, line: str, number: int) -> None:
        """Add a property of a heading, unless it is for Emacs alone."""
        found = _PROPERTY.match(line)
        if found and found[2] and not _TECHNICAL.fullmatch(found[1]):
            self._blocks.line(BlockKind.METADATA, f"{found[1]}: {found[2]}", number)

    def _line(self, line: str, number: int) -> None:
        if self._block:
            self._inside(line, number)
        elif begin := _BEGIN.match(line):
            self._blocks.flush()
            self._block = begin[1].lower()
        elif keyword := _KEYWORD.match(line):
            self._keyword(keyword[1].lower(), keyword[2], number)
        elif _PLANNING.match(line):
            self._blocks.line(BlockKind.METADATA, line.strip(), number)
        elif note := _FOOTNOTE.match(line):
            self._blocks.flush()
            self._blocks.line(BlockKind.NOTES, f"[{note[1]}] {note[2]}", number)
        elif line.lstrip().startswith("# ") or line.strip() == "#" or not line.strip():
            self._blocks.flush()
        elif line.lstrip().startswith("|"):
            if not _RULE.match(line):
                self._blocks.line(BlockKind.TABLE, line.strip().strip("|").strip(), number)
        elif re.match(r"^\s*: ", line):
            self._blocks.line(BlockKind.OUTPUT, re.sub(r"^\s*: ", "", line), number)
        elif _ITEM.match(line):
            self._blocks.line(BlockKind.LIST, line, number)
        else:
            kind = (
                BlockKind.LIST
                if self._blocks.continues(BlockKind.LIST) and line[:1].isspace()
                else BlockKind.PARAGRAPH
            )
            self._blocks.line(kind, line if kind is BlockKind.LIST else line.strip(), number)
        if not self._block:
            self._pictures(line, number)

    def _inside(self, line: str, number: int) -> None:
        """Add a line of a block, or close it."""
        if (end := _END.match(line)) and end[1].lower() == self._block:
            self._blocks.flush()
            self._block = ""
        elif self._block != "comment":
            kind = BlockKind.CODE if self._block in _CODE_BLOCKS else BlockKind.PARAGRAPH
            self._blocks.line(kind, _ESCAPED.sub(r"\1\2", line), number)

    def _keyword(self, name: str, value: str, number: int) -> None:
        if name == "title":
            self.title = self.title or org_inline(value)
            self._blocks.title(value, 1, number)
        elif name in _METADATA and value:
            self._metadata.append(f"{name}: {value}")
        elif name == "caption" and value:
            self._blocks.flush()
            self._blocks.line(BlockKind.PARAGRAPH, value, number)
            self._blocks.flush()

    def _flush_metadata(self) -> None:
        self._draft.add(BlockKind.METADATA, "\n".join(self._metadata), Locator(Unit.LINE, 1, 1))
        self._metadata = []

    def _pictures(self, line: str, number: int) -> None:
        for link in _LINK.finditer(line):
            if not link[2] and _PICTURE.search(link[1]):
                self._draft.missed.add(WarningCode.PICTURES, number, link[1].removeprefix("file:"))


def org_inline(line: str) -> str:
    """Return a line's words without the marks of Org."""
    line = _LINK.sub(lambda link: link[2] or ("" if _PICTURE.search(link[1]) else link[1]), line)
    for _ in range(2):  # one kind of emphasis inside another
        line = _EMPHASIS.sub(r"\2", line)
    return line
