"""AsciiDoc, read line by line: sections, lists, tables, admonitions and listings.

The parsers in Python are under the GPL or unmaintained, and Asciidoctor needs Ruby.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ingest.parsers.decoding import decode
from ingest.parsers.draft import Draft
from ingest.parsers.light_markup import LineBlocks
from ingest.parsers.missed import described
from ingest.parsers.table_text import MOST_SPAN, Cell, table_text
from rag.note_warnings import WarningCode
from rag.types import BlockKind, Locator, Unit

_HEADING = re.compile(r"^(={1,6}|#{1,6})\s+(\S.*?)(?<=\S)(?:\s+\1)?\s*$")
_ATTRIBUTE = re.compile(r"^:(!?[\w-]+!?):(?:\s+(.*?)(?<=\S))?\s*$")
_BLOCK_ATTRIBUTES = re.compile(r"^\[[^\[\]]*(?:\[[^\]]*\][^\[\]]*)*\]\s*$|^\[\[[^\]]+\]\]\s*$")
_BLOCK_TITLE = re.compile(r"^\.(?![.\s])(\S.*)$")
_FENCE = re.compile(r"^(-{4,}|\.{4,}|\+{4,}|/{4,}|={4,}|\*{4,}|_{4,}|--|```\w*)\s*$")
_TABLE = re.compile(r"^[|,:!]={3,}\s*$")
_CELL = re.compile(r"(?:^|(?<=\s))(?:\d*(?:\.\d+)?[+*])?[<^>]?(?:\.[<^>])?[a-z]?\|")
_SPAN = re.compile(r"(\d*)(?:\.(\d+))?([+*])")
_CITED = re.compile(r"^\[(?:quote|verse)\s*,\s*([^\]]*\S)\s*\]$")
_CONDITION = re.compile(r"^(?:ifdef|ifndef|ifeval|endif)::[^\[]*\[(.*)\]\s*$")
_ITEM = re.compile(r"^\s*(\*{1,5}|-|\.{1,5}|\d+\.|<\d+>)\s+(?:\[([ xX*])\]\s+)?(?=\S)")
_FORMAT = re.compile(r"\bformat=\"?(csv|tsv|dsv)\b")
_SEPARATORS = {"csv": ",", "tsv": "\t", "dsv": ":", ",": ",", ":": ":"}
"""Separators of a table's values, by its format and by the sign of its fence."""
_COLUMNS = re.compile(r"""cols=(?:(")?(\d+)\*?(?:\1|[,\]])(?!\d)|"([^"]+)"|([\w,]+))""")
_TERM = re.compile(r"^(\S.*?)(::|:::|;;)(?:\s+(.*))?$")
_ADMONITION = re.compile(r"^(NOTE|TIP|IMPORTANT|WARNING|CAUTION):\s+")
_ADMONITION_BLOCK = re.compile(r"^\[(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\b")
_MACRO = re.compile(r"^(image|video|audio|include|toc)::([^\[\]]*)\[(.*)\]\s*$")
_REFERENCE = re.compile(r"\{([\w-]+)\}")
_INLINE = (
    (re.compile(r"(?:link:|xref:|mailto:)(\S{1,1000}?)\[([^\[\]]*)\]"), lambda m: m[2] or m[1]),
    (
        re.compile(r"(https?://[^\s\[\]]{1,1000}+)\[([^\[\]]*)\]"),
        lambda m: f"{m[2].rstrip('^')} ({m[1]})" if m[2] else m[1],
    ),
    (re.compile(r"<<([^,<>]+)(?:,\s*([^<>]+))?>>"), lambda m: m[2] or m[1]),
    (re.compile(r"(?:stem|latexmath|asciimath):\[((?:[^\]\\]|\\.){0,1000}+)\]"), lambda m: f"${m[1]}$"),
    (re.compile(r"(?:kbd|btn|menu|pass|anchor|indexterm2?):\w*\[([^\[\]]*)\]"), lambda m: m[1]),
    (re.compile(r"image:\S{1,1000}?\[([^\[\]]*)\]"), lambda m: described(m[1].partition(",")[0])),
    (re.compile(r"\(\(\(([^()]+)\)\)\)"), lambda m: ""),
    (re.compile(r"(?<![\w`*_#])(\*\*|__|``|##)(?=\S)(.{1,500}?)(?<=\S)\1"), lambda m: m[2]),
    (
        re.compile(r"(?<![\w`*_#])(?:\[[^\[\]]*\])?([*_`#])(?=\S)(.{1,500}?)(?<=\S)\1(?![\w`])"),
        lambda m: m[2],
    ),
    (re.compile(r"(?<!\w)[~^](\S{1,100}?)[~^](?!\w)"), lambda m: m[1]),
    (re.compile(r"\s\+$"), lambda m: ""),
)
_FOOTNOTE = re.compile(r"footnote(?:ref)?:[\w-]*\[((?:[^\[\]]|\[[^\[\]]*\]){0,1000}+)\]")
_METADATA = frozenset(("author", "email", "revdate", "description", "keywords", "date"))


