"""Agreement of a judge with people: share of equal verdicts and Cohen's kappa.

A labelled file is CSV or JSON lines with a question, a reference answer, an answer and a label `good` or
`bad`.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from eval.judge.judge import Judge
from eval.metrics.intervals import Interval, bootstrap_interval
from rag.errors import DatasetError, ModelFailed, QuestionError
from rag.json_text import parse_json

_GOOD = frozenset({"good", "right", "correct", "relevant", "yes", "true", "1"})
_BAD = frozenset({"bad", "wrong", "incorrect", "non_relevant", "no", "false", "0"})
_COLUMNS = {
    "question": ("question",),
    "reference": ("reference", "answer_orig", "ground_truth"),
    "answer": ("answer", "answer_llm", "answer_agent", "response"),
    "label": ("label", "score", "answer_score"),
}
"""Columns in which each field may be."""


@dataclass(frozen=True, slots=True)
class LabelledAnswer:
    """An answer that was judged before; `good` is that verdict."""

    question: str
    reference: str
    answer: str
    good: bool


class Judgement(BaseModel):
    """The answer that the judge is asked for."""

    reason: str = Field(description="why the answer is good or bad, in one short sentence")
    good: int = Field(description="1 when the answer says what the reference says, else 0")


@dataclass(frozen=True, slots=True)
class JudgeAgreement:
    """Agreement of a judge with the labels.

    `kappa` is None when all labels or all verdicts are the same, so that it is undefined. `always_good` is
    the agreement of a judge that calls every answer good, which the judge has to beat.
    """

    agreement: Interval
    kappa: float | None
    always_good: float
    n: int
    n_scored: int
    good_called_good: int
    good_called_bad: int
    bad_called_good: int
    bad_called_bad: int


def read_labelled(answers: Path, labels: Path | None = None) -> list[LabelledAnswer]:
    """Return labelled answers of one file, or of a file of answers and one of labels.

    Rows of two files belong together when they have the same question, in order of appearance.

    Raises:
        DatasetError: a file is missing or malformed, a column is missing, or a label is neither good nor bad.
    """
    rows = _rows(answers)
    if labels is not None:
        rows = _joined(rows, _rows(labels), labels)
    return [_labelled(row, f"{answers}, row {number}") for number, row in enumerate(rows, 1)]


def balanced_sample(items: Sequence[LabelledAnswer], count: int) -> list[LabelledAnswer]:
    """Return up to `count` answers, half of them bad if there are so many.

    Good ones are evenly spread; all are returned when `count` is 0.
    """
    if not count or count >= len(items):
        return list(items)
    bad = [item for item in items if not item.good][: count // 2]
    good = [item for item in items if item.good]
    wanted = count - len(bad)
    picked = [good[i * len(good) // wanted] for i in range(min(wanted, len(good)))]
    return bad + picked


async def judge_answer(item: LabelledAnswer, judge: Judge) -> bool | None:
    """Return the judge's verdict on one answer, None when it gave none."""
    try:
        return bool((await judge.ask(judging_prompt(item), Judgement)).good)
    except (ModelFailed, QuestionError):
        return None


def judging_prompt(item: LabelledAnswer) -> str:
    """Return the prompt for one answer."""
    return (
        "Compare the answer with the reference. The answer is good (1) when it says what the reference says in answer to the "
        "question, in whatever words; it is bad (0) when it contradicts the reference, leaves out its point, or says it "
        "does not know. Return JSON with a short reason and good.\n\n"
        f"Question: {item.question}\nReference: {item.reference}\nAnswer: {item.answer}\nJSON: "
    )


def agreement(labels: Sequence[bool], verdicts: Sequence[bool | None]) -> JudgeAgreement:
    """Return the agreement of the verdicts with the labels.

    Only answers with a verdict count.

    Source of kappa: Cohen (1960), (p_o - p_e) / (1 - p_e).
    """
    pairs = [(label, verdict) for label, verdict in zip(labels, verdicts, strict=True) if verdict is not None]
    counts = Counter(pairs)
    n = len(pairs)
    observed = (counts[True, True] + counts[False, False]) / n if n else 0.0
    label_good = (counts[True, True] + counts[True, False]) / n if n else 0.0
    verdict_good = (counts[True, True] + counts[False, True]) / n if n else 0.0
    expected = label_good * verdict_good + (1 - label_good) * (1 - verdict_good)
    decisive = 0 < label_good < 1 and 0 < verdict_good < 1
    return JudgeAgreement(
        bootstrap_interval([float(label == verdict) for label, verdict in pairs]),
        (observed - expected) / (1 - expected) if decisive else None,
        label_good,
        len(labels),
        n,
        counts[True, True],
        counts[True, False],
        counts[False, True],
        counts[False, False],
    )


def agreement_in_words(result: JudgeAgreement) -> str:
    """Return the figures in a sentence or two.

    Source of the words for kappa: Landis and Koch (1977).
    """
    if not result.n_scored:
        return "The judge gave no verdict at all."
    mean = result.agreement.mean
    start = f"The judge agrees with the labels on {mean:.0%} of {result.n_scored} answers"
    beside = f"calling every answer good would agree on {result.always_good:.0%}"
    if result.kappa is None:
        return f"{start}; {beside}. All its verdicts, or all the labels, are the same, so it distinguishes nothing."
    word = next(word for bound, word in _KAPPA_WORDS if result.kappa < bound)
    return f"{start} (kappa {result.kappa:.2f}, {word} agreement); {beside}."


_KAPPA_WORDS = (
    (0.0, "no"),
    (0.2, "slight"),
    (0.4, "fair"),
    (0.6, "moderate"),
    (0.8, "substantial"),
    (2.0, "almost perfect"),
)


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise DatasetError(f"{path} cannot be read ({exc}). Pass a UTF-8 CSV or JSON lines file.") from exc
    if path.suffix == ".csv":
        return list(csv.DictReader(text.splitlines(keepends=True)))
    try:
        return [parse_json(line) for line in text.split("\n") if line.strip()]
    except ValueError as exc:
        raise DatasetError(f"{path} is neither .csv nor JSON lines ({exc}). Rename or correct it.") from exc


def _joined(
    answers: Iterable[dict[str, Any]], labels: Iterable[dict[str, Any]], path: Path
) -> list[dict[str, Any]]:
    waiting: dict[str, list[dict[str, Any]]] = {}
    for row in labels:
        waiting.setdefault(str(row.get("question")), []).append(row)
    joined = [
        {**row, **waiting[question].pop(0)}
        for row in answers
        if waiting.get(question := str(row.get("question")))
    ]
    if not joined:
        raise DatasetError(
            f"No question of {path} is among the answers. Pass the labels that belong to them."
        )
    return joined


def _labelled(row: dict[str, Any], place: str) -> LabelledAnswer:
    found: dict[str, str] = {}
    for name, columns in _COLUMNS.items():
        column = next((column for column in columns if row.get(column) is not None), None)
        if column is None:
            raise DatasetError(f"{place}: no column for the {name}; expected one of {', '.join(columns)}.")
        found[name] = str(row[column])
    label = found["label"].strip().lower()
    if label not in _GOOD | _BAD:
        raise DatasetError(f"{place}: the label is {found['label']!r}; expected good or bad.")
    return LabelledAnswer(found["question"], found["reference"], found["answer"], label in _GOOD)
