"""Bootstrap intervals: the same figures as scipy's."""

from __future__ import annotations

import numpy as np
import pytest

from eval.metrics.intervals import Interval, bootstrap_interval


@pytest.mark.parametrize("count", [10, 40, 300])
def test_an_interval_is_scipys(count: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    values = (np.random.default_rng(count).random(count) < 0.6).astype(float)
    ours = bootstrap_interval(values.tolist())
    theirs = stats.bootstrap((values,), np.mean, n_resamples=2000, method="percentile", rng=0)
    assert ours.mean == values.mean()
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.005)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.005)


def test_one_value_or_none_has_no_width() -> None:
    assert bootstrap_interval([0.7]) == Interval(0.7, 0.7, 0.7, 1)
    assert bootstrap_interval([]) == Interval(0.0, 0.0, 0.0, 0)