def read_asciidoc(data: bytes) -> tuple[Draft, str]:
    """Return the document's blocks, located by line, and its title.

    Raises:
        UnreadableNote: it is not text.
    """
    decoded = decode(data)
    page = _Page()
    page.draft.warnings += decoded.warnings
    for number, line in enumerate(decoded.text.split("\n"), 1):
        page.line(line, number)
    page.end()
    return page.draft, page.title


class _Page:
    """The blocks of a document while its lines are read."""

    def __init__(self) -> None:
        self.draft = Draft(Unit.LINE)
        self.title = ""
        self._blocks = LineBlocks(self.draft, self._inline)
        self._attributes: dict[str, str] = {}
        self._fence = ""
        self._cells: list[Cell] | None = None
        self._width = 0
        self._format = ""
        self._values: list[str] = []
        self._table_line = 1
        self._label = ""
        self._header = False

    def line(self, line: str, number: int) -> None:
        """Read the next line."""
        if self._fence:
            self._fenced(line, number)
        elif self._cells is not None:
            self._table_row(line)
        elif _TABLE.match(line):
            self._blocks.flush()
            self._cells, self._table_line = [], number
            self._format = self._format or line.strip()[0]
        elif fence := _FENCE.match(line):
            self._open(fence[1])
        elif not line.strip() or line.strip() == "+":
            self._header = False
            if line.strip() != "+":
                self._blocks.flush()
        elif line.startswith("//"):
            return
        elif condition := _CONDITION.match(line):
            if condition[1] and not line.startswith("ifeval"):
                self._markup(condition[1], number)
        else:
            self._markup(line, number)

    def end(self) -> None:
        """Close what is open at the end of the text."""
        if self._cells is not None:
            self._close_table()
        self._blocks.flush()
        lines = [
            f"{name}: {value}" for name, value in self._attributes.items() if name in _METADATA and value
        ]
        self.draft.add(BlockKind.METADATA, "\n".join(lines), Locator(Unit.LINE, 1, 1))

    def _open(self, fence: str) -> None:
        self._blocks.flush()
        if fence[0] in "-.+/`" and fence != "--":
            self._fence = fence.rstrip() if fence[0] != "`" else "```"
        # Fences of ==== **** ____ and -- only surround text that is read like any other.

    def _fenced(self, line: str, number: int) -> None:
        if line.rstrip() == self._fence:
            self._blocks.flush()
            self._fence = ""
        elif not self._fence.startswith("/"):
            self._blocks.line(BlockKind.CODE, line, number)

    def _markup(self, line: str, number: int) -> None:
        if heading := _HEADING.match(line):
            self._heading(heading, number)
        elif attribute := _ATTRIBUTE.match(line):
            self._attributes[attribute[1].strip("!")] = attribute[2] or ""
        elif box := _ADMONITION_BLOCK.match(line):
            self._label = f"{box[1].capitalize()}: "
        elif _BLOCK_ATTRIBUTES.match(line):
            self._blocks.flush()
            if cited := _CITED.match(line):
                self._label = f"{cited[1]}: "
            found = _FORMAT.search(line)
            self._format = found[1] if found else ""
            if columns := _COLUMNS.search(line):
                self._width = int(columns[2] or 0) or len((columns[3] or columns[4]).split(","))
        elif macro := _MACRO.match(line):
            self._macro(macro, number)
        elif title := _BLOCK_TITLE.match(line):
            self._blocks.flush()
            self._blocks.line(BlockKind.PARAGRAPH, title[1], number)
            self._blocks.flush()
        elif self._header and not self._attributes.get("author"):
            self._attributes["author"] = line.strip()
        elif item := _ITEM.match(line):
            self._item(item, line, number)
        elif (term := _TERM.match(line)) and "://" not in line:
            self._blocks.line(BlockKind.LIST, f"- {term[1]}: {term[3] or ''}".rstrip(), number)
        else:
            self._words(line, number)

    def _heading(self, heading: re.Match[str], number: int) -> None:
        level = len(heading[1])
        if level == 1 and not self.title:
            self.title = self._inline(heading[2])
            self._header = True
        self._blocks.title(heading[2], level, number)

    def _item(self, item: re.Match[str], line: str, number: int) -> None:
        depth = len(item[1]) - 1 if item[1][0] in "*." else 0
        mark = "1." if item[1][0] == "." else item[1] if item[1][0].isdigit() else "-"
        box = "" if item[2] is None else "[x] " if item[2].strip() else "[ ] "
        self._blocks.line(BlockKind.LIST, f"{'  ' * depth}{mark} {box}{line[item.end() :]}", number)

    def _words(self, line: str, number: int) -> None:
        """Add a line of a paragraph, or the next line of an item."""
        if self._blocks.continues(BlockKind.LIST):
            self._blocks.line(BlockKind.LIST, f"  {line.strip()}", number)
            return
        note = _ADMONITION.match(line)
        label = f"{note[1].capitalize()}: " if note else self._label
        self._label = ""
        self._blocks.line(BlockKind.PARAGRAPH, label + (line[note.end() :] if note else line).strip(), number)

    def _macro(self, macro: re.Match[str], number: int) -> None:
        self._blocks.flush()
        if macro[1] == "image" and (text := described(macro[3].partition(",")[0].strip('"'))):
            self._blocks.line(BlockKind.PARAGRAPH, text, number)
            self._blocks.flush()
        elif macro[1] in {"image", "video", "audio"}:
            code = WarningCode.PICTURES if macro[1] == "image" else WarningCode.MEDIA
            self.draft.missed.add(code, number, macro[2])

    def _table_row(self, line: str) -> None:
        """Add the cells of a line; text without a bar goes on with the last one."""
        if _TABLE.match(line):
            self._close_table()
        elif self._format in _SEPARATORS:
            self._values.append(line)
        elif line.strip() and self._cells is not None:
            first, *texts = (cell.strip() for cell in _CELL.split(line))
            if first and self._cells:
                self._cells[-1] = replace(self._cells[-1], text=f"{self._cells[-1].text} {first}")
            cells = [
                one
                for mark, text in zip(_CELL.findall(line), texts, strict=True)
                for one in _cells(mark, text)
            ]
            self._cells += cells
            self._width = self._width or sum(cell.columns for cell in cells)

    def _close_table(self) -> None:
        """Add the cells as rows, as wide as the first line or as `cols` says."""
        cells, self._cells = self._cells or [], None
        if values := [line for line in self._values if line.strip()]:
            read = csv.reader(values, delimiter=_SEPARATORS[self._format])
            rows = [[Cell(self._inline(text.strip())) for text in row] for row in read]
        else:
            rows = _rows([replace(cell, text=self._inline(cell.text)) for cell in cells], max(1, self._width))
        self._format, self._values = "", []
        at = Locator(Unit.LINE, self._table_line, self._table_line + len(rows) + 1, self._blocks.heading)
        self.draft.add(BlockKind.TABLE, table_text(rows, head_rows=1), at)
        self._width = 0

    def _inline(self, line: str) -> str:
        """Return a line's words without the marks of AsciiDoc."""
        line = _REFERENCE.sub(lambda name: self._attributes.get(name[1]) or name[0], line)
        line = _FOOTNOTE.sub(r" (\1)", line)
        for pattern, made in _INLINE:
            line = pattern.sub(made, line)
        return line


def _cells(mark: str, text: str) -> Iterator[Cell]:
    """Yield the cells of a text.

    `2+|` is over two columns, `.3+|` over three rows, and `3*|` repeats it.
    """
    span = _SPAN.search(mark)
    columns = min(int(span[1] or 1), MOST_SPAN) if span else 1
    rows = min(int(span[2] or 1), MOST_SPAN) if span else 1
    if span and span[3] == "*":
        yield from [Cell(text)] * columns
    else:
        yield Cell(text, columns, rows)


def _rows(cells: Sequence[Cell], width: int) -> list[list[Cell]]:
    """Return the cells in rows of that width.

    A cell of the rows above takes its place.
    """
    rows: list[list[Cell]] = []
    taken: list[int] = []
    for cell in cells:
        if not rows or taken[len(rows) - 1] >= width:
            rows.append([])
            taken += [0] * (len(rows) - len(taken))
        at = len(rows) - 1
        rows[at].append(cell)
        taken += [0] * (at + cell.rows - len(taken))
        for below in range(at, at + cell.rows):
            taken[below] += cell.columns
    return rows
