"""The result object: means over what was scored, beside how many that were."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from eval.metrics.summary import breakdown, latency, metric_objects, result_object
from eval.records import Record


def test_every_mean_says_how_many_it_is_over(make_record: Callable[..., Record]) -> None:
    records = [make_record("a", recall=1.0, f1=None), make_record("b", recall=0.0, f1=None)]
    metrics = metric_objects(records)
    assert metrics["recall@5"]["mean"] == 0.5
    assert metrics["recall@5"]["n_scored"] == 2
    assert 0.0 <= metrics["recall@5"]["low"] <= 0.5 <= metrics["recall@5"]["high"] <= 1.0
    assert metrics["f1"] == {"mean": None, "low": None, "high": None, "n_scored": 0}


def test_the_contracts_keys_are_there(make_record: Callable[..., Record]) -> None:
    result = result_object([make_record("a", recall=1.0)], 2.5)
    assert list(result)[:3] == ["n", "metrics", "seconds"]
    assert (result["n"], result["seconds"]) == (1, 2.5)
    assert "abstention" not in result


def test_percentiles_of_latency(make_record: Callable[..., Record]) -> None:
    measured = latency([make_record(str(i), seconds=float(i)) for i in range(1, 101)])
    assert measured["mean"] == pytest.approx(50.5)
    assert measured["p50"] == pytest.approx(50.5)
    assert measured["p95"] == pytest.approx(95.05)
    assert latency([]) == {}


def test_groups_by_tag_and_lecture(make_record: Callable[..., Record]) -> None:
    a = dataclasses.replace(make_record("a", recall=1.0), tags=("code", "fact"), group="one.md")
    b = dataclasses.replace(make_record("b", recall=0.0), tags=("fact",), group="two.md")
    groups = breakdown([a, b])
    assert {name: group["n"] for name, group in groups["tag"].items()} == {"code": 1, "fact": 2}
    assert groups["lecture"]["two.md"]["metrics"]["recall@5"]["mean"] == 0.0


def test_groups_by_the_language_of_the_question(make_record: Callable[..., Record]) -> None:
    asked = (
        "What is aliasing and when is it heard?",
        "Was ist die Abtastrate und wie wird sie gewählt?",
        "什么是混叠？",
        "FFT?",
    )
    records = [
        dataclasses.replace(make_record(str(at), recall=float(at == 1)), question=text)
        for at, text in enumerate(asked)
    ]
    groups = breakdown(records)["language"]
    assert {name: group["n"] for name, group in groups.items()} == {"de": 1, "en": 1, "unknown": 1, "zh": 1}
    assert groups["de"]["metrics"]["recall@5"]["mean"] == 1.0


def test_refusals_and_risk(make_record: Callable[..., Record]) -> None:
    def answered(
        name: str, right: float, abstained: bool, unanswerable: bool, confidence: float | None
    ) -> Record:
        record = dataclasses.replace(make_record(name, right=right), unanswerable=unanswerable)
        return dataclasses.replace(record, details={"abstained": abstained, "confidence": confidence})

    result = result_object(
        [
            answered("a", 1.0, False, False, 0.9),
            answered("b", 1.0, True, True, None),
            answered("c", 0.0, True, False, 0.3),
        ],
        1.0,
    )
    assert result["abstention"]["refused_answerable"] == 1
    assert result["abstention"]["balanced_accuracy"] == pytest.approx((1 / 2 + 1) / 2)
    # 0.9 right, 0.3 wrong, then the unanswerable one without any confidence: risks 0, 1/2, 2/3
    assert result["risk_coverage"]["area"] == pytest.approx((0 + 1 / 2 + 2 / 3) / 3)
