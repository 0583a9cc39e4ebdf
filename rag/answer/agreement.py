"""Agreement of a written answer with the statements that answer best.

A model that is shown eight passages may answer from any of them, and its sentence is supported where a passage has
it: "the resit is in Hall A" has the hall of another examination. What answers the question is decided by the
readers' scores (`rag.answer.evidence_scorer`, `rag.answer.second_reader`), so a written answer counts only where it
cites a statement that they rank near the top.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import inf

from rag.answer.attribution import Located
from rag.answer.citations import Evidence, check
from rag.answer.pair_scorer import PassageScore
from rag.answer.sentence_support import searchable, words_in
from rag.answer.specifics import (
    abbreviations,
    has_all,
    is_numbered_otherwise,
    names_another,
    names_one,
    numbered,
)
from rag.prompt import without_citations
from rag.text.notation import plain_notation
from rag.text.words import names, numbers, stem
from rag.types import Chunk, Citation

WITHIN_LOGITS, LEAST_SCORE = 1.0, 0.05
"""Bounds of a cited statement: its distance from the best one, its probability.

The first are logits below it, the second a probability. Source: 450 validation questions and 150 on written courses (`finetune.evidence`), written by Qwen2.5-Coder-1.5B. Of
those with an answer .73 / .51 cite it; .09 / .16 cite something else and .16 / .12 of those without one are given
an answer. Within 1 logit it is .74 / .55, .04 / .04 and .15 / .08; from 0.1 on .72 / .53, .04 / .04 and .07 / .02.
"""
FAR_LOGITS, FAR_SCORE = 3.5, 0.01
"""The same bounds for statements whose words a model may use.

Source: of 104 instructions of `make attack` beside the fact that is asked for, the nearest is 5.3 logits below it. On the example
course the 1.5B writes seven right answers with words of statements that are up to 2 logits below, on German texts 3.1.
"""
SURE = 0.5
"""Probability of the best statement from which it is quoted.

That is in place of a written answer that does not agree. Source: the same questions. Right .82 / .75, wrong .05 / .06 and answers to questions without one .09 / .03; from 0.5
.82 / .73, .05 / .06 and .09 / .02; from 0.3 .83 / .79, .06 / .06 and .10 / .05.
"""

MOST_SPELLED = 0.5
"""`PassageScore.spelled` from which the readers do not judge a model's text. Chosen between German (.3) and Russian (1)."""


def near_best(passages: Sequence[Chunk], scores: Mapping[str, PassageScore]) -> list[Located] | None:
    """Return the spans of the sentences that answer: those near the best, best first.

    One with a probability of `SURE` counts however far the best is above it. They are numbered by `passages`; `scores` are by
    the id of a chunk. None where nothing was scored, or only letter by letter.
    """
    return _near(passages, scores, WITHIN_LOGITS, LEAST_SCORE, SURE)


def usable(passages: Sequence[Chunk], scores: Mapping[str, PassageScore]) -> list[Located] | None:
    """Return the spans of sentences whose words a model may use, like `near_best`."""
    return _near(passages, scores, FAR_LOGITS, FAR_SCORE)


def _near(
    passages: Sequence[Chunk],
    scores: Mapping[str, PassageScore],
    within: float,
    least: float,
    sure: float = inf,
) -> list[Located] | None:
    scored = [
        (one, n)
        for n, passage in enumerate(passages, 1)
        if passage.id in scores and _is_read(scores[passage.id])
        for one in scores[passage.id].sentences
    ]
    if not scored:
        return None
    best = max(one.logit for one, _ in scored)
    near = [
        (one, n)
        for one, n in scored
        if one.score >= sure or (one.logit >= best - within and one.score >= least)
    ]
    return [Located(n, one.start, one.end) for one, n in sorted(near, key=lambda pair: -pair[0].logit)]


def is_sure(scores: Iterable[PassageScore]) -> bool:
    """Return whether the best sentence of the passages is worth quoting as the answer."""
    read = (score for score in scores if _is_read(score))
    return max((one.score for score in read for one in score.sentences), default=0.0) >= SURE


def _is_read(score: PassageScore) -> bool:
    """Return whether the readers know the words of a passage."""
    return score.spelled < MOST_SPELLED


def agrees(
    citations: Sequence[Citation], passages: Sequence[Chunk], answering: Sequence[Located] | None
) -> bool:
    """Return whether a citation overlaps a sentence that answers (`near_best`).

    True where nothing was scored.
    """
    starts = [passage.start for passage in passages]
    cited = [Located(one.n, one.start - starts[one.n - 1], one.end - starts[one.n - 1]) for one in citations]
    return answering is None or any(one.overlaps(best) for one in cited for best in answering)


def supported_by(
    text: str, passages: Sequence[Chunk], answering: Sequence[Located], threshold: float
) -> Evidence | None:
    """Return the evidence of a text in the statements that answer.

    None where one of its sentences has none there: each citation overlaps one of them. The notes may say a thing in several
    places, and words alone may lead to another one of them.
    """
    evidence = check(
        without_citations(text), [_only(n, one, answering) for n, one in enumerate(passages, 1)], threshold
    )
    held = bool(evidence.sentences) and all(one.supported for one in evidence.sentences)
    agreed = all(agrees([citation], passages, answering) for citation in evidence.citations)
    return evidence if held and agreed else None


def _only(n: int, passage: Chunk, answering: Sequence[Located]) -> Chunk:
    """Return a passage from its first answering statement to its last, or empty."""
    spans = [(one.start, one.end) for one in answering if one.n == n]
    if not spans:
        return replace(passage, text="", title="", headings=(), end=passage.start)
    start, end = min(start for start, _ in spans), max(end for _, end in spans)
    return replace(
        passage, text=passage.text[start:end], start=passage.start + start, end=passage.start + end
    )


def is_of_another(
    question: str, quotes: Sequence[tuple[int, str]], passages: Sequence[Chunk], scored: Sequence[Chunk]
) -> bool:
    """Return whether all that is cited is about another thing than a question names.

    About Lab 2 where Lab 1 is asked about, about ALOHA where CSMA/CD is. A small model answers with the name that was asked.
    `quotes` are texts with the numbers of their `passages`. A name that no `scored` passage has does not count.
    """
    texts = [" ".join((one.text, one.title, *one.headings)) for one in scored]
    known = frozenset(
        name for name in abbreviations(question) if any(has_all(text, frozenset({name})) for text in texts)
    )
    marks = numbered(question) & frozenset().union(*map(numbered, texts))

    def is_other(n: int, text: str) -> bool:
        above = (passages[n - 1].title, *passages[n - 1].headings)
        named = names_another(text, known) and not any(names_one(part, known) for part in above)
        return named or is_numbered_otherwise((text, *above), marks)

    return bool(quotes) and all(is_other(n, text) for n, text in quotes)


def has_own_facts(text: str, question: str, passages: Sequence[Chunk]) -> bool:
    """Return whether a text has numbers or names of its own.

    A number must be in the question, a name in it or in the passages.
    """
    plain, asked = plain_notation(text), plain_notation(question)
    known = words_in([asked, *map(searchable, passages)])
    return bool(numbers(plain) - numbers(asked)) or any(
        name not in known and stem(name) not in known for name in names(plain)
    )
