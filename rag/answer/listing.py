"""Lists and counts of what the notes list, tabulate or consist of.

A count says what was counted and where. Parts of the notes (lessons, notebooks, slides) are counted from the library itself, a number
that the notes give in words is quoted.
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.answer.asked import Asked
from rag.answer.asked_names import asked_names
from rag.answer.cells import cell_draft
from rag.answer.cited_lines import Line, cited_draft, without_mark
from rag.answer.found import Draft
from rag.answer.likely_kinds import asks_for_parts
from rag.answer.likely_list import IN_PROSE, likely_list, quoted_list
from rag.answer.matching import asked_stems, named_count, stems
from rag.answer.notes import Notes, documents_of
from rag.answer.numbered_rows import numbered_rows_draft
from rag.answer.scope_in_words import distinct_title, in_passing, labels_of, named_by_title, unit_words
from rag.answer.scored_statements import scored_statements
from rag.answer.specifics import has_all
from rag.answer.stated_counts import stated_counts, stated_draft
from rag.answer.structures import Item, Structure
from rag.answer.table_rows import matching_rows, place_of, row_lines
from rag.answer.tables import sum_draft
from rag.library.rows import DocumentRecord
from rag.text.words import stem
from rag.types import AnswerKind, DocumentKind, Tier, Unit

LEAST_PASSAGE = 0.2
"""Least probability of a passage that answers where no sentence does alone. Chosen, not measured."""
PROSE_SCORE = 0.5
"""Evidence score from which a sentence with the number answers first."""
MOST_SENTENCES, BESIDE_BEST = 6, 0.4
"""Most sentences quoted where there is no list, and their least share."""


def list_draft(asked: Asked) -> Draft | None:
    """Return the items of the list or table that the question is about.

    None where none is likely, or where it would be a single item.
    """
    wanted = asked.sure or asks_for_parts(asked.question)
    parts = parts_draft(asked) if wanted or asked.counted else None
    if parts is not None and (wanted or len(parts.sentences) == named_count(asked.question)):
        return parts
    if (rows := numbered_rows_draft(asked, AnswerKind.LIST)) is not None:
        return rows
    best = likely_list(asked)
    if best is not None and best.structure.sentence is not None:
        best = likely_list(asked, IN_PROSE)
    if best is None:
        return _sentences(asked) if asked.sure and _is_answered(asked) else None
    structure = best.structure
    items = _narrowed(structure, asked.question)
    if len(items) < 2:
        return None
    return cited_draft(AnswerKind.LIST, row_lines(structure, items), asked.notes, f"{place_of(structure)}:")


def _is_answered(asked: Asked) -> bool:
    """Return whether a sentence or a passage answers."""
    return asked.decision.tier is Tier.ANSWER or any(score.answers >= LEAST_PASSAGE for score in asked.scores)


def count_draft(asked: Asked) -> Draft | None:
    """Return how many there are of what the question counts, with what was counted. None where nothing is near."""
    counted = (
        _counted_pages(asked)
        or (sum_draft(asked) if asked.sure else None)
        or numbered_rows_draft(asked)
        or parts_draft(asked, AnswerKind.COUNT)
        or cell_draft(asked)
    )
    if counted is not None:
        return counted
    stated = stated_counts(asked)
    if stated and stated[0].score >= PROSE_SCORE:
        return stated_draft(asked, stated)
    best = likely_list(asked) if asked.sure else quoted_list(asked)
    if best is not None and len(best.structure.items) > 1:
        structure = best.structure
        items = _narrowed(structure, asked.question)
        lead = f"{len(items)} - {place_of(structure)}:"
        return cited_draft(AnswerKind.COUNT, row_lines(structure, items), asked.notes, lead)
    return stated_draft(asked, stated) if stated and asked.sure else None


def _sentences(asked: Asked) -> Draft | None:
    """The sentences of all passages that answer best."""
    found: list[tuple[float, Line]] = []
    for hit, score in zip(asked.hits, asked.scores, strict=False):
        for value, one in scored_statements(hit.chunk, score):
            text = without_mark(" ".join(hit.chunk.text[one.start : one.end].split()))
            line = Line(text, hit.chunk.document, hit.chunk.start + one.start, hit.chunk.start + one.end)
            found.append((value, line))
    found = sorted(found, key=lambda pair: -pair[0])[:MOST_SENTENCES]
    lines = list({line.text: line for score, line in found if score >= BESIDE_BEST * found[0][0]}.values())
    return cited_draft(AnswerKind.LIST, lines, asked.notes) if len(lines) > 1 else None


def _narrowed(structure: Structure, question: str) -> tuple[Item, ...]:
    """The items that the question's own words or names pick.

    All of them where these words say something of the whole."""
    if structure.sentence is not None:
        return structure.items
    names = frozenset(
        name for name in asked_names(question) if not has_all(structure.about, frozenset((name,)))
    )
    named = tuple(item for item in structure.items if names and has_all(item.text, names))
    if len(named) > 1:
        return named
    about = set(stems(structure.about))
    own = [word for word in asked_stems(question) if word not in about]
    rows = matching_rows(structure, " ".join(own)) if own and structure.head else ()
    picked = rows and 2 * max(len(set(own) & set(stems(row.text))) for row in rows) >= len(own)
    return rows if picked else tuple(item for item in structure.items if not item.total)


def _unit_documents(asked: Asked) -> tuple[str, dict[int, DocumentRecord]] | None:
    """The question's word for parts of the notes, with the documents by number."""
    inside = asked.named.scope() if asked.named else asked.scope
    records = asked.notes.records(inside)
    labels = labels_of(records)
    words = asked_stems(asked.question)
    named = set(asked.named.words) if asked.named else set()
    numbering = unit_words(labels)
    units = [word for word in words if word in numbering and word not in named]
    if not units:
        return _documents_of_kind(asked, records, [word for word in words if word not in named])
    others = [word for word in words if word not in numbering and word not in named and not word.isdecimal()]
    names = {record.path: set(stems(f"{record.title} {record.path}")) for record in records}
    if any(not any(word in name for name in names.values()) for word in others if _is_in(word, asked)):
        return None  # a word of the text and of no name: the question is about something in the notes, not about their parts
    having = {word: [record for record in records if word in names[record.path]] for word in others}
    naming = [
        word
        for word, named_by in having.items()
        if named_by and not in_passing(word, asked.question, named_by, numbering, asked.notes)
    ]
    records = [record for record in records if all(word in names[record.path] for word in naming)]
    found: dict[int, DocumentRecord] = {}
    for record in records:
        for word, number in sorted(labels[record.path]):
            if word == units[0]:
                found.setdefault(number, record)
    return (units[0], found) if len(found) > 1 and len(found) == max(found) - min(found) + 1 else None


