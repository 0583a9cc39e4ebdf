"""The second reader's figures when it reads only passages near the best one.

Of a sample: the share of passages that it reads, the area under the curve of "some passage answers", and the
share of answerable questions whose best sentence answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from finetune.evidence.evaluate import Run
from finetune.evidence.figures import Calibration, Features, Floats, apply, auc, features, log_sum_exp
from finetune.evidence.packed import Packed
from rag.answer.finding import OTHER_LOGITS

MARGINS = (1.0, 2.0, 3.0, 4.0, 6.0, 30.0)
"""Logits below the scorer's best passage; with the last all are read."""


def table(
    first: tuple[Packed, Run, Calibration],
    second: tuple[Packed, Run, Calibration],
    joint: Mapping[str, Sequence[float]],
) -> str:
    """Return the figures for each of `MARGINS` as a Markdown table.

    Each reading is a part, its logits and the calibration of its network.
    """
    part = first[0]
    one, two = features(part, first[1]), features(second[0], second[1])
    lines = ["| within | read | area under curve | best sentence |", "|---|---|---|---|"]
    for margin in MARGINS:
        read = _read(part, apply(first[2].passage, one.passage), margin)
        area = auc(_question(part, one, two, read, (first[2], second[2]), joint), one.is_answerable)
        best = _best_sentence(part, one, two, read, (first[2], second[2]), joint)
        lines.append(f"| {margin:.0f} | {read.mean():.2f} | {area:.3f} | {best:.3f} |")
    return "\n".join(lines)


def _read(part: Packed, logits: Floats, margin: float) -> np.ndarray:
    """Return which passages are read again, (pairs,)."""
    best = np.maximum.reduceat(logits, part.shown.start[:-1])
    return logits >= np.repeat(best, part.shown.lengths) - margin


def _question(
    part: Packed,
    one: Features,
    two: Features,
    read: np.ndarray,
    fitted: tuple[Calibration, Calibration],
    joint: Mapping[str, Sequence[float]],
) -> Floats:
    """Return the joint logit that some passage answers, (questions,)."""
    owner = np.repeat(np.arange(len(part)), part.shown.lengths)[read]
    top = np.full(len(part), -30.0)
    np.maximum.at(top, owner, two.passage[read, 0])
    every = log_sum_exp(two.passage[read, 1], owner, len(part))
    logits = (
        apply(fitted[0].question, one.question),
        apply(fitted[1].question, np.stack([top, every], 1)),
    )
    return apply(tuple(joint["question"]), np.column_stack(logits))


def _best_sentence(
    part: Packed,
    one: Features,
    two: Features,
    read: np.ndarray,
    fitted: tuple[Calibration, Calibration],
    joint: Mapping[str, Sequence[float]],
) -> float:
    """Return the share of answerable questions whose best sentence answers."""
    alone = apply(fitted[0].sentence, one.sentence)
    both = apply(tuple(joint["sentence"]), np.column_stack([alone, apply(fitted[1].sentence, two.sentence)]))
    logits = np.where(read[one.pair_of], both, alone - OTHER_LOGITS)
    question_of = one.example_of[one.pair_of]
    order = np.lexsort((-logits, question_of))
    first = order[np.unique(question_of[order], return_index=True)[1]]
    answers = one.is_evidence[first][one.is_answerable[question_of[first]]]
    return float(answers.mean())
