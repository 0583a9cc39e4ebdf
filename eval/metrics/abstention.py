"""Cost and benefit of refusing: the table of refusals, and risk against coverage.

Source: selective prediction, El-Yaniv and Wiener (2010); area under the risk-coverage curve, Geifman et al.
(2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AbstentionTable:
    """Counts of questions: answered or refused, answerable or not."""

    answered_answerable: int
    refused_answerable: int
    answered_unanswerable: int
    refused_unanswerable: int

    @property
    def false_refusal_rate(self) -> float | None:
        """The share of answerable questions that were refused; None without any."""
        total = self.answered_answerable + self.refused_answerable
        return self.refused_answerable / total if total else None

    @property
    def correct_refusal_rate(self) -> float | None:
        """The share of unanswerable questions that were refused; None without any."""
        total = self.answered_unanswerable + self.refused_unanswerable
        return self.refused_unanswerable / total if total else None

    @property
    def balanced_accuracy(self) -> float | None:
        """Mean accuracy over both kinds of questions; None without either kind."""
        if self.false_refusal_rate is None or self.correct_refusal_rate is None:
            return None
        return ((1 - self.false_refusal_rate) + self.correct_refusal_rate) / 2


def abstention_table(abstained: Sequence[bool], unanswerable: Sequence[bool]) -> AbstentionTable:
    """Return the table over paired flags, one pair for each question."""
    pairs = list(zip(abstained, unanswerable, strict=True))
    return AbstentionTable(
        pairs.count((False, False)),
        pairs.count((True, False)),
        pairs.count((False, True)),
        pairs.count((True, True)),
    )


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The result of answering every question with at least `threshold` confidence.

    `coverage` is the share of questions answered, `risk` the share of those answered wrongly, `refused_answerable` the
    share of answerable questions refused, `answered_unanswerable` the share of unanswerable ones answered.
    """

    threshold: float
    coverage: float
    risk: float
    refused_answerable: float
    answered_unanswerable: float


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """The risk-coverage curve from the strictest threshold to the laxest.

    `area` is the mean risk over its coverages (lower is better).
    """

    points: tuple[CurvePoint, ...]
    area: float


def risk_coverage(
    confidence: Sequence[float], correct: Sequence[bool], unanswerable: Sequence[bool]
) -> RiskCoverage:
    """Return the curve over every confidence that occurs.

    Questions with the same confidence are answered together. An answer to an unanswerable question is never
    correct. No questions give no points and area 0.
    """
    ranked = sorted(zip(confidence, correct, unanswerable, strict=True), key=lambda row: -row[0])
    answerable = sum(not row[2] for row in ranked)
    hopeless = len(ranked) - answerable
    points: list[CurvePoint] = []
    area = 0.0
    wrong = answered_answerable = 0
    for count, (score, right, cannot) in enumerate(ranked, 1):
        wrong += cannot or not right
        answered_answerable += not cannot
        if count < len(ranked) and ranked[count][0] == score:
            continue
        previous = points[-1].coverage if points else 0.0
        coverage, risk = count / len(ranked), wrong / count
        area += risk * (coverage - previous)
        points.append(
            CurvePoint(
                score,
                coverage,
                risk,
                1 - answered_answerable / answerable if answerable else 0.0,
                (count - answered_answerable) / hopeless if hopeless else 0.0,
            )
        )
    return RiskCoverage(tuple(points), area)
