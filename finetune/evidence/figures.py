"""Calibration of the scorer on validation questions, and its figures on the tests.

Both are computed from logits alone. Per test: the area under the curve of "some passage answers"; the share
of questions whose best sentence is in a passage that answers; at a threshold from validation the shares
*contained* (the best sentence contains the gold answer), *note right*, *abstains* (of questions without an
answer), *wrongly abstains*; expected calibration errors of questions, passages and sentences.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from finetune.evidence.packed import Packed

Floats = NDArray[np.float64]
WRONGLY = (0.05, 0.08, 0.12)
"""Shares of validation questions with an answer that the thresholds refuse."""


class Scores(Protocol):
    """The logits of all sentences and pairs of a part."""

    @property
    def sentence(self) -> NDArray[np.float32]: ...
    @property
    def pair(self) -> NDArray[np.float32]: ...


@dataclass(frozen=True, slots=True)
class Calibration:
    """Logistic regressions: the weights of each feature, then the constant.

    `sentence` of (sentence logit, pair logit); `passage` of (pair logit, log-sum-exp of its sentence logits);
    `question` of (greatest pair logit, log-sum-exp of all sentence logits).
    """

    sentence: tuple[float, ...]
    passage: tuple[float, ...]
    question: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Features:
    """The features and truths of a part's sentences, pairs and questions."""

    sentence: Floats
    passage: Floats
    question: Floats
    is_evidence: NDArray[np.bool_]
    is_gold: NDArray[np.bool_]
    is_answerable: NDArray[np.bool_]
    pair_of: NDArray[np.int64]
    example_of: NDArray[np.int64]


def features(part: Packed, scores: Scores) -> Features:
    """Return the features and truths that the calibration is fitted to."""
    pairs = part.shown.flat.astype(np.int64)
    example_of_pair = np.repeat(np.arange(len(part)), part.shown.lengths)
    pair_of = np.repeat(np.arange(len(pairs)), part.sentences[pairs])
    z, p = scores.sentence.astype(np.float64), scores.pair.astype(np.float64)
    lse = log_sum_exp(z, pair_of, len(pairs))
    top = np.full(len(part), -30.0)
    np.maximum.at(top, example_of_pair, p)
    everything = log_sum_exp(z, example_of_pair[pair_of], len(part))
    gold = part.gold.flat.astype(bool)
    answerable = np.zeros(len(part), bool)
    np.logical_or.at(answerable, example_of_pair, gold)
    return Features(
        np.stack([z, p[pair_of]], 1),
        np.stack([p, lse], 1),
        np.stack([top, everything], 1),
        part.evidence.flat.astype(bool),
        gold,
        answerable,
        pair_of,
        example_of_pair,
    )


def log_sum_exp(values: Floats, owner: NDArray[np.int64], count: int) -> Floats:
    """Return the log-sum-exp of each owner's values; -30 of none."""
    top = np.full(count, -30.0)
    np.maximum.at(top, owner, values)
    total = np.zeros(count)
    np.add.at(total, owner, np.exp(values - top[owner]))
    return np.where(total > 0, top + np.log(np.maximum(total, 1e-300)), -30.0)


def fit(x: Floats, y: NDArray[np.bool_], steps: int = 50) -> tuple[float, ...]:
    """Return the weights and the constant of a logistic regression.

    They are found by Newton's method with a little ridge.
    """
    rows = np.column_stack([np.clip(x, -30, 30), np.ones(len(x))])
    weights = np.zeros(rows.shape[1])
    for _ in range(steps):
        chance = sigmoid(rows @ weights)
        gradient = rows.T @ (chance - y) + 1e-3 * weights
        hessian = (rows * (chance * (1 - chance))[:, None]).T @ rows + 1e-3 * np.eye(len(weights))
        step = np.linalg.solve(hessian, gradient)
        weights -= step / max(1.0, float(np.abs(step).max()))
    return tuple(float(w) for w in weights)


def calibrate(found: Features) -> Calibration:
    """Return the calibration that fits a part (validation)."""
    return Calibration(
        fit(found.sentence, found.is_evidence),
        fit(found.passage, found.is_gold),
        fit(found.question, found.is_answerable),
    )


def apply(weights: tuple[float, ...], x: Floats) -> Floats:
    """Return the calibrated logits of features."""
    logits: Floats = np.clip(x, -30, 30) @ np.array(weights[:-1]) + weights[-1]
    return logits


