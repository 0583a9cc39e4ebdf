"""The figures of a log of questions: counts, latencies, lectures, topics, drift."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.metrics.summary import PERCENTILES
from eval.monitoring.drift import Drift, Reference, drift
from eval.monitoring.topics import Topic, topics
from rag.library.question_log import LoggedQuestion

NO_PASSAGE = "(no passage)"
"""The lecture of a question for which nothing was found."""
TALK = "talk"
"""The kind of a greeting, which is about no lecture."""
_REFUSED, _EXTRACT = "none", "extract"
_NEWEST_SHARE = 5
"""The newest questions are every fifth one of the log, at most `_MOST_NEWEST`."""
_MOST_NEWEST = 100

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
VectorsOf = Callable[[Sequence[LoggedQuestion]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Counts:
    """The outcomes of some questions; `verdicts` are people's, by name."""

    questions: int
    answered: int
    extracts: int
    refused: int
    without_near_passage: int
    verdicts: dict[str, int]


@dataclass(frozen=True, slots=True)
class MonitorReport:
    """Everything about a log; `latency_seconds` is empty without a question."""

    counts: Counts
    latency_seconds: dict[str, float]
    lectures: dict[str, Counts]
    topics: tuple[Topic, ...]
    drifts: tuple[Drift, ...]
    days: tuple[tuple[str, int, int], ...]
    """Each day with its questions and those refused."""

    def as_json(self) -> dict[str, Any]:
        """Return the object that `lectern monitor --json` prints."""
        return {
            **_counts_json(self.counts),
            "latency_seconds": self.latency_seconds,
            "by": {"lecture": {name: _counts_json(counts) for name, counts in self.lectures.items()}},
            "topics_without_near_passage": [
                {"question": topic.questions[0], "count": topic.count, "questions": list(topic.questions)}
                for topic in self.topics
            ],
            "drift": [
                {
                    "against": one.against.value,
                    "questions": one.questions,
                    "reference_questions": one.reference_questions,
                    "distance": one.distance,
                    "p_value": one.p_value,
                    "drifted": one.drifted,
                    "sentence": one.sentence,
                }
                for one in self.drifts
            ],
            "days": [
                {"day": day, "questions": asked, "refused": refused} for day, asked, refused in self.days
            ],
        }


def monitor(
    asked: Sequence[LoggedQuestion],
    golden: Sequence[str],
    embed: Embed,
    vectors_of: VectorsOf | None = None,
) -> MonitorReport:
    """Return the report of a log, oldest question first, beside golden questions.

    `vectors_of` returns the vectors of logged questions, which may be kept; without it they are embedded.
    """
    asked = [one for one in asked if one.kind != TALK]
    lectures: dict[str, list[LoggedQuestion]] = {}
    for one in asked:
        lectures.setdefault(one.document or NO_PASSAGE, []).append(one)
    far = [one.question for one in asked if not one.near]
    if not asked:
        vectors = np.zeros((0, 1), np.float32)
    else:
        vectors = vectors_of(asked) if vectors_of else embed([one.question for one in asked])
    days = Counter(one.asked_at[:10] for one in asked)
    refused = Counter(one.asked_at[:10] for one in asked if one.kind == _REFUSED)
    return MonitorReport(
        counts(asked),
        _latency([one.seconds for one in asked]),
        {name: counts(members) for name, members in sorted(lectures.items())},
        tuple(topics(far, vectors[[not one.near for one in asked]])) if far else (),
        tuple(_drifts(vectors, golden, embed)),
        tuple((day, number, refused[day]) for day, number in sorted(days.items())),
    )


def counts(asked: Sequence[LoggedQuestion]) -> Counts:
    """Return the outcomes of questions."""
    kinds = Counter(one.kind for one in asked)
    return Counts(
        questions=len(asked),
        answered=len(asked) - kinds[_REFUSED] - kinds[_EXTRACT],
        extracts=kinds[_EXTRACT],
        refused=kinds[_REFUSED],
        without_near_passage=sum(not one.near for one in asked),
        verdicts=dict(sorted(Counter(one.verdict for one in asked if one.verdict).items())),
    )


def newest(total: int) -> int:
    """Return how many of the questions of a log count as the newest."""
    return min(_MOST_NEWEST, total // _NEWEST_SHARE)


def _drifts(vectors: NDArray[np.float32], golden: Sequence[str], embed: Embed) -> list[Drift]:
    split = len(vectors) - newest(len(vectors))
    found = [drift(vectors[split:], vectors[:split], Reference.EARLIER)]
    if golden:
        found.append(drift(vectors[split:], embed(golden), Reference.GOLDEN))
    return found


def _latency(seconds: Sequence[float]) -> dict[str, float]:
    if not seconds:
        return {}
    values = np.percentile(np.asarray(seconds), PERCENTILES)
    named = {f"p{p}": float(value) for p, value in zip(PERCENTILES, values, strict=True)}
    return {"mean": float(np.mean(seconds)), **named}


def _counts_json(found: Counts) -> dict[str, Any]:
    return {
        "questions": found.questions,
        "answered": found.answered,
        "extracts": found.extracts,
        "refused": found.refused,
        "without_near_passage": found.without_near_passage,
        "verdicts": found.verdicts,
    }
