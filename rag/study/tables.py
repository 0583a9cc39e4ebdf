"""Questions about tables: a cell, the row of a cell, the extreme of a column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from rag.answer.series import numbers_in, series_of
from rag.answer.structures import Item as Row
from rag.answer.structures import Structure, structures_of
from rag.study.items import ItemKind, Proposal, Topic
from rag.study.readable import heading_shown, readable
from rag.text.words import content_words, has_digit
from rag.types import BlockKind, Document

_NUMBER = re.compile(r"[-−–]?\d+(?:[.,]\d+)*")
_RESULT = re.compile(r"^\W*\d[\d.,]*\W*\(.*\d.*\)$|^\W*\d*[.,]\d{3,}$")
"""A measured result, which nobody learns by heart: "5.24 (19.7%)", "0.8571"."""
_BARE_NUMBER = re.compile(r"\W*[\d.,\s]+\W*")
"""A number without a unit: a count or a result, seldom worth knowing by heart."""
_JOINT = re.compile(r"(?<=[a-z])(?=[A-Z])|[_.]")
LEAST_ROWS, MOST_ROWS = 3, 40
_WORD = re.compile(r"[^\W\d_]{3,}")
ALIKE = 0.2
"""Difference of the mean shares of like cells from which rows have one kind.

Below it the columns have.
"""
MOST_COLUMNS = 5
"""Most columns of a table whose rows are numbered: wider ones are printed data."""
LONGEST_CELL = 70
"""Most characters of a cell that is asked or offered."""
_WORKED_OUT = re.compile(r"=\s*[-−–]?\d+(?:[.,]\d+)?\W*$")
"""The result of a worked example: "mean = 0.5"."""
_NOISE = re.compile(r"https?:|www\.|@|\]\(|<|!\[|^\W*$|[•✅❌✓✗🔴🟢]")


def table_proposals(document: Document) -> list[Proposal]:
    """Return the questions of a document's tables."""
    tables = {(block.start, block.end) for block in document.blocks if block.kind is BlockKind.TABLE}
    found: list[Proposal] = []
    for structure in structures_of(document):
        rows = [row for row in structure.items if not row.total]
        inside = rows and any(start <= rows[0].start < end for start, end in tables)
        if (
            structure.head
            and inside
            and LEAST_ROWS <= len(rows) <= MOST_ROWS
            and _clean(document, structure, rows)
        ):
            found += _of_table(structure, rows)
    return found


def _clean(document: Document, structure: Structure, rows: Sequence[Row]) -> bool:
    """Return whether a table is of facts: named columns and rows, few links."""
    names = [row.cells[0] for row in rows if row.cells]
    cells = [cell for row in rows for cell in row.cells]
    raw = "\n".join(document.text[row.start : row.end] for row in rows)
    noisy = sum(1 for cell in cells if _NOISE.search(cell)) + 2 * raw.count("](")
    return (
        len(structure.head) >= 2
        and all(structure.head)
        and len(set(names)) == len(names) == len(rows)
        and all(names)
        and not (len(structure.head) > MOST_COLUMNS and all(name.isdecimal() for name in names))
        and all(len(row.cells) == len(structure.head) for row in rows)
        and noisy <= len(cells) // 10
    )


