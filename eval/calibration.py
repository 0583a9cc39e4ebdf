"""The gate's threshold from a golden set with unanswerable questions.

Only retrieval runs, no language model. Answering is right here when the notes contain the answer and it was
found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.golden.gold_match import Span, relevance
from eval.golden.golden_file import GoldenQuestion
from eval.metrics.abstention import CurvePoint, RiskCoverage, risk_coverage
from eval.metrics.retrieval_scores import span_of
from rag.errors import DatasetError
from rag.settings_loading import write_setting
from rag.types import Hit

NOTHING_FOUND = -1.0
"""The confidence of a question without hits: the lowest possible cosine."""


@dataclass(frozen=True, slots=True)
class Confidence:
    """The gate's confidence in one question; `found` if answering it would be right."""

    question_id: str
    score: float
    unanswerable: bool
    found: bool


@dataclass(frozen=True, slots=True)
class Calibration:
    """The curve with the chosen and the current point.

    `chosen` and `threshold` are None when no threshold reaches the target.
    """

    curve: RiskCoverage
    chosen: CurvePoint | None
    threshold: float | None
    current: CurvePoint
    answerable: int
    unanswerable: int


def question_confidence(
    question: GoldenQuestion, hits: Sequence[Hit], gold: Sequence[Span], shown: int, score: float | None
) -> Confidence:
    """Return the confidence of one question from the gate's `score` of its hits.

    `score` is None without hits. The answer counts as found when one of the `shown` best hits overlaps the
    gold.

    A question with answers but no gold spans counts as found.
    """
    found = not gold or any(relevance([span_of(hit) for hit in hits[:shown]], gold))
    return Confidence(question.id, NOTHING_FOUND if score is None else score, question.unanswerable, found)


def calibrate(
    confidences: Sequence[Confidence],
    current: float,
    *,
    max_refused: float | None = None,
    target_risk: float | None = None,
) -> Calibration:
    """Return the calibration for one target.

    The target is at most `max_refused` of the answerable questions refused, or at most `target_risk` of the
    answers wrong. For `max_refused` the strictest such threshold is chosen, for `target_risk` the one with
    the highest coverage. The threshold is half-way to the next lower confidence, so that it does not depend
    on one question's last digit.

    Raises:
        DatasetError: the golden set has no answerable or no unanswerable questions.
    """
    unanswerable = sum(c.unanswerable for c in confidences)
    if not unanswerable or unanswerable == len(confidences):
        kind = "unanswerable" if not unanswerable else "answerable"
        raise DatasetError(
            f"The golden set has no {kind} questions and the gate needs both kinds. Add some: "
            "`lectern eval golden draft --unanswerable-from OTHER.jsonl` takes them from another course."
        )
    curve = risk_coverage(
        [c.score for c in confidences], [c.found for c in confidences], [c.unanswerable for c in confidences]
    )
    if target_risk is not None:
        good = [point for point in curve.points if point.risk <= target_risk]
        chosen = max(good, key=lambda point: point.coverage, default=None)
    else:
        allowed = 0.05 if max_refused is None else max_refused
        good = [point for point in curve.points if point.refused_answerable <= allowed + 1e-12]
        chosen = max(good, key=lambda point: point.threshold, default=None)
    threshold = _between(chosen, curve) if chosen else None
    answerable = len(confidences) - unanswerable
    return Calibration(curve, chosen, threshold, _at(confidences, current), answerable, unanswerable)


def write_gate_score(path: Path, threshold: float) -> None:
    """Write `answer.gate_score` to a settings file, which is made if necessary.

    Its comments are kept.

    Raises:
        SettingsError: the file is not TOML or cannot be written.
    """
    write_setting(path, "answer.gate_score", threshold)


def _between(chosen: CurvePoint, curve: RiskCoverage) -> float:
    lower = max(
        (p.threshold for p in curve.points if p.threshold < chosen.threshold), default=chosen.threshold - 0.02
    )
    middle = (chosen.threshold + max(lower, NOTHING_FOUND)) / 2
    rounded = (round(middle, digits) for digits in (2, 3, 4, 5))
    return next((value for value in rounded if lower < value <= chosen.threshold), middle)


def _at(confidences: Sequence[Confidence], threshold: float) -> CurvePoint:
    """Return the point of the curve at one threshold."""
    answered = [c for c in confidences if c.score >= threshold]
    answerable = [c for c in confidences if not c.unanswerable]
    hopeless = len(confidences) - len(answerable)
    wrong = sum(c.unanswerable or not c.found for c in answered)
    return CurvePoint(
        threshold,
        len(answered) / len(confidences),
        wrong / len(answered) if answered else 0.0,
        sum(c.score < threshold for c in answerable) / len(answerable),
        sum(c.unanswerable for c in answered) / hopeless,
    )
