"""Lists and tables of a document with the words that introduce them.

Tables are read from pipes, from the `a | b` rows of Word, slides and HTML, and from columns that spaces align (PDF,
printed output). Lists are items with marks, lines of slides, and the headings under a heading.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

from rag.answer.cited_lines import plain
from rag.answer.enumerations import enumerations
from rag.answer.notes import heading_text, headings_above
from rag.types import Block, BlockKind, Document, Locator, Unit

_ITEM = re.compile(
    r"^(?P<indent>[ \t]*)(?:[-*+•–]|\d{1,3}[.)]|[a-z][.)])[ \t]+(?:\[[ xX]\][ \t]+)?", re.MULTILINE
)
_RULE = re.compile(r"\|?[\s:|+-]*-[\s:|+-]*")
_PIPES = re.compile(r"(?:^[ \t]*\|[^\n]*\n?){3,}", re.MULTILINE)
_FENCED = re.compile(r"^[ \t]*```(?:output|text|console)?[ \t]*\n(.*?)^[ \t]*```", re.DOTALL | re.MULTILINE)
_COLUMNS = re.compile(r"\s{2,}|\t+")
_SERIES = re.compile(r"^[ \t]*([^\W\d][^\n|]*?)(?::[ \t]*|[ \t]{2,})([-−]?\d[\d.,]*)[ \t]*%?$", re.MULTILINE)
_BOLD = re.compile(r"(?:\*\*|__)(.+?)(?:\*\*|__)")
_LINE = re.compile(r"[^\n]+")
LEAST_SERIES = 3
_CUT, CUT_SHARE = ("...", "…"), 3
"""The end of a cell that a program cut, and one row of how many has one.

Then nobody can read the table."""
LEAST_COLUMNS = 3
"""Columns from which lines that spaces align are taken for a table."""
INTRO_CHARS = 300
MOST_JOINED_ROWS = 2000
"""Rows from which a long table of a spreadsheet is looked through in parts."""


@dataclass(frozen=True, slots=True)
class Item:
    """A row with its cells, or an item, and its span of the document.

    `total` marks a row whose name is emphasised as those of other rows are not: a sum under the others.
    """

    start: int
    end: int
    cells: tuple[str, ...]
    total: bool = False

    @property
    def text(self) -> str:
        return " | ".join(self.cells)


@dataclass(frozen=True, slots=True)
class Structure:
    """A list or a table. `head` are the names of a table's columns, empty for a list.

    `intro` is the paragraph before it, `headings` are those above it, outermost first; `sentence` is the span of the sentence
    that names the items one after the other, or of its short paragraph; None for others. `printed` are lines of a name and a number in a program's output, and tables whose cells it cut.
    """

    document: str
    title: str
    headings: tuple[str, ...]
    intro: str
    head: tuple[str, ...]
    items: tuple[Item, ...]
    outline: bool = False
    sentence: tuple[int, int] | None = None
    printed: bool = False

    @property
    def name(self) -> str:
        """The innermost heading, or the document's title."""
        return self.headings[-1] if self.headings else self.title

    @property
    def about(self) -> str:
        """The words before the items."""
        return " · ".join(filter(None, (self.title, *self.headings, self.intro, " | ".join(self.head))))


def structures_of(document: Document) -> list[Structure]:
    """Return the lists, the tables and the heading trees of a document."""
    found: list[Structure] = []
    placed = headings_above(document)
    for place, (block, headings) in enumerate(placed):
        before = placed[place - 1] if place else None
        intro = _intro(document, before, headings)
        made = partial(Structure, document.path, document.title, headings)
        if block.kind in {BlockKind.LIST, BlockKind.CODE}:
            found += [
                made(intro, head, items, printed=printed)
                for head, items, printed in nested_tables(document.text, block.start, block.end)
            ]
        head, items = _read(document.text, block)
        if not items and block.kind in {BlockKind.PARAGRAPH, BlockKind.OUTPUT}:
            following = (placed[at] for at in range(place, len(placed)))
            head, items = aligned_table(document.text, (one for one, above in following if above == headings))
            if len(items) < 2:
                items = ()
        output = block.kind is BlockKind.OUTPUT
        printed = (output and not items) or _is_cut(items)
        if output and not items:
            head, items = printed_series(document.text, block.start, block.end)
        if items and _goes_on(found, head, headings, before):
            found[-1] = replace(found[-1], items=found[-1].items + items)
        elif items:
            found.append(made(intro, head, items, printed=printed))
        elif block.kind is BlockKind.PARAGRAPH:
            found += [
                made(
                    document.text[start:end],
                    (),
                    tuple(Item(a, b, (plain(document.text[a:b]),)) for a, b in parts),
                    sentence=(start, end),
                )
                for start, end, parts in enumerations(document.text, block.start, block.end)
            ]
    return found + list(_outlines(document))


