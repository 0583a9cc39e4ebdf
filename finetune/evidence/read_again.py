"""The second reader's figures when it reads only passages near the best one.

Of a sample: the share of passages that it reads, the area under the curve of "some passage answers", and the
share of answerable questions whose best sentence answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

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
    part, (_, _, by_first), (_, _, by_second) = first[0], first, second
    one, two = features(part, first[1]), features(second[0], second[1])
    passages, questions = apply(by_first.passage, one.passage), apply(by_first.question, one.question)
    alone = apply(by_first.sentence, one.sentence)
    both = _joined(joint["sentence"], alone, apply(by_second.sentence, two.sentence))
    lines = ["| within | read | area under curve | best sentence |", "|---|---|---|---|"]
    for margin in MARGINS:
        read = _read(part, passages, margin)
        again = apply(by_second.question, _question(part, two, read))
        area = auc(_joined(joint["question"], questions, again), one.is_answerable)
        best = _best_sentence(one, np.where(read[one.pair_of], both, alone - OTHER_LOGITS))
        lines.append(f"| {margin:.0f} | {read.mean():.2f} | {area:.3f} | {best:.3f} |")
    return "\n".join(lines)


def _joined(weights: Sequence[float], first: Floats, second: Floats) -> Floats:
    return apply(tuple(weights), np.column_stack([first, second]))


def _read(part: Packed, logits: Floats, margin: float) -> NDArray[np.bool_]:
    """Return which passages are read again, (pairs,)."""
    best = np.maximum.reduceat(logits, part.shown.start[:-1])
    near: NDArray[np.bool_] = logits >= np.repeat(best, part.shown.lengths) - margin
    return near


def _question(part: Packed, found: Features, read: NDArray[np.bool_]) -> Floats:
    """Return the features of questions by the passages that are read, (n, 2)."""
    owner = np.repeat(np.arange(len(part)), part.shown.lengths)[read]
    top = np.full(len(part), -30.0)
    np.maximum.at(top, owner, found.passage[read, 0])
    return np.stack([top, log_sum_exp(found.passage[read, 1], owner, len(part))], 1)


def _best_sentence(found: Features, logits: Floats) -> float:
    """Return the share of answerable questions whose best sentence answers."""
    question_of = found.example_of[found.pair_of]
    order = np.lexsort((-logits, question_of))
    best = order[np.unique(question_of[order], return_index=True)[1]]
    return float(found.is_evidence[best][found.is_answerable[question_of[best]]].mean())
