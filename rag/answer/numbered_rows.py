"""Counts from a table that numbers the parts of a course."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rag.answer.asked import Asked
from rag.answer.asked_names import asked_names, has_names
from rag.answer.choose_structure import SEARCHED_DOCUMENTS, with_words
from rag.answer.cited_lines import cited_draft
from rag.answer.found import Draft
from rag.answer.matching import asked_stems, number_of, stems
from rag.answer.notes import documents_of
from rag.answer.scope_in_words import opens
from rag.answer.stated_counts import stated_otherwise
from rag.answer.structures import Item, Structure
from rag.answer.table_rows import place_of, row_lines
from rag.types import AnswerKind

LEAST_ROWS = 3


def numbered_rows_draft(asked: Asked, kind: AnswerKind = AnswerKind.COUNT) -> Draft | None:
    """Return the numbered rows that the question is about, with their count. None where no table numbers them.

    A list of them is given where the question picks some of them only.
    """
    words, names = asked_stems(asked.question), asked_names(asked.question)
    records = asked.notes.records(asked.inside)
    paths = [record.path for record in records if opens(record)]
    for path in dict.fromkeys((*documents_of(asked.near, SEARCHED_DOCUMENTS), *paths)):
        for structure, _, _ in asked.notes.made(with_words, path):
            rows = numbered_rows(structure, words)
            if not rows or not has_names(replace(structure, items=rows), names):
                continue
            if kind is AnswerKind.COUNT:
                return _counted(asked, structure, rows)
            if len(rows) < len(numbered_rows(structure, _counted_words(asked, structure))):
                return cited_draft(kind, row_lines(structure, rows), asked.notes, f"{place_of(structure)}:")
    return None


def _counted_words(asked: Asked, structure: Structure) -> list[str]:
    """The words of the question that name what the table numbers."""
    return [word for word in asked_stems(asked.question) if word in stems(structure.head[0])]


def _counted(asked: Asked, structure: Structure, rows: Sequence[Item]) -> Draft:
    """The rows with their number, behind another that the document gives."""
    lead, lines = f"{len(rows)} - {place_of(structure)}:", row_lines(structure, rows)
    counted = _counted_words(asked, structure)
    every = len(rows) == len(numbered_rows(structure, counted))
    other = stated_otherwise(asked, structure.document, counted, len(rows)) if every else None
    if other is None:
        return cited_draft(AnswerKind.COUNT, lines, asked.notes, lead)
    return cited_draft(AnswerKind.COUNT, [other, replace(lines[0], head=lead), *lines[1:]], asked.notes)


def numbered_rows(structure: Structure, words: list[str]) -> tuple[Item, ...]:
    """Return the rows of the words, where the first column numbers what they name.

    Rows are picked by the words that some cells have; empty where the rows are not numbered one after the other.
    """
    if not structure.head or not set(stems(structure.head[0])) & set(words):
        return ()
    numbers = [number_of(row.cells[0].strip()) for row in structure.items]
    rows = [row for row, number in zip(structure.items, numbers, strict=True) if number is not None]
    found = [number for number in numbers if number is not None]
    if len(found) < LEAST_ROWS or found != list(range(found[0], found[0] + len(found))):
        return ()
    heads = {word for name in structure.head for word in stems(name)}
    cells = [set(stems(row.text)) for row in rows]
    picking = [word for word in words if word not in heads and any(word in one for one in cells)]
    return tuple(row for row, one in zip(rows, cells, strict=True) if all(word in one for word in picking))
