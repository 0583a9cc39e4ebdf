"""Comparison of two runs over the same questions, with a bound for CI.

Source of the test: Smucker, Allan and Carterette (2007), "A comparison of statistical significance tests
for information retrieval evaluation": the two-sided randomisation (permutation) test on the difference of
means.

scipy's `permutation_test` gives the same p-values in 3 to 50 times the time, and importing scipy.stats
takes longer than most comparisons; it is the oracle of the tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eval.metrics.intervals import Interval, bootstrap_interval
from eval.records import Record
from rag.errors import InputError

EXACT_UP_TO = 14
"""Differing pairs up to which all 2^n sign patterns are counted instead of drawn."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric of two runs over the questions that both scored.

    `difference` is second minus first, with its bootstrap interval; `won` and `lost` are question ids, the
    largest change first.
    """

    metric: str
    first: float
    second: float
    difference: Interval
    p_value: float
    won: tuple[str, ...]
    lost: tuple[str, ...]


def compare_runs(
    first: Sequence[Record], second: Sequence[Record], *, samples: int = 10_000, seed: int = 0
) -> list[Comparison]:
    """Return a comparison for each metric that both runs scored on a common question.

    The metrics are in the order of the first run.

    Raises:
        InputError: the runs have no question in common.
    """
    others = {record.id: record for record in second}
    pairs = [(record, others[record.id]) for record in first if record.id in others]
    if not pairs:
        raise InputError("The two runs have no question in common. Compare runs over the same golden file.")
    metrics = dict.fromkeys(name for a, b in pairs for name in a.scores if name in b.scores)
    compared = [_compare(metric, pairs, samples, seed) for metric in metrics]
    return [comparison for comparison in compared if comparison is not None]


def randomisation_p(differences: Sequence[float], *, samples: int = 10_000, seed: int = 0) -> float:
    """Return the two-sided p-value of the mean difference under random signs.

    Exact for few differing pairs; otherwise (1 + number of draws as extreme) / (1 + draws). 1.0 when
    nothing differs.
    """
    changed = np.asarray([value for value in differences if value], dtype=np.float64)
    if not len(changed):
        return 1.0
    observed = abs(changed.sum()) - 1e-12
    if len(changed) <= EXACT_UP_TO:
        patterns = (np.arange(2 ** len(changed))[:, None] >> np.arange(len(changed))) & 1
        return float(np.mean(np.abs((1 - 2 * patterns) @ changed) >= observed))
    generator = np.random.default_rng(seed)
    extreme = 0
    for start in range(0, samples, 1000):
        signs = generator.integers(0, 2, (min(1000, samples - start), len(changed))) * 2 - 1
        extreme += int(np.count_nonzero(np.abs(signs @ changed) >= observed))
    return (1 + extreme) / (1 + samples)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values corrected for their number, in the same order.

    Source: Holm (1979), step-down.
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected


@dataclass(frozen=True, slots=True)
class Bound:
    """The largest change of a metric allowed against a baseline.

    A negative `change` bounds the fall, a positive one the rise.
    """

    metric: str
    change: float


def parse_bound(text: str) -> Bound:
    """Return the bound of `METRIC:CHANGE`, for example `recall@5:-0.03`.

    Raises:
        InputError: it is not of that form.
    """
    metric, _, change = text.rpartition(":")
    try:
        value = float(change)
    except ValueError:
        value = 0.0
    if not metric or not value:
        raise InputError(
            f"--fail-on {text!r} is not METRIC:CHANGE with a change other than 0, like recall@5:-0.03."
        )
    return Bound(metric, value)


def broken_bounds(bounds: Sequence[Bound], comparisons: Sequence[Comparison]) -> list[str]:
    """Return one sentence for each bound that the second run breaks.

    Raises:
        InputError: a bound names a metric that the runs do not share.
    """
    by_name: Mapping[str, Comparison] = {comparison.metric: comparison for comparison in comparisons}
    sentences = []
    for bound in bounds:
        if bound.metric not in by_name:
            raise InputError(
                f"--fail-on names {bound.metric!r}; these runs share {', '.join(by_name) or 'no metric'}."
            )
        comparison = by_name[bound.metric]
        moved = comparison.difference.mean
        if (moved < bound.change - 1e-12) if bound.change < 0 else (moved > bound.change + 1e-12):
            sentences.append(
                f"{bound.metric} went from {comparison.first:.3f} to {comparison.second:.3f} ({moved:+.3f}, "
                f"p = {comparison.p_value:.3f}); allowed is {bound.change:+.3f}."
            )
    return sentences


def _compare(
    metric: str, pairs: Sequence[tuple[Record, Record]], samples: int, seed: int
) -> Comparison | None:
    rows: list[tuple[str, float, float]] = []
    for a, b in pairs:
        before, after = a.scores.get(metric), b.scores.get(metric)
        if before is not None and after is not None:
            rows.append((a.id, before, after))
    if not rows:
        return None
    changes = [after - before for _, before, after in rows]
    changed = sorted((after - before, key) for key, before, after in rows if after != before)
    return Comparison(
        metric,
        sum(before for _, before, _ in rows) / len(rows),
        sum(after for _, _, after in rows) / len(rows),
        bootstrap_interval(changes, seed=seed),
        randomisation_p(changes, samples=samples, seed=seed),
        tuple(key for change, key in reversed(changed) if change > 0),
        tuple(key for change, key in changed if change < 0),
    )
