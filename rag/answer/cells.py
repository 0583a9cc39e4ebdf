"""A cell that a question names by its row and its column. No model is asked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.answer.asked import Asked
from rag.answer.asked_names import asked_names, has_names
from rag.answer.choose_structure import SEARCHED_DOCUMENTS, with_words
from rag.answer.cited_lines import Line, cited_draft
from rag.answer.found import Draft
from rag.answer.matching import asked_stems, stems
from rag.answer.months import month_numbers
from rag.answer.notes import documents_of
from rag.answer.structures import Item, Structure
from rag.answer.table_rows import row_lines, row_text
from rag.types import AnswerKind

LEAST_SHARE = 0.6
"""Least share of the question's words that the table, its heads and the row have."""
MOST_NAME_WORDS = 5
MOST_ROWS, MOST_SHOWN = 2000, 6
_ASIDE = re.compile(r"[,(;:/]")


@dataclass(frozen=True, slots=True)
class Cell:
    """A row that a question names, with the share of its words in the table."""

    structure: Structure
    row: Item
    share: float


def cell_draft(asked: Asked) -> Draft | None:
    """Return the row whose name and column the question has. None where no table has both.

    Several kinds try it, so it is looked for once.
    """
    return asked.once(cell_draft, lambda: _cell_draft(asked))


def _cell_draft(asked: Asked) -> Draft | None:
    words, every = asked_stems(asked.question), stems(asked.question)
    if not words:
        return None
    found = [
        cell
        for path in documents_of(asked.near, SEARCHED_DOCUMENTS)
        for structure, _, _ in asked.notes.made(with_words, path)
        if structure.head and (cell := named_cell(structure, words, every)) is not None
    ]
    best = max(found, key=lambda one: one.share, default=None)
    if best is None or best.share < LEAST_SHARE:
        return _rows_draft(asked, words)
    if not has_names(replace(best.structure, items=(best.row,)), asked_names(asked.question)):
        return None
    text = row_text(best.structure, best.row)
    line = Line(text, best.structure.document, best.row.start, best.row.end, bullet=False)
    return cited_draft(AnswerKind.TABLE, [line], asked.notes)


def _rows_draft(asked: Asked, words: Sequence[str]) -> Draft | None:
    """The rows with what a question asks for in a column that it names ("due in May")."""
    for path in documents_of(asked.near, SEARCHED_DOCUMENTS):
        for structure, _, _ in asked.notes.made(with_words, path):
            rows = rows_with(structure, words)
            if rows and has_names(replace(structure, items=rows), asked_names(asked.question)):
                return cited_draft(AnswerKind.TABLE, row_lines(structure, rows), asked.notes)
    return None


def rows_with(structure: Structure, words: Sequence[str]) -> tuple[Item, ...]:
    """Return the rows whose cell in a column that the words name has all other words.

    None where that is no row, every row or more than `MOST_SHOWN`; a table that a program printed is not looked through.
    """
    if structure.printed:
        return ()
    for place, name in enumerate(structure.head):
        rest = set(words) - _words(name)
        if not rest or len(rest) == len(set(words)):
            continue
        rows = tuple(
            row
            for row in structure.items[:MOST_ROWS]
            if place < len(row.cells) and rest <= _words(row.cells[place])
        )
        if 0 < len(rows) <= min(MOST_SHOWN, len(structure.items) - 1):
            return rows
    return ()


def named_cell(structure: Structure, words: Sequence[str], every: Sequence[str]) -> Cell | None:
    """Return the one row that the words name best, if they name a column too.

    `words` are a question's stems with content, `every` all of them: "may" may be a month.
    """
    heads = [_words(name) for name in structure.head]
    asked = set(words) | month_numbers(every, heads)
    best: tuple[int, Item, set[str]] | None = None
    alone = False
    for row in structure.items[:MOST_ROWS]:
        named = {
            place: name for place, cell in enumerate(row.cells) if (name := _name(cell)) and name <= asked
        }
        own = set().union(*named.values()) if named else set()
        columns = [
            head
            for place, head in enumerate(heads[: len(row.cells)])
            if place not in named
            and row.cells[place].strip()
            and 2 * len(head & (asked - own)) >= max(1, len(head))
        ]
        if not own or not columns:
            continue
        explained = own.union(*columns, *(heads[place] for place in named if place < len(heads)))
        if best is None or len(own) > best[0]:
            best, alone = (len(own), row, explained), True
        elif len(own) == best[0]:
            alone = False
    if best is None or not alone:
        return None
    known = best[2] | set(stems(structure.about))
    share = sum(word in known or bool(month_numbers([word], heads) & known) for word in words) / len(words)
    return Cell(structure, best[1], share)


def _name(cell: str) -> set[str]:
    """The words of a short cell up to its first aside: "Paris, France" is named Paris."""
    if len(cell.split()) > MOST_NAME_WORDS:
        return set()
    return _words(_ASIDE.split(cell)[0])


def _words(text: str) -> set[str]:
    """The stems of a text, `Hotel_Name` as two words."""
    return set(stems(re.sub(r"[_-]", " ", text)))
