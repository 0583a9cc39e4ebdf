"""Tables as lines of text: `a | b` for a row, the names of columns in the first.

A cell that spans several rows or columns is repeated in each, so that every row can be read by itself, and a
head of several rows becomes one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.text.words import has_digit

MOST_SPAN = 100
"""Most rows or columns of one cell that are believed. Chosen, not measured."""
_MOST_CELLS = 200_000
"""Cells of a table from which nothing is repeated: a file may ask for billions."""


@dataclass(frozen=True, slots=True)
class Cell:
    """The text of a cell in one line, and the columns and rows that it spans."""

    text: str
    columns: int = 1
    rows: int = 1


def table_text(rows: Sequence[Sequence[Cell]], head_rows: int = 0) -> str:
    """Return the rows as lines; the first `head_rows` are joined into one.

    With 0 the number of head rows is not known. A first row of cells that span columns is then joined with
    the second if neither has a digit.
    """
    grid = _filled(rows)
    spans = bool(rows) and any(cell.columns > 1 for cell in rows[0]) and len(grid) > 2
    if not head_rows and spans and not any(map(has_digit, [*grid[0], *grid[1]])):
        head_rows = 2
    if head_rows > 1 and len(grid) > head_rows:
        grid = [list(joined_head(grid[:head_rows])), *grid[head_rows:]]
    return "\n".join(line for row in grid if (line := row_text(row)))


def row_text(cells: Sequence[str]) -> str:
    """Return a row as a line; bars at both ends keep an empty first or last cell.

    A row that is one cell over the whole width has its text once.
    """
    if not any(cells):
        return ""
    if len(set(cells)) == 1 and len(cells) > 1:
        return cells[0]
    bare = [cell.replace("|", "\N{BROKEN BAR}") for cell in cells]
    line = " | ".join(bare)
    return line if bare[0] and bare[-1] else f"| {line} |"


def _filled(rows: Sequence[Sequence[Cell]]) -> list[list[str]]:
    """Return the rows with a text for each column that a cell spans."""
    grid: list[list[str]] = []
    below: dict[int, tuple[str, int]] = {}
    filled = 0
    for row in rows:
        line: list[str] = []
        kept: dict[int, tuple[str, int]] = {}
        pending = list(row)[::-1]
        while pending or any(column >= len(line) for column in below):
            column = len(line)
            if column in below:
                text, left = below[column]
                line.append(text)
                if left > 1:
                    kept[column] = (text, left - 1)
            elif pending:
                cell = pending.pop()
                wide = max(1, min(cell.columns, MOST_SPAN)) if filled < _MOST_CELLS else 1
                for _ in range(wide):
                    if cell.rows > 1:
                        kept[len(line)] = (cell.text, min(cell.rows, MOST_SPAN) - 1)
                    line.append(cell.text)
            else:
                line.append("")
        filled += len(line)
        below = kept
        grid.append(line)
    return grid


def joined_head(head: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Return the rows of a head as one: the texts above each other, each once."""
    width = max(map(len, head))
    return tuple(
        " ".join(dict.fromkeys(filter(None, (row[at] if at < len(row) else "" for row in head))))
        for at in range(width)
    )
