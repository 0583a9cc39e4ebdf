from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics.intervals import bootstrap_interval
from eval.metrics.ranking_metrics import (
    dcg_at_k,
    hit_at_k,
    ndcg_at_k,
    precision_at_k,
    recall_at_k,
    reciprocal_rank,
)

GAINS = [0.0, 2.0, 0.0, 1.0]


def test_the_measures_written_out() -> None:
    assert recall_at_k(GAINS, relevant=3, k=3) == pytest.approx(1 / 3)
    assert recall_at_k(GAINS, relevant=3, k=10) == pytest.approx(2 / 3)
    assert precision_at_k(GAINS, 4) == pytest.approx(2 / 4)
    assert precision_at_k(GAINS, 10) == pytest.approx(2 / 10)
    assert (hit_at_k(GAINS, 1), hit_at_k(GAINS, 2)) == (0.0, 1.0)
    assert reciprocal_rank(GAINS, 10) == pytest.approx(1 / 2)
    assert reciprocal_rank(GAINS, 1) == 0.0
    assert dcg_at_k(GAINS, 10) == pytest.approx(2 / log2(3) + 1 / log2(5))
    ideal = 2 / log2(2) + 1 / log2(3) + 1 / log2(4)
    assert ndcg_at_k(GAINS, [1.0, 2.0, 1.0], 10) == pytest.approx((2 / log2(3) + 1 / log2(5)) / ideal)


def test_nothing_found_or_nothing_relevant_scores_zero() -> None:
    for score in (
        recall_at_k([], 2, 5),
        precision_at_k([], 5),
        hit_at_k([], 5),
        reciprocal_rank([], 5),
        ndcg_at_k([], [1.0], 5),
    ):
        assert score == 0.0
    assert recall_at_k([0.0], 0, 5) == 0.0
    assert ndcg_at_k([0.0], [], 5) == 0.0


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0]), max_size=12), st.integers(1, 12))
def test_more_places_never_find_less(gains: list[float], k: int) -> None:
    relevant = sum(gain > 0 for gain in gains)
    assert recall_at_k(gains, relevant, k + 1) >= recall_at_k(gains, relevant, k)
    assert hit_at_k(gains, k + 1) >= hit_at_k(gains, k)
    assert reciprocal_rank(gains, k + 1) >= reciprocal_rank(gains, k)
    assert 0.0 <= ndcg_at_k(gains, gains, k) <= 1.0 + 1e-12
    assert ndcg_at_k(sorted(gains, reverse=True), gains, k) == pytest.approx(1.0 if relevant else 0.0)


def test_the_measures_agree_with_trec_eval_s_own_code() -> None:
    ir_measures = pytest.importorskip("ir_measures")
    from ir_measures import RR, P, R, Success, nDCG

    generator = np.random.default_rng(0)
    judged, run, expected = [], [], {}
    for query in map(str, range(40)):
        grades = {f"d{n}": int(g) for n, g in enumerate(generator.integers(0, 4, 15)) if g}
        ranking = [f"d{n}" for n in generator.permutation(30)[: int(generator.integers(1, 25))]]
        judged += [ir_measures.Qrel(query, document, grade) for document, grade in grades.items()]
        run += [ir_measures.ScoredDoc(query, document, -float(rank)) for rank, document in enumerate(ranking)]
        gains, ideal = [float(grades.get(d, 0)) for d in ranking], [float(g) for g in grades.values()]
        expected[query] = {
            nDCG @ 10: ndcg_at_k(gains, ideal, 10),
            RR @ 10: reciprocal_rank(gains, 10),
            R @ 5: recall_at_k(gains, len(ideal), 5),
            P @ 5: precision_at_k(gains, 5),
            Success @ 5: hit_at_k(gains, 5),
        }
    found = list(ir_measures.iter_calc([nDCG @ 10, RR @ 10, R @ 5, P @ 5, Success @ 5], judged, run))
    assert len(found) == 200
    for metric in found:
        assert metric.value == pytest.approx(expected[metric.query_id][metric.measure], abs=1e-6)


def test_an_interval_holds_its_mean_and_is_the_same_again() -> None:
    values = [0.0, 1.0] * 50
    first = bootstrap_interval(values, seed=3)
    assert (first.mean, first.n) == (0.5, 100)
    # The mean of 100 fair coins has standard error 0.05: 95 % lie within about 0.098.
    assert first.low == pytest.approx(0.402, abs=0.02)
    assert first.high == pytest.approx(0.598, abs=0.02)
    assert bootstrap_interval(values, seed=3) == first


def test_an_interval_of_one_value_or_none() -> None:
    one, none = bootstrap_interval([0.3]), bootstrap_interval([])
    assert (one.mean, one.low, one.high, one.n) == (0.3, 0.3, 0.3, 1)
    assert (none.mean, none.low, none.high, none.n) == (0.0, 0.0, 0.0, 0)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=40))
def test_an_interval_stays_within_the_values(values: list[float]) -> None:
    interval = bootstrap_interval(values, samples=200)
    assert min(values) - 1e-9 <= interval.low <= interval.high <= max(values) + 1e-9
