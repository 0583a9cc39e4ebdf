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
    """Answer, unless nothing was found or the nearest passage is farther than `settings.gate_score` in cosine.

    Hits without a dense score (a retriever that is not ours) pass the gate.
    """
    if not hits:
        return Decision(False, None, "nothing in the notes matches the question")
    scores = [hit.why.dense_score for hit in hits if hit.why.dense_score is not None]
    if not settings.gate or not scores:
        return Decision(True, max(scores, default=None), "not gated")
    best = max(scores)
    near = best >= settings.gate_score
    return Decision(near, best, f"nearest passage at {best:.2f}, threshold {settings.gate_score:.2f}")
