"""Selection of the statements that are quoted as the answer or the extract.

The evidence scorer gives every sentence a probability. An *answer* is the best statement and those that answer nearly
as well; an *extract* is what is closest, as much as is read at a glance. Both are spans of the passages, never rewritten.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from rag.aliases import Span
from rag.answer.pair_scorer import PassageScore
from rag.answer.statements import Statement, statements_of
from rag.types import Chunk

ANSWER_STATEMENTS = 3
"""Statements of an answer at most."""
BESIDE_LOGITS = 1.0
"""Logits below the best within which a statement belongs to the answer too.

Source: of 296 validation questions (`finetune.evidence` questions on two courses) the best statement alone is the gold
for .63 in 23 words; with those within 1 logit .78 in 40 words, within 2 .82 in 48, within 4 .84 in 59.
"""
EXTRACT_WORDS = 120
"""Words of an extract at most. Source: INTERFACE counts the gold as found in what is shown of that length."""
EXTRACT_STATEMENTS = 6
NEIGHBOUR_WORDS = 45
"""Words of the best statement with its neighbours, at most.

The rest of the extract is for other statements. Chosen, not measured.
"""
LOGIT_SCALE, COSINE_WEIGHT, RERANKED = 10.0, 0.67, 16
"""The mix of logit and cosine, and the statements it is worked out for.

A cosine of 1 is worth `LOGIT_SCALE * COSINE_WEIGHT` logits.

Source: on 213 validation questions the best statement of eight passages is the gold for .75 with a weight of 0.67, .73 with
0.25, .72 with 0.11 and .71 with none; 16 statements keep the cost under a tenth of a second.
"""

_BULLET = re.compile(r"[-*+•]\s")

Cosines = Callable[[Sequence[str]], Sequence[float]]
"""Returns the cosine of each text with the question."""


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


def select_answer(
    passages: Sequence[Chunk], scores: Sequence[PassageScore], cosines: Cosines | None = None
) -> tuple[Selected, ...]:
    """Return the best statement and those that score nearly as high, of any passage.

    The passage of the best one comes first; within a passage they are in reading order. A best one that is an item of a
    list comes before the other items: they say something else each, such as a hall and a date. Empty where no passage
    has a statement.
    """
    ranked = _ranked(passages, scores, cosines)
    if not ranked:
        return ()
    best = ranked[0]
    beside = _without_repeats(
        (one for one in ranked[1:] if one.logit >= best.logit - BESIDE_LOGITS), best, passages
    )
    chosen = _in_order([best, *islice(beside, ANSWER_STATEMENTS - 1)])
    is_item = _BULLET.match(passages[best.n - 1].text, best.start) is not None
    return tuple(
        sorted(chosen, key=lambda one: (one.n != best.n, is_item and not one.start <= best.start < one.end))
    )


def _without_repeats(
    others: Iterable[Selected], best: Selected, passages: Sequence[Chunk]
) -> Iterator[Selected]:
    """Yield the statements whose words none before them has: files repeat each other."""
    seen = {_words_of(best, passages)}
    for one in others:
        words = _words_of(one, passages)
        if words not in seen:
            seen.add(words)
            yield one


def _words_of(one: Selected, passages: Sequence[Chunk]) -> str:
    return " ".join(re.findall(r"\w+", passages[one.n - 1].text[one.start : one.end].casefold()))


def select_extract(
    passages: Sequence[Chunk],
    scores: Sequence[PassageScore],
    cosines: Cosines | None = None,
    most_words: int = EXTRACT_WORDS,
) -> tuple[Selected, ...]:
    """Return the closest statements, up to `most_words` words.

    The passage of the best one comes first.
    The best one brings its neighbours of the same paragraph, so that an extract is never a lone line.
    """
    ranked = _ranked(passages, scores, cosines)
    if not ranked:
        return ()
    chosen = _with_neighbours(ranked[0], passages)
    for one in ranked[1:]:
        wider = _in_order([*chosen, one])
        if len(wider) <= EXTRACT_STATEMENTS and _word_count(wider, passages) <= most_words:
            chosen = wider
    return tuple(sorted(chosen, key=lambda one: one.n != ranked[0].n))


def _ranked(
    passages: Sequence[Chunk], scores: Sequence[PassageScore], cosines: Cosines | None
) -> list[Selected]:
    """Return every statement, best first; of equal ones the earlier.

    They are ranked by the scorer's logit. Where `cosines` is given, the best `RERANKED` are ranked again with
    their cosine with the question added: where the scorer is unsure, likeness decides better.
    """
    found = [
        Selected(n, statement.first, statement.last, found.score, statement.head, found.logit)
        for n, (passage, score) in enumerate(zip(passages, scores, strict=True), 1)
        for by_span in [score.by_span]
        for statement in statements_of(passage.text)
        if (found := by_span.get((statement.start, statement.end))) is not None
        if not is_heading(passage, statement)
    ]
    ranked = sorted(found, key=lambda one: -one.logit)
    if cosines is None or not ranked:
        return ranked
    first = ranked[:RERANKED]
    near = cosines([passages[one.n - 1].text[one.start : one.end] for one in first])
    mixed = [
        one.logit / LOGIT_SCALE + COSINE_WEIGHT * cosine for one, cosine in zip(first, near, strict=True)
    ]
    order = sorted(range(len(first)), key=lambda at: -mixed[at])
    return [first[at] for at in order] + ranked[RERANKED:]


def is_heading(passage: Chunk, statement: Statement) -> bool:
    """Return whether a statement is a heading of its passage.

    Some formats have headings as plain lines.
    """
    text = " ".join(passage.text[statement.start : statement.end].split()).strip("# *_:")
    return text in {" ".join(heading.split()) for heading in (*passage.headings, passage.title)}


def _with_neighbours(best: Selected, passages: Sequence[Chunk]) -> tuple[Selected, ...]:
    """Return a statement with its neighbours in the same paragraph.

    Alone where they are more than `NEIGHBOUR_WORDS` words together.
    """
    text = passages[best.n - 1].text
    around = [one for one in statements_of(text) if _touches(text, best, one)]
    start = min((one.start for one in around), default=best.start)
    end = max((one.end for one in around), default=best.end)
    wide = Selected(best.n, min(start, best.start), max(end, best.end), best.score, best.head)
    return (wide,) if _word_count([wide], passages) <= NEIGHBOUR_WORDS else (best,)


def _touches(text: str, best: Selected, other: Statement) -> bool:
    """Return whether a statement is next to `best` within its paragraph."""
    if other.start >= best.end:
        between = text[best.end : other.start]
    elif other.end <= best.start:
        between = text[other.end : best.start]
    else:
        return False
    return not between.strip() and "\n\n" not in between


def _in_order(chosen: Iterable[Selected]) -> tuple[Selected, ...]:
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


def _word_count(chosen: Iterable[Selected], passages: Sequence[Chunk]) -> int:
    return sum(len(passages[one.n - 1].text[one.start : one.end].split()) for one in chosen)
