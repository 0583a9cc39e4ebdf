"""The record of one golden question with its scores, a line of `records.jsonl`."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eval.golden.golden_file import GoldenQuestion
from rag.json_text import parse_json

Scores = dict[str, float | None]
"""Metric name to value.

None where the question cannot be scored (no reference, no gold, refused).
"""


@dataclass(frozen=True, slots=True)
class Record:
    """One question of a run.

    `group` is the lecture with the gold (the first gold document), empty without gold. `seconds` is wall
    clock. `details` is for the reader of the report: hits, answer, citations; JSON values only.
    """

    id: str
    question: str
    scores: Scores
    seconds: float
    unanswerable: bool = False
    tags: tuple[str, ...] = ()
    group: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    def with_scores(self, scores: Mapping[str, float | None]) -> Record:
        """Return this record with `scores` added to its own."""
        return dataclasses.replace(self, scores={**self.scores, **scores})


def record_of(question: GoldenQuestion, scores: Scores, seconds: float, details: dict[str, Any]) -> Record:
    """Return the record of a golden question.

    Scores that are not finite become None: they were not scored.
    """
    finite = {
        name: value if value is not None and math.isfinite(value) else None for name, value in scores.items()
    }
    group = question.gold[0].document if question.gold else ""
    return Record(
        question.id, question.question, finite, seconds, question.unanswerable, question.tags, group, details
    )


def record_line(record: Record) -> str:
    """Return the record as one line of ASCII JSON, safe for any text."""
    return json.dumps(dataclasses.asdict(record), ensure_ascii=True, allow_nan=False)


def parse_record(line: str) -> Record:
    """Return the record of a line written by `record_line`.

    Raises:
        ValueError: the line is torn or not a record.
    """
    fields = parse_json(line)
    if not isinstance(fields, dict):
        raise ValueError("not a record")
    try:
        return Record(**{**fields, "tags": tuple(fields["tags"])})
    except (TypeError, KeyError) as exc:
        raise ValueError("not a record") from exc