def sigmoid(x: Floats) -> Floats:
    """Return the logistic function."""
    chance: Floats = 0.5 * (1 + np.tanh(0.5 * x))
    return chance


def auc(score: Floats, truth: NDArray[np.bool_]) -> float:
    """Return the area under the receiver operating characteristic; ties count half."""
    good, bad = np.sort(score[truth]), np.sort(score[~truth])
    if not len(good) or not len(bad):
        return float("nan")
    below = np.searchsorted(bad, good, "left") + np.searchsorted(bad, good, "right")
    return float(below.sum() / (2 * len(good) * len(bad)))


def calibration_error(chance: Floats, truth: NDArray[np.bool_], bins: int = 10) -> float:
    """Return the expected calibration error over bins of equal width."""
    place = np.minimum((chance * bins).astype(int), bins - 1)
    gaps = [abs(float((chance[place == b] - truth[place == b]).sum())) for b in range(bins)]
    return sum(gaps) / len(chance)


def best_sentences(part: Packed, found: Features, ranking: Floats) -> NDArray[np.int64]:
    """Return each example's best sentence, -1 where it has none.

    A sentence is an index into all sentences of the part.
    """
    owner = found.example_of[found.pair_of]
    order = np.lexsort((np.arange(len(ranking)), -ranking, owner))
    best = np.full(len(part), -1, np.int64)
    best[owner[order][::-1]] = order[::-1]
    return best


def figures(
    part: Packed, scores: Scores, calibration: Calibration, thresholds: Mapping[str, float]
) -> dict[str, Any]:
    """Return the figures of a test."""
    found = features(part, scores)
    gate = apply(calibration.question, found.question)
    ranking = apply(calibration.sentence, found.sentence)
    best = best_sentences(part, found, ranking)
    answerable = found.is_answerable
    right = part.right.flat[best] & (best >= 0)
    note = found.is_gold[found.pair_of[best]] & (best >= 0)
    at = {}
    for name, threshold in thresholds.items():
        answers = gate >= threshold
        at[name] = {
            "contained": float((right & answers)[answerable].mean()),
            "note right": float((note & answers)[answerable].mean()),
            "abstains": float((~answers)[~answerable].mean()) if (~answerable).any() else float("nan"),
            "wrongly abstains": float((~answers)[answerable].mean()),
        }
    return {
        "examples": len(part),
        "auc": auc(gate, answerable),
        "top contained": float(right[answerable].mean()),
        "top note": float(note[answerable].mean()),
        "at": at,
        "ece question": calibration_error(sigmoid(gate), answerable),
        "ece passage": calibration_error(sigmoid(apply(calibration.passage, found.passage)), found.is_gold),
        "ece sentence": calibration_error(sigmoid(ranking), found.is_evidence),
    }


def thresholds_of(part: Packed, scores: Scores, calibration: Calibration) -> dict[str, float]:
    """Return the thresholds of the gate, one for each share in `WRONGLY`.

    At a threshold that share of the part's answerable questions is refused.
    """
    found = features(part, scores)
    gate = np.sort(apply(calibration.question, found.question)[found.is_answerable])
    return {f"w{round(100 * share):02}": float(gate[int(share * len(gate))]) for share in WRONGLY}


def report(parts: Mapping[str, Packed], scores: Mapping[str, Scores]) -> str:
    """Return a Markdown table of the figures of all parts, calibrated on `valid`."""
    calibration = calibrate(features(parts["valid"], scores["valid"]))
    thresholds = thresholds_of(parts["valid"], scores["valid"], calibration)
    lines = [
        f"calibration {asdict(calibration)} thresholds {thresholds}",
        "contained / note right / abstains / wrongly abstains",
        f"| test | n | AUC | top contained / note | {' | '.join(thresholds)} | ECE question, passage, sentence |",
        "|---" * (5 + len(thresholds)) + "|",
    ]
    for name, part in parts.items():
        found = figures(part, scores[name], calibration, thresholds)
        cells = [" / ".join(f"{value:.2f}" for value in found["at"][key].values()) for key in thresholds]
        errors = ", ".join(f"{found[f'ece {kind}']:.3f}" for kind in ("question", "passage", "sentence"))
        lines.append(
            f"| {name} | {found['examples']} | {found['auc']:.3f} | {found['top contained']:.2f} / "
            f"{found['top note']:.2f} | {' | '.join(cells)} | {errors} |"
        )
    return "\n".join(lines)
