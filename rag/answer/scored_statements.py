"""The statements of passages with their evidence scores."""

from __future__ import annotations

from rag.answer.notes import Notes
from rag.answer.pair_scorer import PassageScore
from rag.answer.statements import Statement, statements_of
from rag.types import Chunk


def scored_statements(passage: Chunk, score: PassageScore) -> list[tuple[float, Statement]]:
    """Return the statements of a passage in order, each after its score in [0, 1].

    A statement that the scorer has no sentence of has 0.
    """
    by_span = score.by_span
    return [
        (found.score if (found := by_span.get((one.start, one.end))) is not None else 0.0, one)
        for one in statements_of(passage.text)
    ]


def section_statements(notes: Notes, question: str, passage: Chunk) -> list[tuple[float, Chunk, Statement]]:
    """Return the scored statements of a passage's section in order.

    The section is all passages of its document under the same headings.
    """
    section = [one for one in notes.chunks(passage.document) if one.headings == passage.headings]
    scores = notes.scorer.score(question, section)
    return [
        (value, chunk, one)
        for chunk, score in zip(section, scores, strict=True)
        for value, one in scored_statements(chunk, score)
    ]
