"""The whole list of an answer that quotes its introduction and some of its items."""

from __future__ import annotations

from collections.abc import Sequence

from rag.answer.asked import Asked
from rag.answer.choose_structure import with_words
from rag.answer.cited_lines import Line, cited_draft, plain
from rag.answer.found import Draft, Found
from rag.answer.selected import Selected
from rag.answer.structures import Structure
from rag.answer.table_rows import row_lines
from rag.types import AnswerKind

MOST_ITEMS = 12
"""Items that are added to an answer at most. Chosen, not measured."""
Place = tuple[str, int, int]


def whole_list_draft(asked: Asked, found: Found, chosen: Sequence[Selected]) -> Draft | None:
    """Return the list of which the answer quotes the introduction and an item.

    None where it quotes no list or all of one. `chosen` are its quotes.

    "Every bench has the following" is no answer without what follows, of which the readers may pick a single item.
    """
    places = [_place(one, found) for one in chosen]
    for path in dict.fromkeys(place[0] for place in places):
        here = [place for place in places if place[0] == path]
        for structure, _, _ in asked.notes.made(with_words, path):
            lead = _quoted_introduction(asked, structure, here)
            if lead is not None:
                lines = [lead, *row_lines(structure, structure.items)]
                score = max(one.score for one in chosen)
                return cited_draft(AnswerKind.LIST, lines, asked.notes, probability=score)
    return None


def _place(one: Selected, found: Found) -> Place:
    chunk = found.read_chunks[one.n - 1]
    return chunk.document, chunk.start + one.start, chunk.start + one.end


def _quoted_introduction(asked: Asked, structure: Structure, places: Sequence[Place]) -> Line | None:
    """The introduction of a list that is quoted with some of its items, not all."""
    if (
        structure.head
        or structure.outline
        or structure.sentence is not None
        or len(structure.items) > MOST_ITEMS
    ):
        return None
    quoted = [
        any(start < item.end and item.start < end for _, start, end in places) for item in structure.items
    ]
    if not any(quoted) or all(quoted):
        return None
    text, first = asked.notes.document(structure.document).text, structure.items[0].start
    for path, start, end in places:
        said = plain(text[start:end])
        if end <= first and said and said in structure.intro:
            return Line(said, path, start, end, bullet=False)
    return None
