"""The sentence of all passages that answers best, and its place beside a list."""

from __future__ import annotations

from dataclasses import dataclass

from rag.answer.asked import Asked
from rag.answer.structures import Structure

LEADING_CHARS = 400
"""Characters before a list in which a sentence is taken to lead to it."""


@dataclass(frozen=True, slots=True, order=True)
class BestSentence:
    """The evidence score of a sentence in [0, 1], and its span of a document."""

    score: float
    document: str
    start: int
    end: int

    def is_in(self, structure: Structure) -> bool:
        """Return whether the sentence, with the mark of its item, is among the items."""
        first, last = structure.items[0].start, structure.items[-1].end
        return self.document == structure.document and first < self.end and self.start < last

    def leads_to(self, structure: Structure) -> bool:
        """Return whether the sentence is close before the items."""
        first = structure.items[0].start
        near = first - LEADING_CHARS <= self.start and self.end <= first
        return self.document == structure.document and near


def best_sentence(asked: Asked) -> BestSentence | None:
    """Return the sentence with the highest evidence score, None without any.

    It is looked for once.
    """
    return asked.once(best_sentence, lambda: _best_sentence(asked))


def _best_sentence(asked: Asked) -> BestSentence | None:
    return max(
        (
            BestSentence(
                sentence.score,
                hit.chunk.document,
                hit.chunk.start + sentence.start,
                hit.chunk.start + sentence.end,
            )
            for hit, score in zip(asked.hits, asked.scores, strict=False)
            for sentence in score.sentences
        ),
        default=None,
    )
