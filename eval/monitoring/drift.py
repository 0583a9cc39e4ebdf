"""The drift of questions: a two-sample test on their vectors.

The energy distance of two samples is zero only where they have the same distribution, whatever it is. Its significance comes
from permutations of the labels, so that no distribution is assumed.

Source: Szekely and Rizzo (2013), Energy statistics: a class of statistics based on distances, Journal of Statistical Planning
and Inference 143. scipy's `permutation_test` with the same statistic is the oracle of the tests; it takes 100 times as long,
and importing scipy.stats takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

DRIFT_P = 0.01
"""Chance below which a difference counts as drift.

On an unchanged log one look in a hundred is wrong.
"""
LEAST_QUESTIONS = 20
"""Questions that each sample must have, below which nothing can be concluded."""
PERMUTATIONS = 1999
_AT_ONCE = 500


class Reference(StrEnum):
    """The questions that the newest ones are compared with."""

    GOLDEN = "golden"
    EARLIER = "earlier"


@dataclass(frozen=True, slots=True)
class Drift:
    """The comparison of the newest questions with others.

    `distance` is the energy distance of the unit vectors, `p_value` the chance of one at least as large where nothing
    changed; both are None where there are too few questions.
    """

    against: Reference
    questions: int
    reference_questions: int
    distance: float | None
    p_value: float | None

    @property
    def drifted(self) -> bool:
        """True if the difference is hardly chance."""
        return self.p_value is not None and self.p_value < DRIFT_P

    @property
    def sentence(self) -> str:
        """The result in words."""
        others = "golden questions" if self.against is Reference.GOLDEN else "questions before them"
        pair = f"The last {self.questions} questions and the {self.reference_questions} {others}"
        if self.p_value is None:
            return f"{pair} are too few to compare; each side needs {LEAST_QUESTIONS}. Look again when more were asked."
        chance = f"p = {self.p_value:.4f}" if self.p_value >= 0.0005 else "p < 0.0005"
        if not self.drifted:
            return f"{pair} are about the same things, as far as can be seen ({chance})."
        follow = (
            "Measurements on the golden set no longer show how these questions are answered: add some of them to it."
            if self.against is Reference.GOLDEN
            else "Look at the newest questions: a new topic may need notes, and golden questions of its own."
        )
        return f"{pair} are about different things ({chance}). {follow}"


def drift(
    newest: NDArray[np.float32], reference: NDArray[np.float32], against: Reference, seed: int = 0
) -> Drift:
    """Return the drift of the newest questions from others.

    Both are unit vectors of shape (n, dim).
    """
    if min(len(newest), len(reference)) < LEAST_QUESTIONS:
        return Drift(against, len(newest), len(reference), None, None)
    distance, p_value = energy_test(newest, reference, seed=seed)
    return Drift(against, len(newest), len(reference), distance, p_value)


def energy_test(
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the energy distance of two samples of vectors, and its p-value.

    The p-value is (1 + permutations with a distance at least as large) / (1 + permutations). The means are over all pairs,
    a vector with itself included (the V-statistic), so that the distance is never negative.
    """
    both = np.concatenate([first, second]).astype(np.float64)
    distances = np.concatenate([_distances(rows, both) for rows in _blocks(both)])
    n, total = len(first), len(both)
    to_all = distances.sum(axis=1, dtype=np.float64)
    observed = _energy(distances, to_all, np.arange(n))
    generator = np.random.default_rng(seed)
    chosen = (generator.choice(total, n, replace=False, shuffle=False) for _ in range(permutations))
    extreme = sum(_energy(distances, to_all, one) >= observed - 1e-12 for one in chosen)
    return observed, (1 + extreme) / (1 + permutations)


def _blocks(vectors: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """Yield the vectors some at a time, to save memory."""
    for start in range(0, len(vectors), _AT_ONCE):
        yield vectors[start : start + _AT_ONCE]


def _distances(some: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the Euclidean distances, of shape (some, others)."""
    squares = some @ others.T
    squares *= -2
    squares += np.square(some).sum(axis=1)[:, None] + np.square(others).sum(axis=1)
    return np.sqrt(np.maximum(squares, 0.0, out=squares), out=squares).astype(np.float32)


def _energy(distances: NDArray[np.float32], to_all: NDArray[np.float64], first: NDArray[np.intp]) -> float:
    """Return the energy distance of the vectors at `first` from the others.

    `to_all` has the sum of each vector's distances, so that only those within `first` are looked up.
    """
    n, m = len(first), len(to_all) - len(first)
    within_first = float(distances[np.ix_(first, first)].sum(dtype=np.float64))
    between = float(to_all[first].sum()) - within_first
    within_second = float(to_all.sum()) - within_first - 2 * between
    return 2 * between / (n * m) - within_first / (n * n) - within_second / (m * m)