def _of_table(structure: Structure, rows: Sequence[Row]) -> list[Proposal]:
    lead = heading_shown(structure.name)
    head = [readable(name) for name in structure.head]
    across, compared = _rows_alike(rows), _compared(head)
    found: list[Proposal] = []
    for place, row in enumerate(rows):
        for column in range(1, min(len(head), len(row.cells))):
            weight = 0.6 - 0.01 * abs(place - len(rows) // 2) - 0.02 * (column - 1)
            values = [other.cells[column] for other in rows if column < len(other.cells)]
            values = list(row.cells[1:]) if across else values
            cell = row.cells[column]
            if not _askable(cell) or not _askable(row.cells[0]) or head[0] == head[column]:
                continue
            if (
                _given_away(row.cells[0], cell)
                or (has_digit(row.cells[0]) and has_digit(cell))
                or _RESULT.search(cell)
                or row.cells[0].isdecimal()
            ):
                continue
            where = f"{lead}. {readable(row.cells[0])}"
            if len(set(values)) >= 3 and not _BARE_NUMBER.fullmatch(cell):
                found.append(
                    _cell(
                        structure,
                        row,
                        where,
                        f"which entry belongs under “{head[column]}”?",
                        cell,
                        values,
                        f"{row.cells[0]} | {head[column]}",
                        weight,
                    )
                )
            if (
                not (across or compared)
                and len(rows) > len(head)
                and [_said(value) for value in values].count(_said(cell)) == 1
                and len(cell.split()) >= 2
                and not cell[0].isdigit()
            ):
                names = [other.cells[0] for other in rows]
                text = f"which “{head[0]}” has “{readable(cell)}” under “{head[column]}”?"
                found.append(
                    _cell(
                        structure,
                        row,
                        lead,
                        text,
                        row.cells[0],
                        names,
                        f"< {cell} | {head[column]}",
                        weight + 0.05,
                    )
                )
    return found + _extremes(structure, rows, lead)


def _cell(
    structure: Structure,
    row: Row,
    lead: str,
    text: str,
    key: str,
    values: Sequence[str],
    anchor: str,
    weight: float,
) -> Proposal:
    different = {
        _said(value): value for value in values
    }.values()  # "T5, BART" is the choice "BART, T5" again
    wrong = [readable(value) for value in different if _askable(value) and not _overlap(value, key)]
    Random(anchor).shuffle(wrong)
    wrong.sort(key=lambda value: has_digit(value) != has_digit(key))
    return Proposal(
        topic=Topic.TABLE,
        kind=ItemKind.CHOICE,
        anchor=f"{structure.name} | {anchor}",
        lead=lead,
        text=text,
        key=readable(key),
        document=structure.document,
        start=row.start,
        end=row.end,
        headings=structure.headings,
        choices=tuple(wrong),
        weight=weight,
        explanation="; ".join(
            f"{name}: {readable(cell)}" for name, cell in zip(structure.head, row.cells, strict=False)
        ),
    )


def _extremes(structure: Structure, rows: Sequence[Row], lead: str) -> list[Proposal]:
    """The row with the largest value of a column, worked out here."""
    found = []
    for series in series_of(structure, True):
        values = [value for value, _, _ in series.values]
        column = structure.head.index(series.name) if series.name in structure.head else 0
        units = {_NUMBER.sub("", row.cells[column]).strip() for row in rows if column < len(row.cells)}
        if len(units) != 1 or any(len(numbers_in(row.cells[column])) != 1 for row in rows):
            continue  # dates, intervals and mixed units cannot be compared by their numbers
        if (
            series.name not in structure.head[1:]
            or len(values) != len(rows)
            or values.count(max(values)) != 1
        ):
            continue
        if sorted(values) in (values, values[::-1]):
            continue  # the first or the last row: seen without knowing anything
        _, owner, row = max(series.values, key=lambda one: one[0])
        if not _askable(owner) or owner[0].isdigit():
            continue
        wrong = [name for _, name, _ in series.values if name != owner]
        found.append(
            Proposal(
                topic=Topic.COMPARISON,
                kind=ItemKind.CHOICE,
                anchor=f"{structure.name} | max | {series.name}",
                lead=lead,
                text=f"which {readable(structure.head[0])} has the largest value of “{readable(series.name)}”?",
                key=readable(owner),
                document=structure.document,
                start=row.start,
                end=row.end,
                headings=structure.headings,
                choices=tuple(readable(name) for name in wrong),
                weight=0.6,
                computed=True,
                explanation="; ".join(f"{name}: {value}" for value, name, _ in series.values),
            )
        )
    return found


def _rows_alike(rows: Sequence[Row]) -> bool:
    """Return whether values are alike along rows rather than columns.

    Such a table has a property in each row, so that other rows give no wrong choices.
    """
    forms = [[_form(cell) for cell in row.cells[1:]] for row in rows]
    along, down = (
        sum(max(map(one.count, one)) / len(one) for one in lists) / len(lists)
        for lists in (forms, [list(one) for one in zip(*forms, strict=True)])
    )
    return len(rows[0].cells) > LEAST_ROWS and along > down + ALIKE


def _compared(head: Sequence[str]) -> bool:
    """Return whether the columns are things compared: their names share a word.

    Their rows are properties, which a reader guesses from a value.
    """
    words = [set(_WORD.findall(name.casefold())) for name in head[1:]]
    return len(words) > 1 and bool(set.intersection(*words))


def _form(cell: str) -> str:
    """The cell without its numbers, which is its unit; empty where it has no number."""
    return " ".join(re.sub(r"[-−–+±]?\d+(?:[.,]\d+)*", " ", cell).split()) if has_digit(cell) else ""


def _given_away(one: str, other: str) -> bool:
    """Return whether one cell is part of the other, or shares half of its words.

    `GoogleWebSearch` is read as three words.
    """
    first, second = (re.sub(r"\W|_", "", cell.casefold()) for cell in (one, other))
    if first in second or second in first:
        return True
    words, others = (set(content_words(_JOINT.sub(" ", cell))) for cell in (one, other))
    return bool(words and others) and 2 * len(words & others) >= min(len(words), len(others))


def _said(cell: str) -> frozenset[str]:
    """The words of a cell in any order."""
    return frozenset(cell.casefold().replace(",", " ").split())


def _overlap(one: str, other: str) -> bool:
    """Return whether a cell has all that the other one lists: "BART, T5" and "T5"."""
    first, second = _said(one), _said(other)
    return first <= second or second <= first


def _askable(cell: str) -> bool:
    return 0 < len(cell) <= LONGEST_CELL and not _NOISE.search(cell) and not _WORKED_OUT.search(cell)
