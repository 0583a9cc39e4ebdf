"""The statement on the other of two things, beside a quote on one of them."""

from __future__ import annotations

from collections.abc import Sequence

from rag.answer.matching import stems
from rag.answer.pair_scorer import PassageScore
from rag.answer.question_parts import sides_of
from rag.answer.selected import Selected
from rag.answer.statements import Statement, statements_of
from rag.text.stop_words import STOP_WORDS
from rag.types import Chunk

BESIDE = 2
"""Statements between the two at most, counted from one to the other. Chosen, not measured."""


def with_other_side(
    question: str, chosen: Sequence[Selected], passages: Sequence[Chunk], scores: Sequence[PassageScore]
) -> tuple[Selected, ...]:
    """Return the quotes with the nearest statement on the other thing asked about.

    "With an agent, the model decides" is beside "With RAG, the developer decides", where it is asked who decides in RAG and who in an
    agent. The quotes come back as they are where the question has no two things or they are about both.
    """
    if not chosen:
        return ()
    quoted = set(stems(" ".join(passages[one.n - 1].text[one.start : one.end] for one in chosen)))
    for pair in sides_of(question):
        left, right = _own_words(*pair)
        if not left or not right or (left <= quoted) == (right <= quoted):
            continue
        own, other = (left, right) if left <= quoted else (right, left)
        best = chosen[0]
        found = _nearest(passages[best.n - 1].text, best, own, other)
        if found is not None:
            score = scores[best.n - 1].by_span.get((found.start, found.end))
            logit = score.logit if score is not None else 0.0
            beside = Selected(best.n, found.first, found.last, best.score, found.head, logit)
            return (*chosen, beside)
    return tuple(chosen)


def _own_words(left: str, right: str) -> tuple[set[str], set[str]]:
    one, other = ({word for word in stems(side) if word not in STOP_WORDS} for side in (left, right))
    return one - other, other - one


def _nearest(text: str, best: Selected, own: set[str], other: set[str]) -> Statement | None:
    """The statement on the other side that is nearest to a quote on this one."""
    statements = statements_of(text)
    at = next((n for n, one in enumerate(statements) if one.start < best.end and best.start < one.end), None)
    if at is None or not own <= set(stems(text[best.start : best.end])):
        return None
    for distance in range(1, BESIDE + 1):
        for place in (at + distance, at - distance):
            if not 0 <= place < len(statements):
                continue
            words = set(stems(text[statements[place].start : statements[place].end]))
            if other <= words and not own <= words:
                return statements[place]
    return None
