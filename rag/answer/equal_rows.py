"""Rows that a question names equally well, and those beside a row named."""

from __future__ import annotations

from collections.abc import Sequence

from rag.answer.asked import Asked
from rag.answer.best_sentence import best_sentence
from rag.answer.choose_structure import with_words
from rag.answer.cited_lines import cited_draft
from rag.answer.found import Draft
from rag.answer.matching import asked_stems, stems
from rag.answer.notes import documents_of
from rag.answer.structures import Item, Structure
from rag.answer.table_rows import matching_rows, row_lines
from rag.text.words import stem, tokens
from rag.types import AnswerKind

MOST_ROWS = 6
MOST_DOCUMENTS = 2
_AFTER = frozenset("after nach following después tras après".split())
_BEFORE = frozenset("before vor previous antes avant".split())


def equal_rows_draft(asked: Asked) -> Draft | None:
    """Return all rows that a question names ("When are the homeworks due?"). None where it names one, or no row answers."""
    best = best_sentence(asked)
    if best is None:
        return None
    for structure, _, _ in asked.notes.made(with_words, best.document):
        if not _has_columns(structure) or not any(
            row.start <= best.start < row.end for row in structure.items
        ):
            continue
        rows = matching_rows(structure, asked.question)
        if 1 < len(rows) <= MOST_ROWS and any(row.start <= best.start < row.end for row in rows):
            return cited_draft(
                AnswerKind.TABLE, row_lines(structure, rows), asked.notes, probability=best.score
            )
    return None


def named_rows_draft(asked: Asked) -> Draft | None:
    """Return the rows that a question names alike, with a column.

    "When are the homeworks due?" has all of them. None unless the rows and the heads have every word of the question; for a question that no sentence answers.
    """
    words = set(asked_stems(asked.question))
    for path in documents_of(asked.near, MOST_DOCUMENTS):
        for structure, _, _ in asked.notes.made(with_words, path):
            heads = {word for name in structure.head for word in stems(name)}
            if not _has_columns(structure) or not words & heads:
                continue
            rows = matching_rows(structure, asked.question)
            if 1 < len(rows) <= MOST_ROWS and all(words <= heads | set(stems(row.text)) for row in rows):
                return cited_draft(AnswerKind.TABLE, row_lines(structure, rows), asked.notes)
    return None


def _has_columns(structure: Structure) -> bool:
    """Return whether the rows are alike; lines that a program printed are not."""
    return bool(structure.head) and not structure.printed


def beside_rows_draft(asked: Asked) -> Draft | None:
    """Return the row after or before the one named, or those between two."""
    words = tokens(asked.question)
    if not (_AFTER | _BEFORE) & set(words):
        return None
    for path in documents_of(asked.near, MOST_DOCUMENTS):
        for structure, _, _ in asked.notes.made(with_words, path):
            rows = beside_rows(structure, words) if _has_columns(structure) else ()
            if rows:
                return cited_draft(AnswerKind.TABLE, row_lines(structure, rows), asked.notes)
    return None


def beside_rows(structure: Structure, words: Sequence[str]) -> tuple[Item, ...]:
    """Return the rows beside those named behind "after" or "before"."""
    after, before = (_named_after(structure, words, marks) for marks in (_AFTER, _BEFORE))
    items = structure.items
    if after is not None and before is not None:
        return items[after + 1 : before]
    if after is not None:
        return items[after + 1 : after + 2]
    return items[before - 1 : before] if before else ()


def _named_after(structure: Structure, words: Sequence[str], marks: frozenset[str]) -> int | None:
    """The place of the row that is named behind a mark; None without one."""
    at = next((place for place, word in enumerate(words) if word in marks), None)
    if at is None:
        return None
    stop = next((n for n in range(at + 1, len(words)) if words[n] in _AFTER | _BEFORE), len(words))
    said = {stem(word) for word in words[at + 1 : stop]}
    names = [set(stems(row.cells[0])) for row in structure.items]
    found = [
        place
        for place, name in enumerate(names)
        if name & said and (name <= said or len(name & said) * 2 >= len(name))
    ]
    most = max((len(names[place] & said) for place in found), default=0)
    best = [place for place in found if len(names[place] & said) == most]
    return best[0] if len(best) == 1 else None
