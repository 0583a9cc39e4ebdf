"""Refusals counted, and risk against coverage with its area, by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.metrics.abstention import CurvePoint, abstention_table, risk_coverage


def test_the_table_and_its_rates() -> None:
    table = abstention_table([False, True, False, True, True], [False, False, True, True, True])
    assert (table.answered_answerable, table.refused_answerable) == (1, 1)
    assert (table.answered_unanswerable, table.refused_unanswerable) == (1, 2)
    assert table.false_refusal_rate == pytest.approx(1 / 2)
    assert table.correct_refusal_rate == pytest.approx(2 / 3)
    assert table.balanced_accuracy == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert abstention_table([True], [True]).balanced_accuracy is None


def test_the_curve_and_its_area() -> None:
    # confidence 0.9 right, 0.8 wrong, 0.7 unanswerable, 0.6 right
    curve = risk_coverage([0.9, 0.8, 0.7, 0.6], [True, False, True, True], [False, False, True, False])
    assert curve.points == (
        CurvePoint(0.9, 1 / 4, 0 / 1, 1 - 1 / 3, 0.0),
        CurvePoint(0.8, 2 / 4, 1 / 2, 1 - 2 / 3, 0.0),
        CurvePoint(0.7, 3 / 4, 2 / 3, 1 - 2 / 3, 1.0),
        CurvePoint(0.6, 4 / 4, 2 / 4, 0.0, 1.0),
    )
    assert curve.area == pytest.approx(1 / 4 * (0 + 1 / 2 + 2 / 3 + 2 / 4))


def test_equal_confidences_are_answered_together() -> None:
    curve = risk_coverage([0.5, 0.5], [True, False], [False, False])
    assert [(point.coverage, point.risk) for point in curve.points] == [(1.0, 0.5)]
    assert risk_coverage([], [], []).points == ()


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-1, 1), st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_coverage_rises_to_one_and_refusals_fall(rows: list[tuple[float, bool, bool]]) -> None:
    curve = risk_coverage(*zip(*rows, strict=True))
    coverages = [point.coverage for point in curve.points]
    assert coverages == sorted(coverages) and coverages[-1] == 1
    refused = [point.refused_answerable for point in curve.points]
    assert refused == sorted(refused, reverse=True)
    assert 0 <= curve.area <= 1
