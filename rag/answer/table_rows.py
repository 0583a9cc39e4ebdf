"""The rows of a list or table that a question is about, and how a row is shown."""

from __future__ import annotations

from collections.abc import Sequence

from rag.answer.cited_lines import Line
from rag.answer.matching import asked_stems, stems, weights
from rag.answer.structures import Item, Structure
from rag.text.table_cells import with_names

MOST_ROWS = 60
"""Rows or items that one answer shows."""


def matching_rows(structure: Structure, question: str, any_match: bool = False) -> tuple[Item, ...]:
    """Return the rows that have most of the question's words which not all rows have. None where no row has any.

    With `any_match` every row that has a word which names rows (one of its first cell) counts.
    """
    words = [set(stems(item.text)) for item in structure.items]
    common = set.intersection(*words) if words else set()
    weight = weights([word for word in asked_stems(question) if word not in common], words)
    scores = [sum(value for word, value in weight.items() if word in row) for row in words]
    if any_match:
        names = [set(stems(item.cells[0])) & set(weight) for item in structure.items]
        return tuple(item for item, name in zip(structure.items, names, strict=True) if name)
    best = max(scores, default=0.0)
    if not best:
        return ()
    return tuple(item for item, score in zip(structure.items, scores, strict=True) if score > 0.99 * best)


def row_text(structure: Structure, item: Item) -> str:
    """Return a row with the names of its columns, an item as it is."""
    if not structure.head:
        return item.text
    names = [*structure.head, *[""] * (len(item.cells) - len(structure.head))]
    return with_names(names, item.cells)


def row_lines(structure: Structure, items: Sequence[Item]) -> list[Line]:
    """Return a line for each row or item; one for all of those that a sentence names."""
    if structure.sentence is not None:
        return [
            Line(" ".join(structure.intro.split()), structure.document, *structure.sentence, bullet=False)
        ]
    return [
        Line(row_text(structure, item), structure.document, item.start, item.end)
        for item in items[:MOST_ROWS]
    ]


def place_of(structure: Structure) -> str:
    """Return where a structure is, in words of the notes."""
    inner = structure.name
    return f"{inner} ({structure.title})" if inner != structure.title else inner
