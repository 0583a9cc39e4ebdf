"""The sentence of the shown passages that answers the question, chosen in code with the reader's vote.

A reader of 135 M parameters refuses what the notes do answer when it is put in other words, and now and then copies the
wrong line. Every sentence of the passages is scored by its closeness to the question; the one the reader chose gets a bonus, and
where it chose any, less closeness is asked for. A choice that cannot be the answer (a table's head, a sentence without a number
where a number is asked for, a passage that lacks what the question names) counts as none. Where another is clearly closer, that
one is quoted; where none is near enough, nothing is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rag.meaning import defines, term_of
from rag.question_kind import holds_kind, kind_of
from rag.specifics import has_all, specifics
from rag.statements import overlap, statements
from rag.types import Chunk
from rag.words import content_words, has_digit

WORD_WEIGHT, RANK_WEIGHT = 0.2, 0.04
"""Cosine that holding all words of the question is worth, and that a passage's rank costs. Source: weights fitted on a course
written for training (362 questions) chose no better by more than two in a hundred on another."""
READER_WEIGHT, ANSWERED_WEIGHT = 0.15, 0.3
"""Cosine that the reader's vote is worth, and that every sentence gains where the reader found an answer at all. Source: a grid
over both and `answer.quote_score` on the two validation courses of `finetune/grounded/pages` (362 questions put in other words
than the notes', 40 that they do not answer): 0.59 right, 0.20 wrong, 0.45 of the others refused, where a vote of 0.25 and one
threshold of 0.55 had 0.53, 0.13 and 0.48."""
UNFIT_WEIGHT = 0.3
"""Cosine that a sentence loses which lacks what the question asks for or names. Source: from 0.15 to 0.45 the same answers, within
one in a hundred, on the example course, six written courses and five public syllabi; that no such sentence counts as the
reader's choice is what matters."""


class SentenceEmbedder(Protocol):
    """What of `rag.embedder.Embedder` is needed here."""

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]: ...

    def embed_query(self, text: str) -> NDArray[np.float32]: ...


@dataclass(frozen=True, slots=True)
class Quote:
    """The half-open span `text[start:end]` of the `n`-th shown passage (from 1), how near it is, and whose choice it was.

    `score` counts the reader's vote in, so that one threshold serves both; `by_reader` says that the reader chose it too,
    `continued` that the sentence takes along the code, list or formula that it announces.
    """

    n: int
    start: int
    end: int
    score: float
    by_reader: bool = False
    continued: bool = False


Vote = tuple[int, int, int]
"""A stretch that the reader cites: the passage's number and the half-open span of its text."""


def best_quote(
    question: str, passages: Sequence[Chunk], embedder: SentenceEmbedder, votes: Sequence[Vote] = ()
) -> Quote | None:
    """The closest sentence with what it introduces; None where no passage has a sentence.

    Closeness is the mean cosine of the sentence alone and under its heading (and what else it is read under), plus `WORD_WEIGHT` for
    the share of the question's words it holds, less `RANK_WEIGHT` for every passage ranked before its own, plus `READER_WEIGHT` where it
    overlaps a vote, plus `ANSWERED_WEIGHT` where there is any vote for a sentence that can be quoted. The earlier wins a tie. A short
    line, a label that says no more than the question, a question or a block of code counts only where it has a vote. A sentence without
    what the question asks for or names loses `UNFIT_WEIGHT` and its vote; one that only mentions the term whose meaning is asked
    loses the former, unless it has a vote.
    """
    asked = set(content_words(question))
    candidates = [
        (n, statement)
        for n, chunk in enumerate(passages, 1)
        for statement in statements(chunk.text, asked, [vote[1:] for vote in votes if vote[0] == n])
    ]
    if not candidates:
        return None
    texts = [passages[n - 1].text[said.start : said.end] for n, said in candidates]
    headed = [
        ": ".join(part for part in (_heading(passages[n - 1]), said.under, text) if part)
        for (n, said), text in zip(candidates, texts, strict=True)
    ]
    cosines = embedder.embed_passages([*texts, *headed]) @ embedder.embed_query(question)
    scores = (cosines[: len(texts)] + cosines[len(texts) :]) / 2
    lacking = _lacking(question, passages)
    kind, term = kind_of(question), term_of(question)
    voted = [False] * len(candidates)
    for i, (n, said) in enumerate(candidates):
        unfit = lacking[n - 1] or not holds_kind(kind, headed[i], question)
        voted[i] = not unfit and any(
            n == vote[0] and overlap((said.start, said.end), vote[1:]) for vote in votes
        )
        unfit = unfit or not (term is None or voted[i] or defines(term, texts[i], _heading(passages[n - 1])))
        held = len(asked & set(content_words(headed[i]))) / max(1, len(asked))
        scores[i] += (
            WORD_WEIGHT * held - RANK_WEIGHT * (n - 1) + READER_WEIGHT * voted[i] - UNFIT_WEIGHT * unfit
        )
    scores += ANSWERED_WEIGHT * any(voted)
    best = int(np.argmax(scores))
    n, said = candidates[best]
    return Quote(n, said.start, said.whole, float(scores[best]), voted[best], said.whole > said.end)


def _lacking(question: str, passages: Sequence[Chunk]) -> list[bool]:
    """For each passage, whether something that the question names is missing.

    Numbers and identifiers have to stand in the passage; for a name any shown passage of its document will do, which need not
    repeat it.
    """
    asked = specifics(question)
    digits = frozenset(word for word in asked if has_digit(word))
    texts = [" ".join((p.title, *p.headings, p.text)) for p in passages]
    whole: dict[str, str] = {}
    for passage, text in zip(passages, texts, strict=True):
        whole[passage.document] = f"{whole.get(passage.document, '')} {text}"
    return [
        not (has_all(text, digits) and has_all(whole[passage.document], asked - digits))
        for passage, text in zip(passages, texts, strict=True)
    ]


def _heading(chunk: Chunk) -> str:
    return chunk.headings[-1] if chunk.headings else chunk.title
