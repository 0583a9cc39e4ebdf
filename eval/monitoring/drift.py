"""The drift of questions: a two-sample test on their vectors.

The energy distance of two samples is zero only where they have the same distribution, whatever it is. Its significance comes
from permutations of the labels, so that no distribution is assumed.

Source: Szekely and Rizzo (2013), Energy statistics: a class of statistics based on distances, Journal of Statistical Planning
and Inference 143. scipy's `permutation_test` with the same statistic is the oracle of the tests; it takes 100 times as long,
and importing scipy.stats takes seconds.
"""

from __future__ import annotations

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
_AT_ONCE = 250


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
    squares = np.square(both).sum(axis=1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares[None, :] - 2 * both @ both.T, 0.0))
    n, m = len(first), len(second)
    observed = _energy(distances, np.arange(n + m)[None, :] < n)[0]
    generator = np.random.default_rng(seed)
    extreme = 0
    for start in range(0, permutations, _AT_ONCE):
        rows = min(_AT_ONCE, permutations - start)
        chosen = generator.permuted(np.tile(np.arange(n + m) < n, (rows, 1)), axis=1)
        extreme += int(np.count_nonzero(_energy(distances, chosen) >= observed - 1e-12))
    return float(observed), (1 + extreme) / (1 + permutations)


def _energy(distances: NDArray[np.float64], is_first: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the energy distance for each row of labels, of shape (rows, n + m)."""
    labels = is_first.astype(np.float64)
    n, total = labels[0].sum(), labels.shape[1]
    m = total - n
    to_first = labels @ distances
    within_first = np.einsum("ij,ij->i", to_first, labels)
    between = to_first.sum(axis=1) - within_first
    within_second = distances.sum() - within_first - 2 * between
    result: NDArray[np.float64] = 2 * between / (n * m) - within_first / (n * n) - within_second / (m * m)
    return result
