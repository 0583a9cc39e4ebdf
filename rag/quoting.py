"""The sentence of the shown passages that answers the question, chosen in code with the reader's vote.

A reader of 135 M parameters refuses what the notes do answer when it is put in other words, and now and then copies the
wrong line. Every sentence of the passages is scored by its closeness to the question; the one the reader chose gets a bonus, and
where it chose any, less closeness is asked for. Where another is clearly closer, that one is quoted; where none is near enough,
nothing is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rag.sentences import sentence_spans
from rag.types import Chunk
from rag.words import content_words

MINIMUM_WORDS = 3
"""Content words that a sentence needs to say anything; headings and labels have fewer."""
ADDED_WORDS = 2
"""Content words that a line without a full stop needs beyond the question's, or one with a digit: a label repeats what is asked."""
CONTINUED_SPANS = 6
"""Sentences, list items or code blocks that may follow one that ends with a colon."""
WORD_WEIGHT, RANK_WEIGHT = 0.2, 0.04
"""Cosine that holding all words of the question is worth, and that a passage's rank costs. Source: weights fitted on a course
written for training (362 questions) chose no better by more than two in a hundred on another."""
READER_WEIGHT, ANSWERED_WEIGHT = 0.15, 0.3
"""Cosine that the reader's vote is worth, and that every sentence gains where the reader found an answer at all. Source: a grid
over both and `answer.quote_score` on the two validation courses of `finetune/grounded/pages` (362 questions put in other words
than the notes', 40 that they do not answer): 0.59 right, 0.20 wrong, 0.45 of the others refused, where a vote of 0.25 and one
threshold of 0.55 had 0.53, 0.13 and 0.48."""


_ENDS = (".", "!", "?", ":", "|")
_LINKS = re.compile(r"\[!\[[^\]]*\]\([^)]*\)\]\([^)]*\)|!?\[?[^\[\]]*\]\([^)]*\)|<[^<>]*>|https?://\S+")


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

    Closeness is the mean cosine of the sentence alone and under its heading, plus `WORD_WEIGHT` for the share of the
    question's words it holds, less `RANK_WEIGHT` for every passage ranked before its own, plus `READER_WEIGHT` where it
    overlaps a vote, plus `ANSWERED_WEIGHT` where there is any vote. The earlier wins a tie. A short line, a label that says no
    more than the question, or a block of code counts only where it has a vote.
    """
    asked = set(content_words(question))
    candidates = [
        (n, start, end)
        for n, chunk in enumerate(passages, 1)
        for start, end in _statements(chunk.text, asked, [vote for vote in votes if vote[0] == n])
    ]
    if not candidates:
        return None
    texts = [passages[n - 1].text[start:end] for n, start, end in candidates]
    headed = [
        f"{_heading(passages[n - 1])}: {text}" for (n, _, _), text in zip(candidates, texts, strict=True)
    ]
    cosines = embedder.embed_passages([*texts, *headed]) @ embedder.embed_query(question)
    scores = (cosines[: len(texts)] + cosines[len(texts) :]) / 2
    voted = [any(_overlap(candidate, vote) for vote in votes) for candidate in candidates]
    for i, (n, _, _) in enumerate(candidates):
        held = len(asked & set(content_words(headed[i]))) / max(1, len(asked))
        scores[i] += WORD_WEIGHT * held - RANK_WEIGHT * (n - 1) + READER_WEIGHT * voted[i]
    scores += ANSWERED_WEIGHT * bool(votes)
    best = int(np.argmax(scores))
    n, start, end = candidates[best]
    whole = _continued(passages[n - 1].text, start, end)
    return Quote(n, start, whole, float(scores[best]), voted[best], whole > end)


def _heading(chunk: Chunk) -> str:
    return chunk.headings[-1] if chunk.headings else chunk.title


def _overlap(one: Vote, other: Vote) -> bool:
    return one[0] == other[0] and one[1] < other[2] and other[1] < one[2]


def _statements(text: str, asked: set[str], votes: Sequence[Vote]) -> list[tuple[int, int]]:
    """Spans of sentences that say something or have a vote: no headings, and not only links, pictures and tags."""
    return [
        (start, end)
        for start, end in sentence_spans(text)
        if not text[start:end].startswith("#")
        and (_says_something(text, start, end, asked) or any(start < v[2] and v[1] < end for v in votes))
    ]


def _says_something(text: str, start: int, end: int, asked: set[str]) -> bool:
    sentence = text[start:end]
    words = content_words(_LINKS.sub(" ", sentence))
    if sentence.startswith("```") or len(words) < MINIMUM_WORDS:
        return False
    added = set(words) - asked
    return (
        sentence.rstrip("*_ ").endswith(_ENDS)
        or len(added) >= ADDED_WORDS
        or any(not word.isalpha() for word in added)
        or _continued(text, start, end) > end
    )


def _continued(text: str, start: int, end: int) -> int:
    """The end of the quote: a sentence that announces something ("run this command:", "the ratio is") takes it along."""
    following = [span for span in sentence_spans(text) if span[0] >= end]
    if not following:
        return end
    bare = text[start:end].rstrip("*_ ")
    if bare.endswith(":"):
        return following[:CONTINUED_SPANS][-1][1]
    formula = text[following[0][0] :].startswith(("$$", "\\["))
    return following[0][1] if formula and not bare.endswith((".", "!", "?")) else end
