"""Whether the notes hold anything near the question: decided before the model runs, at a threshold that comes from data.

`lectern eval calibrate` finds the threshold for a golden set; the default comes from the sets named in the docs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.settings import AnswerSettings
from rag.types import Hit


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to answer, with the score in words."""

    answer: bool
    score: float | None
    reason: str


def decide(hits: Sequence[Hit], settings: AnswerSettings) -> Decision:
    """Answer, unless nothing was found or even the best passage is too far from the question.

    How near it is, is the best token match (`Why.match_score`) against `settings.gate_score`; where the library has none,
    the best cosine against `settings.gate_cosine`. Hits with neither (a retriever that is not ours) pass the gate.
    """
    if not hits:
        return Decision(False, None, "nothing in the notes matches the question")
    matches = [hit.why.match_score for hit in hits if hit.why.match_score is not None]
    cosines = [hit.why.dense_score for hit in hits if hit.why.dense_score is not None]
    threshold = settings.gate_score if matches else settings.gate_cosine
    best = max(matches or cosines, default=None)
    if best is None or not settings.gate:
        return Decision(True, best, "not gated")
    return Decision(best >= threshold, best, f"nearest passage at {best:.2f}, threshold {threshold:.2f}")
