"""Two runs side by side: the randomisation test by counting, who won and lost, and the bounds of a gate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.compare import Bound, broken_bounds, compare_runs, holm, parse_bound, randomisation_p
from eval.records import Record
from rag.errors import InputError


def test_the_p_value_of_few_pairs_is_counted() -> None:
    # |+-1 +-1 +-1| >= 3 in 2 of the 8 sign patterns
    assert randomisation_p([1, 1, 1]) == pytest.approx(2 / 8)
    # differences 3 and -1, sum 2: |3-1|, |-3+1|, |3+1|, |-3-1| are all >= 2
    assert randomisation_p([3, -1]) == 1.0
    assert randomisation_p([0.0, 0.0]) == 1.0
    assert randomisation_p([]) == 1.0


def test_pairs_without_a_difference_change_nothing() -> None:
    assert randomisation_p([1, 1, 1, 0, 0]) == randomisation_p([1, 1, 1])


def test_many_pairs_are_drawn_with_a_seed() -> None:
    clear = randomisation_p([0.1] * 40, samples=2000)
    assert clear == pytest.approx(1 / 2001)
    assert randomisation_p([0.1, -0.1] * 20, samples=2000) == 1.0
    mixed = [0.1] * 14 + [-0.1] * 10
    # two-sided binomial: P(|2 X - 24| >= 4), X ~ B(24, 1/2) = 0.5413
    assert randomisation_p(mixed, samples=20_000) == pytest.approx(0.5413, abs=0.015)
    assert randomisation_p(mixed, seed=1) == randomisation_p(mixed, seed=1)


@pytest.mark.parametrize("count", [6, 40])
def test_the_p_value_is_scipys(count: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    changes = np.random.default_rng(3).choice([-1.0, 1.0, 0.5], count, p=[0.3, 0.4, 0.3])
    theirs = stats.permutation_test((changes,), np.sum, permutation_type="samples", n_resamples=10_000, rng=0)
    assert randomisation_p(list(changes)) == pytest.approx(theirs.pvalue, abs=0.02)


def test_holm_steps_down() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


@settings(deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=10))
def test_p_is_a_probability_and_blind_to_direction(differences: list[float]) -> None:
    p = randomisation_p(differences)
    assert 0 < p <= 1
    assert randomisation_p([-value for value in differences]) == pytest.approx(p)


def test_only_common_scored_questions_count(make_record: Callable[..., Record]) -> None:
    first = [
        make_record("a", recall=0.0),
        make_record("b", recall=1.0),
        make_record("c", recall=None),
        make_record("x"),
    ]
    second = [make_record("b", recall=0.5), make_record("a", recall=1.0), make_record("c", recall=1.0)]
    (comparison,) = compare_runs(first, second)
    assert (comparison.metric, comparison.first, comparison.second) == ("recall@5", 0.5, 0.75)
    assert comparison.difference.mean == pytest.approx(0.25)
    assert comparison.difference.n == 2
    assert (comparison.won, comparison.lost) == (("a",), ("b",))


def test_runs_without_a_common_question_cannot_be_compared(make_record: Callable[..., Record]) -> None:
    with pytest.raises(InputError, match="no question in common"):
        compare_runs([make_record("a")], [make_record("b")])


def test_bounds_hold_falls_and_rises(make_record: Callable[..., Record]) -> None:
    compared = compare_runs(
        [make_record("a", recall=1.0, refused_wrongly=0.0)],
        [make_record("a", recall=0.97, refused_wrongly=0.2)],
    )
    assert broken_bounds([parse_bound("recall@5:-0.03")], compared) == []
    (said,) = broken_bounds([parse_bound("recall@5:-0.02"), parse_bound("refused_wrongly:+0.3")], compared)
    assert "recall@5 went from 1.000 to 0.970" in said
    assert len(broken_bounds([Bound("refused_wrongly", 0.1)], compared)) == 1
    with pytest.raises(InputError, match="these runs share recall@5, refused_wrongly"):
        broken_bounds([Bound("recall@7", -0.1)], compared)


@pytest.mark.parametrize("text", ["recall@5", "recall@5:x", ":-0.1", "recall@5:0"])
def test_a_bound_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="METRIC:CHANGE"):
        parse_bound(text)
