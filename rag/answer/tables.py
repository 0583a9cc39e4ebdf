"""Look-ups in tables: a row by name, the largest or smallest of a column, a sum. The arithmetic is done here.

Columns are compared where a table has one thing a row, rows where it has one thing a column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from rag.answer.asked import Asked
from rag.answer.cells import cell_draft
from rag.answer.choose_structure import Ranked, tables_for
from rag.answer.cited_lines import Line, cited_draft
from rag.answer.found import Draft
from rag.answer.matching import asked_stems, stems
from rag.answer.operations import LARGEST, SMALLEST, SUM
from rag.answer.series import Series, series_of
from rag.answer.structures import Item, Structure
from rag.answer.table_rows import matching_rows, place_of, row_lines, row_text
from rag.text.words import tokens
from rag.types import AnswerKind

TABLES = 3
"""Tables, nearest first, in which a value is looked for."""
TABLE_SCORE, SURE_SCORE = 2.0, 1.4
LEAST_ANSWERS = 0.3
"""Least evidence score of a table where the router only suspects a look-up."""
MOST_ROWS = 6


def table_draft(asked: Asked) -> Draft | None:
    """Return the row, the extreme or the sum that a question asks of a table. None where no table is near."""
    words = set(tokens(asked.question))
    compares = bool(words & (LARGEST | SMALLEST | SUM))
    if not compares and (cell := cell_draft(asked)) is not None:
        return cell
    needed = SURE_SCORE if asked.sure else TABLE_SCORE
    ranked = tables_for(asked)[:TABLES]
    near = [one for one in ranked if one.score >= needed and (asked.sure or one.evidence >= LEAST_ANSWERS)]
    ways = [_extreme] if words & (LARGEST | SMALLEST) else []
    ways += [_sum] if words & SUM else []
    for way in ways:
        drafts = [found for one in near if (found := way(asked, one)) is not None]
        if drafts:
            return max(drafts, key=lambda pair: pair[0])[1]
    return _row(asked, near[0]) if near and asked.sure else None


def sum_draft(asked: Asked) -> Draft | None:
    """Return the sum of a column that the question counts ("how many together").

    None where it asks for no sum or no near table has a column of that name.
    """
    if not set(tokens(asked.question)) & SUM:
        return None
    near = [one for one in tables_for(asked)[:TABLES] if one.score >= SURE_SCORE]
    drafts = [found for one in near if (found := _sum(asked, one, named=True)) is not None]
    return max(drafts, key=lambda pair: pair[0])[1] if drafts else None


def _chosen(asked: Asked, found: list[Series]) -> tuple[float, Series] | None:
    """The series whose name is nearest to the question, after how near it is."""
    if not found:
        return None
    words = set(asked_stems(asked.question))
    names = [set(stems(one.name)) for one in found]
    cosines = asked.notes.similarities(asked.question, [one.name for one in found])
    scores = [
        float(cosine) + len(words & name) / max(1, len(name))
        for cosine, name in zip(cosines, names, strict=True)
    ]
    best = max(range(len(found)), key=scores.__getitem__)
    return scores[best], found[best]


def _extreme(asked: Asked, near: Ranked) -> tuple[float, Draft] | None:
    """The row, or the column, with the largest or smallest number, after its score."""
    structure = near.structure
    largest = not set(tokens(asked.question)) & SMALLEST
    rows = picked_rows(_without_totals(structure), asked.question)
    chosen = _chosen(asked, series_of(_with_rows(structure, rows), largest))
    if chosen is None:
        return None
    score, series = chosen
    if not (asked.sure or set(stems(series.name)) & set(asked_stems(asked.question))):
        return None
    value = (max if largest else min)(value for value, *_ in series.values)
    tied = [(owner, row) for one, owner, row in series.values if one == value]
    owners = ", ".join(owner for owner, _ in tied[:MOST_ROWS]) + (", …" if len(tied) > MOST_ROWS else "")
    lead = f"{owners}: {series.name} {_printed(value, series.unit)} ({'max' if largest else 'min'} of {len(series.values)}, {place_of(structure)})"
    shown = list(dict.fromkeys(row for _, row in tied))[:MOST_ROWS]
    draft = cited_draft(AnswerKind.TABLE, row_lines(structure, shown), asked.notes, lead)
    return near.score + score, draft


def picked_rows(structure: Structure, question: str) -> tuple[Item, ...]:
    """Return the rows with every word of the question that some cells have, else all."""
    heads = {word for name in structure.head for word in stems(name)}
    cells = [{word for cell in row.cells for word in stems(cell)} for row in structure.items]
    words = [
        word
        for word in asked_stems(question)
        if word not in heads and 1 < sum(word in one for one in cells) < len(cells)
    ]
    rows = [
        row for row, one in zip(structure.items, cells, strict=True) if all(word in one for word in words)
    ]
    return tuple(rows) if len(rows) > 1 else structure.items


def _with_rows(structure: Structure, rows: Sequence[Item]) -> Structure:
    return replace(structure, items=tuple(rows))


def _without_totals(structure: Structure) -> Structure:
    """A table without rows that are the sum of others.

    They are marked as such, or a word for a sum is their whole name.
    """
    names = (set(tokens(row.cells[0])) for row in structure.items)
    kept = [
        row
        for row, name in zip(structure.items, names, strict=True)
        if not row.total and not (name and name <= SUM)
    ]
    return _with_rows(structure, kept)


def _sum(asked: Asked, near: Ranked, named: bool = False) -> tuple[float, Draft] | None:
    """The sum of a column over the rows named, else over all; after its score."""
    structure = near.structure
    parts = _without_totals(structure)
    rows = matching_rows(parts, asked.question, any_match=True) or parts.items
    found = [
        one
        for one in series_of(_with_rows(structure, rows), True)
        if len(one.values) == len(rows) and one.name in structure.head
        if not named or set(stems(one.name.replace("_", " "))) & set(asked_stems(asked.question))
    ]
    chosen = _chosen(asked, found)
    if chosen is None:
        return None
    score, series = chosen
    total = sum((value for value, *_ in series.values), Decimal(0))
    lead = (
        f"{_printed(total, series.unit)} - sum of {series.name}, {len(rows)} rows of {place_of(structure)}:"
    )
    return near.score + score, cited_draft(AnswerKind.TABLE, row_lines(structure, rows), asked.notes, lead)


def _row(asked: Asked, near: Ranked) -> Draft | None:
    """The rows that the question names."""
    rows = matching_rows(near.structure, asked.question)
    if not rows or len(rows) > MOST_ROWS:
        return None
    structure = near.structure
    lines = [
        Line(row_text(structure, row), structure.document, row.start, row.end, bullet=len(rows) > 1)
        for row in rows
    ]
    return cited_draft(AnswerKind.TABLE, lines, asked.notes, probability=near.features[-1])


def _printed(value: Decimal, unit: str) -> str:
    return f"{value} {unit}".strip()
