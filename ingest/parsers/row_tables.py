"""Rows of a table file as blocks of text, each with the names of its columns.

A long table becomes many blocks under the same head, so that no passage is without it. Rows that would be too
wide for a passage become lines of `column: value`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from ingest.parsers.draft import Draft
from ingest.parsers.table_text import joined_head
from rag.types import BlockKind, Locator, Unit

_BLOCK_CHARS = 320
"""Characters of rows in a block: about a passage of numbers. Chosen, not measured."""
_WIDEST_CHARS = 500
"""Most characters of a head and a row together for a table. Chosen, not measured."""
_HEAD_SHARE = 3
"""Times that a head may be as long as the rows of its block."""
_NUMBER = re.compile(
    r"[-+−]?[$€£]?\s?\d[\d.,:'\s]*(?:[eE][-+]?\d+)?\s?[%€$£]?|\d{4}-\d\d-\d\d(?:[ T][\d:]+)?"
)
_YEAR = re.compile(r"(?:19|20)\d\d")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: its 1-based number in the file and its cells as text."""

    number: int
    cells: tuple[str, ...]


def add_table(draft: Draft, rows: Sequence[Row], sheet: str = "", part: int = 0) -> None:
    """Append the tables among the rows of a sheet; empty rows are between them."""
    for region in _regions(rows):
        _add_region(draft, region, sheet, part)


def cell_text(value: str) -> str:
    """Return a cell's text in one line, without the sign that parts cells."""
    return " ".join(value.split()).replace("|", "¦")


def _regions(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Yield the runs of rows that are not empty, without empty columns at the sides."""
    run: list[Row] = []
    for row in [*rows, None]:
        if row is not None and any(row.cells) and (not run or row.number == run[-1].number + 1):
            run.append(row)
            continue
        if run:
            yield from map(_trimmed, _side_by_side(run))
        run = [row] if row is not None and any(row.cells) else []


def _side_by_side(run: list[Row]) -> Iterator[list[Row]]:
    """Yield the tables that are beside each other: an empty column is between them.

    Parts that fill the same rows are one table with a gap.
    """
    width = max(len(row.cells) for row in run)
    columns = [
        frozenset(row.number for row in run if at < len(row.cells) and row.cells[at]) for at in range(width)
    ]
    parts = [
        list(group) for filled, group in groupby(range(width), key=lambda at: bool(columns[at])) if filled
    ]
    spans = [frozenset().union(*(columns[at] for at in part)) for part in parts]
    if len(parts) < 2 or len(set(spans)) == 1 or any(len(rows) < 2 for rows in spans):
        yield run
        return
    for part, rows in zip(parts, spans, strict=True):
        blank = ("",) * part[0]
        within = range(min(rows), max(rows) + 1)
        inner = [
            Row(row.number, blank + row.cells[part[0] : part[-1] + 1]) for row in run if row.number in within
        ]
        for filled, group in groupby(inner, key=lambda row: any(row.cells)):
            if filled:
                yield list(group)


def _trimmed(run: Sequence[Row]) -> list[Row]:
    filled = [place for row in run for place, cell in enumerate(row.cells) if cell]
    first, last = min(filled), max(filled) + 1
    return [
        Row(row.number, (row.cells + ("",) * last)[first:last])  # a short row is filled up
        for row in run
    ]


def _add_region(draft: Draft, rows: list[Row], sheet: str, part: int) -> None:
    """Append the lines above a table as paragraphs, then the table."""
    wide = len(rows[0].cells) > 1
    while rows and wide and sum(map(bool, rows[0].cells)) == 1 and not _continues(rows):
        row = rows.pop(0)
        at = Locator(Unit.ROW, row.number, row.number, sheet)
        draft.add(BlockKind.PARAGRAPH, " ".join(filter(None, row.cells)), at, part=part)
    if not rows:
        return
    if len(rows) == 1 and not wide:
        at = Locator(Unit.ROW, rows[0].number, rows[0].number, sheet)
        draft.add(BlockKind.PARAGRAPH, rows[0].cells[0], at, part=part)
        return
    if len(rows) > 1 and _is_head(rows):
        heads = 2 if _spans_columns(rows[0]) and len(rows) > 2 and _is_head(rows[1:]) else 1
        head, body = joined_head([row.cells for row in rows[:heads]]), rows[heads:]
    else:
        head, body = tuple(map(_letters, range(len(rows[0].cells)))), rows
    for block in _blocks(head, body):
        _add_block(draft, head, block, sheet, part)


def _spans_columns(row: Row) -> bool:
    """Return whether a cell of a row is over several columns: it is repeated."""
    return any(cell and cell == after for cell, after in zip(row.cells, row.cells[1:], strict=False))


def _continues(rows: Sequence[Row]) -> bool:
    """Return whether a row of one cell belongs to the table: no row after it has more."""
    return all(sum(map(bool, row.cells)) <= 1 for row in rows)


def _is_head(rows: Sequence[Row]) -> bool:
    """Return whether the first row names the columns: it has no numbers but years."""
    cells = [cell for cell in rows[0].cells if cell]
    numbers = [cell for cell in cells if _NUMBER.fullmatch(cell) and not _YEAR.fullmatch(cell)]
    years = [cell for cell in cells if _YEAR.fullmatch(cell)]
    return not numbers and len(years) < len(cells)


def _letters(place: int) -> str:
    """Return the name that a spreadsheet gives a column: A, B, ..., Z, AA."""
    name = ""
    place += 1
    while place:
        place, letter = divmod(place - 1, 26)
        name = chr(ord("A") + letter) + name
    return name


def _blocks(head: Sequence[str], rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Yield the rows in runs that a passage has space for."""
    most = max(_BLOCK_CHARS - len(_line(head)), len(_line(head)) // _HEAD_SHARE)
    run: list[Row] = []
    length = 0
    for row in rows:
        chars = len(_line(row.cells))
        if run and length + chars > most:
            yield run
            run, length = [], 0
        run.append(row)
        length += chars + 1
    if run:
        yield run


def _add_block(draft: Draft, head: tuple[str, ...], rows: Sequence[Row], sheet: str, part: int) -> None:
    at = Locator(Unit.ROW, rows[0].number, rows[-1].number, sheet)
    if len(_line(head)) + max(len(_line(row.cells)) for row in rows) <= _WIDEST_CHARS:
        lines = [_line(head), *(_line(row.cells) for row in rows)]
        draft.add(BlockKind.TABLE, "\n".join(lines), at, part=part)
        return
    for row in rows:
        pairs = [f"{name}: {cell}" for name, cell in zip(head, row.cells, strict=True) if cell]
        at = Locator(Unit.ROW, row.number, row.number, sheet)
        draft.add(BlockKind.LIST, "\n".join(pairs), at, part=part)


def _line(cells: Sequence[str]) -> str:
    return " | ".join(cells)
