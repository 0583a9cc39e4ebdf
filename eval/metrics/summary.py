"""The result of a run: mean, interval and scored questions of each metric."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from eval.metrics.abstention import abstention_table, risk_coverage
from eval.metrics.intervals import Interval, bootstrap_interval
from eval.records import Record
from rag.text.scripts import detected_language

PERCENTILES = (50, 90, 95, 99)
UNKNOWN_LANGUAGE = "unknown"
"""The name of questions whose language is not recognised."""


def metric_intervals(records: Sequence[Record], *, samples: int = 2000, seed: int = 0) -> dict[str, Interval]:
    """Return each metric's interval over the records that it scored.

    The metrics are in the order of their first appearance.
    """
    values: dict[str, list[float]] = {}
    for record in records:
        for name, value in record.scores.items():
            scored = values.setdefault(name, [])
            if value is not None:
                scored.append(value)
    return {name: bootstrap_interval(scored, samples=samples, seed=seed) for name, scored in values.items()}


def metric_object(interval: Interval) -> dict[str, float | int | None]:
    """Return the JSON of one metric; the numbers are null when nothing was scored."""
    if not interval.n:
        return {"mean": None, "low": None, "high": None, "n_scored": 0}
    return {"mean": interval.mean, "low": interval.low, "high": interval.high, "n_scored": interval.n}


def metric_objects(records: Sequence[Record], *, samples: int = 2000, seed: int = 0) -> dict[str, Any]:
    """Return the JSON of every metric of these records."""
    intervals = metric_intervals(records, samples=samples, seed=seed)
    return {name: metric_object(interval) for name, interval in intervals.items()}


def latency(records: Sequence[Record]) -> dict[str, float]:
    """Return mean and percentiles of the seconds per question; empty without records."""
    if not records:
        return {}
    seconds = np.asarray([record.seconds for record in records])
    named = {
        f"p{p}": float(value)
        for p, value in zip(PERCENTILES, np.percentile(seconds, PERCENTILES), strict=True)
    }
    return {"mean": float(seconds.mean()), **named}


def breakdown(records: Sequence[Record], *, samples: int = 2000, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Return metrics per tag, lecture and language of the question, names sorted.

    The form is `{"tag": {name: {"n", "metrics"}}, "lecture": {...}, "language": {...}}`; languages are ISO 639-1
    codes.
    """
    tags: dict[str, list[Record]] = defaultdict(list)
    lectures: dict[str, list[Record]] = defaultdict(list)
    languages: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        for tag in record.tags:
            tags[tag].append(record)
        if record.group:
            lectures[record.group].append(record)
        languages[detected_language(record.question) or UNKNOWN_LANGUAGE].append(record)
    return {
        kind: {
            name: {"n": len(members), "metrics": metric_objects(members, samples=samples, seed=seed)}
            for name, members in sorted(groups.items())
        }
        for kind, groups in (("tag", tags), ("lecture", lectures), ("language", languages))
    }


def result_object(
    records: Sequence[Record], seconds: float, *, workers: int = 1, samples: int = 2000, seed: int = 0
) -> dict[str, Any]:
    """Return the object that `--json` prints, the contract's keys first.

    `workers` is how many questions were under way at a time, without which latencies cannot be read.
    Abstention and risk-coverage are there when the records say who abstained, and how confident retrieval was.
    """
    result: dict[str, Any] = {
        "n": len(records),
        "metrics": metric_objects(records, samples=samples, seed=seed),
        "seconds": round(seconds, 3),
        "latency_seconds": latency(records),
        "workers": workers,
        "by": breakdown(records, samples=samples, seed=seed),
    }
    answered = [record for record in records if "abstained" in record.details]
    if answered:
        result |= _abstention(answered)
    return result


def _abstention(records: Sequence[Record]) -> dict[str, Any]:
    table = abstention_table(
        [bool(record.details["abstained"]) for record in records], [record.unanswerable for record in records]
    )
    curve = risk_coverage(
        [float(record.details.get("confidence") or 0.0) for record in records],
        [bool(record.scores.get("right")) for record in records],
        [record.unanswerable for record in records],
    )
    return {
        "abstention": {
            "answered_answerable": table.answered_answerable,
            "refused_answerable": table.refused_answerable,
            "answered_unanswerable": table.answered_unanswerable,
            "refused_unanswerable": table.refused_unanswerable,
            "balanced_accuracy": table.balanced_accuracy,
        },
        "risk_coverage": {
            "area": curve.area,
            "points": [[point.threshold, point.coverage, point.risk] for point in curve.points],
        },
    }