def _is_cut(rows: Sequence[Item]) -> bool:
    """Return whether a program left out the end of many cells."""
    cut = sum(any(cell.endswith(_CUT) for cell in row.cells) for row in rows)
    return CUT_SHARE * cut > len(rows)


def _goes_on(
    found: Sequence[Structure],
    head: tuple[str, ...],
    headings: tuple[str, ...],
    before: tuple[Block, tuple[str, ...]] | None,
) -> bool:
    """Return whether a table goes on from the block before it.

    The rows of a spreadsheet are in blocks, each under the same head.
    """
    if not (found and head and before and before[0].kind is BlockKind.TABLE):
        return False
    last = found[-1]
    return (last.head, last.headings) == (head, headings) and len(last.items) < MOST_JOINED_ROWS


def _read(text: str, block: Block) -> tuple[tuple[str, ...], tuple[Item, ...]]:
    """The head and the items of one block. No items where it is neither a list nor a table with pipes."""
    match block.kind:
        case BlockKind.TABLE:
            return table_rows(text, block.start, block.end)
        case BlockKind.LIST:
            return (), list_items(text, block.start, block.end)
        case BlockKind.PARAGRAPH:
            items = list_items(text, block.start, block.end)
            return (), items if len(items) > 1 else ()
    return (), ()


def table_rows(text: str, start: int, end: int) -> tuple[tuple[str, ...], tuple[Item, ...]]:
    """Return the head and the rows of a table whose cells are parted by `|`."""
    lines = [(start + m.start(), start + m.end()) for m in _LINE.finditer(text[start:end])]
    rows = [Item(a, b, _cells(text[a:b])) for a, b in lines if not _RULE.fullmatch(text[a:b])]
    if not rows:
        return (), ()
    return rows[0].cells, _with_totals([row for row in rows[1:] if any(row.cells)])


def _with_totals(rows: Sequence[Item]) -> tuple[Item, ...]:
    """Rows with those marked whose name alone is in bold."""
    bold = [bool(_BOLD.fullmatch(row.cells[0])) for row in rows]
    few = 0 < sum(bold) <= len(rows) // 3
    return tuple(
        Item(row.start, row.end, tuple(_BOLD.sub(r"\1", cell) for cell in row.cells), few and marked)
        for row, marked in zip(rows, bold, strict=True)
    )


def nested_tables(text: str, start: int, end: int) -> list[tuple[tuple[str, ...], tuple[Item, ...], bool]]:
    """Return the tables inside a list or a fence: head, rows, and if printed lines."""
    tables = [
        (*table_rows(text, start + m.start(), start + m.end()), False)
        for m in _PIPES.finditer(text[start:end])
    ]
    for fence in _FENCED.finditer(text[start:end]):
        block = Block(
            BlockKind.OUTPUT, start + fence.start(1), start + fence.end(1), Locator(Unit.LINE, 1, 1)
        )
        aligned = aligned_table(text, [block])
        series = printed_series(text, block.start, block.end)
        tables.append((*aligned, False) if len(aligned[1]) > 1 else (*series, True))
    return [one for one in tables if len(one[1]) > 1]


