"""The documents that introduce or mention something."""

from __future__ import annotations

from rag.answer.asked import Asked
from rag.answer.cited_lines import Line, cited_draft
from rag.answer.follow_up import ORDINALS
from rag.answer.found import Draft
from rag.answer.matching import asked_stems, coverage, stems, weights
from rag.answer.numbered_rows import numbered_rows_draft
from rag.answer.scope_in_words import labels_of, unit_words
from rag.answer.sentence_support import searchable
from rag.text.sentences import sentence_spans
from rag.text.stop_words import STOP_WORDS
from rag.text.words import stem, tokens
from rag.types import AnswerKind, Chunk, DocumentKind, Hit

SEARCHED = 20
_ORDINAL_STEMS = frozenset(map(stem, ORDINALS))
WHOLE = 0.99
NEEDED = 0.5
"""Share of the topic's weight that a passage must have."""


def locate_draft(asked: Asked) -> Draft | None:
    """Return the document of a topic, all of them where the question has a plural.

    Rows where a table numbers the parts and has what the question asks for ("Which lessons did Ada write?").
    """
    if (rows := numbered_rows_draft(asked, AnswerKind.LIST)) is not None:
        return rows
    records = {record.path: record for record in asked.notes.records(asked.scope)}
    units = unit_words(labels_of(list(records.values())))
    kinds = {stem(kind.value): kind for kind in DocumentKind}
    words = [word for word in asked_stems(asked.question) if word not in units]
    wanted = next((kinds[word] for word in words if word in kinds), None)
    first = asks_for_first(asked.question)
    topic = [word for word in words if word not in kinds and not (first and word in _ORDINAL_STEMS)]
    hits = [hit for hit in _searched(asked) if wanted is None or records[hit.chunk.document].kind is wanted]
    texts = [set(stems(searchable(hit.chunk))) for hit in hits]
    weight = weights(topic, texts)
    if not weight:
        return None
    best: dict[str, tuple[float, float, Chunk]] = {}
    for rank, (hit, text) in enumerate(zip(hits, texts, strict=True)):
        share = coverage(weight, text)
        notebook = wanted is None and records[hit.chunk.document].kind is DocumentKind.NOTEBOOK
        score = (
            share
            + 0.4 * coverage(weight, set(stems(" ".join(hit.chunk.headings))))
            + 0.3 * coverage(weight, set(stems(hit.chunk.title)))
            + 0.4 / (1 + 0.5 * rank)
            - 0.15 * notebook
        )
        if hit.chunk.document not in best or score > best[hit.chunk.document][0]:
            best[hit.chunk.document] = (score, share, hit.chunk)
    ranked = sorted(best.values(), key=lambda one: -one[0])
    if ranked[0][1] < NEEDED:
        return None
    if first:
        rarest = max(weight, key=weight.__getitem__)
        ranked.sort(key=lambda one: (rarest not in stems(searchable(one[2])), one[2].document))
    chosen = [chunk for _, share, chunk in ranked if share >= WHOLE] if _plural(asked.question, units) else []
    chosen = sorted(chosen, key=lambda chunk: chunk.document) or [ranked[0][2]]
    lines = [_line(chunk, weight) for chunk in chosen]
    return cited_draft(AnswerKind.LIST if len(lines) > 1 else AnswerKind.ANSWER, lines, asked.notes)


def asks_for_first(question: str) -> bool:
    """Return whether a question has an ordinal for the first of several."""
    return any(ORDINALS.get(word) == 0 for word in tokens(question))


def _searched(asked: Asked) -> list[Hit]:
    found = {
        hit.chunk.id: hit for hit in (*asked.hits, *asked.notes.search(asked.question, SEARCHED, asked.scope))
    }
    return list(found.values())


def _plural(question: str, units: set[str]) -> bool:
    """Return True for a word for parts of the notes that is not in its stem's form."""
    return any(
        stem(word) in units and word not in units and word not in STOP_WORDS for word in tokens(question)
    )


def _line(chunk: Chunk, weight: dict[str, float]) -> Line:
    """The document's title with where, and the sentence that has most of the topic."""
    spans = sentence_spans(chunk.text) or [(0, len(chunk.text))]
    start, end = max(spans, key=lambda span: coverage(weight, set(stems(chunk.text[slice(*span)]))))
    quote = " ".join(chunk.text[start:end].split())
    text = f"{chunk.title or chunk.document} ({chunk.label}): {quote}"
    return Line(text, chunk.document, chunk.start + start, chunk.start + end)
