"""The tier of a question: an answer, an extract, or none.

The evidence scorer's probability decides whether the passages answer. Below its threshold the search decides:
an extract where the nearest passage is near enough (`answer.gate_score`, which `lectern eval calibrate`
finds), else none. A high probability is an answer however far the nearest passage is.
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.settings import AnswerSettings
from rag.types import Decision, Hit, Tier


def decide_tier(
    hits: Sequence[Hit], probability: float | None, settings: AnswerSettings, writes: bool
) -> Decision:
    """Return the tier of a question with the reason.

    `probability` in [0, 1] is that the passages answer; None where no scorer ran, and then nearness alone
    decides. A model that `writes` needs `answer.write_score`, a quote `answer.quote_score`. Hits of a
    retriever other than `LecternRetriever` have no scores and count as near.
    """
    if not hits:
        return Decision(Tier.NONE, probability, None, "nothing in the notes matches the question")
    near, score, how_near = nearness(hits, settings)
    if probability is None:
        return Decision(Tier.ANSWER if near else Tier.NONE, None, score, how_near)
    needed = settings.write_score if writes else settings.quote_score
    reason = f"{how_near}; answered with probability {probability:.2f}, needed {needed:.2f}"
    if probability >= needed:
        return Decision(Tier.ANSWER, probability, score, reason)
    close = near or probability >= settings.extract_score
    return Decision(Tier.EXTRACT if close else Tier.NONE, probability, score, reason)


def is_better(one: Tier, other: Tier) -> bool:
    """Return whether one tier says more than another: an answer, an extract, nothing."""
    order = (Tier.NONE, Tier.EXTRACT, Tier.ANSWER)
    return order.index(one) > order.index(other)


def nearness(hits: Sequence[Hit], settings: AnswerSettings) -> tuple[bool, float | None, str]:
    """Return whether the nearest passage is near enough, its score, and both in words.

    The score is the best token match (`Why.match_score`); where the library has none, the best cosine.
    """
    matches = [hit.why.match_score for hit in hits if hit.why.match_score is not None]
    cosines = [hit.why.dense_score for hit in hits if hit.why.dense_score is not None]
    threshold = settings.gate_score if matches else settings.gate_cosine
    best = max(matches or cosines, default=None)
    if best is None or not settings.gate:
        return True, best, "not gated"
    return best >= threshold, best, f"nearest passage at {best:.2f}, threshold {threshold:.2f}"