def _documents_of_kind(
    asked: Asked, records: Sequence[DocumentRecord], words: Sequence[str]
) -> tuple[str, dict[int, DocumentRecord]] | None:
    """The question's word for a kind of document ("notebooks"), with all of that kind.

    None where the question has words of the text besides: it is about something in them.
    """
    kinds = {stem(kind.value): kind for kind in DocumentKind}
    wanted = next((word for word in words if word in kinds), None)
    others = set(words) - {wanted}
    if wanted is None or any(others & set(stems(hit.chunk.text)) for hit in asked.hits):
        return None
    found = [record for record in records if record.kind is kinds[wanted]]
    return (wanted, dict(enumerate(found, 1))) if len(found) > 1 else None


def _is_in(word: str, asked: Asked) -> bool:
    """Return True for a word of few passages."""
    count = sum(word in stems(hit.chunk.text) for hit in asked.hits)
    return 0 < count <= len(asked.hits) // 2


def parts_draft(asked: Asked, kind: AnswerKind = AnswerKind.LIST) -> Draft | None:
    """Return the lessons, notebooks or modules of the library with their count."""
    if (units := asked.once(_unit_documents, lambda: _unit_documents(asked))) is None:
        return None
    lines = _document_lines(asked.notes, units[1])
    return cited_draft(kind, lines, asked.notes, f"{len(lines)}:")


def _document_lines(notes: Notes, numbered: dict[int, DocumentRecord]) -> list[Line]:
    lines, records = [], list(numbered.values())
    for _, record in sorted(numbered.items()):
        first = notes.chunks(record.path)[0]
        lines.append(Line(distinct_title(record, records), record.path, first.start, first.end))
    return lines


def _counted_pages(asked: Asked) -> Draft | None:
    """The count of slides, pages or cells of the document named."""
    unit = next(
        (one for one in (Unit.SLIDE, Unit.PAGE, Unit.CELL) if stem(one.value) in asked_stems(asked.question)),
        None,
    )
    if unit is None:
        return None
    named = asked.named or named_by_title(
        asked.question, asked.notes, asked.scope, documents_of(asked.hits, 3)
    )
    if named is None or len(named.documents) != 1:
        return None
    path = named.documents[0]
    blocks = [block for block in asked.notes.document(path).blocks if block.locator.unit is unit]
    if not blocks:
        return None
    count = max(block.locator.last for block in blocks)
    first = asked.notes.chunks(path)[0]
    line = Line(f"{count} - {named.label}", path, first.start, first.end, bullet=False)
    return cited_draft(AnswerKind.COUNT, [line], asked.notes)