def list_items(text: str, start: int, end: int) -> tuple[Item, ...]:
    """Return the outermost items of a list, each with what is indented under it."""
    marks = list(_ITEM.finditer(text, start, end))
    if not marks:
        return ()
    outer = min(len(mark["indent"].expandtabs()) for mark in marks)
    tops = [mark for mark in marks if len(mark["indent"].expandtabs()) == outer]
    ends = [*(mark.start() for mark in tops[1:]), end]
    return tuple(
        Item(mark.end(), mark.end() + len(body.rstrip()), (plain(body),))
        for mark, stop in zip(tops, ends, strict=True)
        if (body := text[mark.end() : stop]).strip()
    )


def aligned_table(text: str, blocks: Iterable[Block]) -> tuple[tuple[str, ...], tuple[Item, ...]]:
    """Return the table that begins with the first block, aligned by spaces.

    A row whose name was wrapped has its other cells on the next line; a head may be wrapped as well. Blocks behind the table
    are not read, because every paragraph of a document is tried.
    """
    lines = (
        (b.start + m.start(), b.start + m.end())
        for b in blocks
        for m in _LINE.finditer(text[b.start : b.end])
    )
    first = next(lines, None)
    if first is None or len(head := _columns(text, first)) < LEAST_COLUMNS - 1:
        return (), ()
    rows: list[Item] = []
    pending: list[tuple[int, int]] = []
    for line in lines:
        cells = _columns(text, line)
        if not rows and len(cells) == len(head) + 1:
            head = [*head, text[slice(*pending[0])].strip()] if len(pending) == 1 else ["", *head]
            pending = []
        if len(cells) == len(head):
            rows.append(Item(line[0], line[1], tuple(cells)))
        elif len(cells) == len(head) - 1 and pending:
            name = " ".join(text[a:b].strip() for a, b in pending)
            rows.append(Item(pending[0][0], line[1], (name, *cells)))
        elif len(cells) == 1 and len(pending) < 2:
            pending.append(line)
            continue
        else:
            break
        pending = []
    return (tuple(head), tuple(rows)) if len(head) >= LEAST_COLUMNS else ((), ())


def printed_series(text: str, start: int, end: int) -> tuple[tuple[str, ...], tuple[Item, ...]]:
    """Return the lines of a name and a number that a program printed."""
    found = _SERIES.finditer(text, start, end)
    rows = tuple(Item(one.start(), one.end(), (one[1].strip(" :"), one[2])) for one in found)
    return (("", ""), rows) if len(rows) >= LEAST_SERIES else ((), ())


def _columns(text: str, line: tuple[int, int]) -> list[str]:
    return [cell for cell in _COLUMNS.split(text[slice(*line)].strip()) if cell]


def _cells(line: str) -> tuple[str, ...]:
    line = line.strip().removeprefix("|").removesuffix("|")
    return tuple(plain(cell) for cell in re.split(r"(?<!\\)\|", line))


def _intro(
    document: Document, before: tuple[Block, tuple[str, ...]] | None, headings: tuple[str, ...]
) -> str:
    """The end of the paragraph before a block, under the same heading."""
    if before is None or before[1] != headings or before[0].kind is not BlockKind.PARAGRAPH:
        return ""
    block = before[0]
    return plain(document.text[block.start : block.end])[-INTRO_CHARS:]


def _outlines(document: Document) -> Iterable[Structure]:
    """The headings one level under each heading, where there are at least two."""
    blocks = [block for block in document.blocks if block.kind is BlockKind.HEADING]
    names = [heading_text(document.text[block.start : block.end]) for block in blocks]
    ends = [*(after.start for _, after in pairwise(blocks)), len(document.text)]
    path: list[tuple[int, str]] = []
    for place, block in enumerate(blocks):
        path = [one for one in path if one[0] < block.level]
        path.append((block.level, names[place]))
        below = []
        for other in range(place + 1, len(blocks)):
            if blocks[other].level <= block.level:
                break
            below.append(other)
        level = min((blocks[other].level for other in below), default=0)
        inner = [other for other in below if blocks[other].level == level]
        if len(inner) > 1:
            items = tuple(Item(blocks[n].start, ends[n], (names[n],)) for n in inner)
            yield Structure(
                document.path, document.title, tuple(name for _, name in path), "", (), items, True
            )
