"""Selected statements, and the sentences that are quoted with them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rag.aliases import Span
from rag.answer.statements import Statement, statements_of
from rag.text.scripts import word_count
from rag.text.words import numbers
from rag.types import Chunk

NEIGHBOUR_WORDS = 45
"""Words of the best statement with its neighbours, at most.

The rest of the extract is for other statements. Chosen, not measured.
"""
SHORT_WORDS = 6
"""Words of a best statement up to which the sentence before it is quoted with it. Chosen, not measured."""

_BLOCK = re.compile(r"\s*(?:[-*+•|]|\d{1,3}[.)]\s|```|~~~)")


@dataclass(frozen=True, slots=True)
class Selected:
    """A span of a shown passage: `text[start:end]` of the `n`-th, from 1.

    `score` in [0, 1] and `logit` are the scorer's; `head` is the span of its table's head.
    """

    n: int
    start: int
    end: int
    score: float
    head: Span | None = None
    logit: float = 0.0


def in_order(chosen: Iterable[Selected]) -> tuple[Selected, ...]:
    """Selections in reading order, those that overlap or touch joined."""
    joined: list[Selected] = []
    for one in sorted(chosen, key=lambda one: (one.n, one.start, one.end)):
        last = joined[-1] if joined else None
        if last is not None and last.n == one.n and one.start <= last.end:
            joined[-1] = Selected(
                one.n, last.start, max(last.end, one.end), max(last.score, one.score), last.head or one.head
            )
        else:
            joined.append(one)
    return tuple(joined)


def words_in_all(chosen: Iterable[Selected], passages: Sequence[Chunk]) -> int:
    """Return the words of selections of the passages."""
    return sum(word_count(passages[one.n - 1].text[one.start : one.end]) for one in chosen)


def filled(best: Selected, passages: Sequence[Chunk]) -> Selected:
    """Return a short sentence with the one before it in its paragraph.

    "An agent is exactly that." says nothing alone. One with a figure does.
    """
    text = passages[best.n - 1].text
    short = words_in_all([best], passages) <= SHORT_WORDS and not numbers(text[best.start : best.end])
    if not short or best.head is not None or _BLOCK.match(text, best.start):
        return best
    before = sentence_before(best, passages)
    if not before or before[0].head is not None or _BLOCK.match(text, before[0].start):
        return best
    wide = replace(best, start=before[0].start)
    return wide if words_in_all([wide], passages) <= NEIGHBOUR_WORDS else best


def with_leaning(one: Selected, passages: Sequence[Chunk]) -> Selected:
    """Return a statement with the next one of its paragraph where that leans on it.

    "These include ..." needs the sentence before it, and has the rest of what was asked for. Source: of 65 questions on the
    example course one is answered rightly instead of wrongly so.
    """
    text = passages[one.n - 1].text
    after = next((other for other in statements_of(text) if other.start >= one.end), None)
    if after is None or not one.start <= after.first < one.end or not _touches(text, one, after):
        return one
    wide = replace(one, end=after.last)
    return wide if words_in_all([wide], passages) <= NEIGHBOUR_WORDS else one


def sentence_before(best: Selected, passages: Sequence[Chunk]) -> list[Selected]:
    """Return the statement before the best one in its paragraph.

    What a sentence leans on is recognised by words that the scorer does not know here.
    """
    text = passages[best.n - 1].text
    before = [one for one in statements_of(text) if one.end <= best.start and _touches(text, best, one)]
    return [Selected(best.n, one.start, one.end, best.score, one.head) for one in before[-1:]]


def with_neighbours(best: Selected, passages: Sequence[Chunk]) -> tuple[Selected, ...]:
    """Return a statement with its neighbours in the same paragraph.

    Alone where they are more than `NEIGHBOUR_WORDS` words together.
    """
    text = passages[best.n - 1].text
    around = [one for one in statements_of(text) if _touches(text, best, one)]
    start = min((one.start for one in around), default=best.start)
    end = max((one.end for one in around), default=best.end)
    wide = Selected(best.n, min(start, best.start), max(end, best.end), best.score, best.head)
    return (wide,) if words_in_all([wide], passages) <= NEIGHBOUR_WORDS else (best,)


def _touches(text: str, best: Selected, other: Statement) -> bool:
    """Return whether a statement is next to `best` within its paragraph."""
    if other.start >= best.end:
        between = text[best.end : other.start]
    elif other.end <= best.start:
        between = text[other.end : best.start]
    else:
        return False
    return not between.strip() and "\n\n" not in between
