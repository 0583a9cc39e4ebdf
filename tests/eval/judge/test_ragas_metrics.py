"""Ragas' metrics over records with a judge whose verdicts are known: values by hand, none missing, no call out."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eval.judge.judge import Judge
from eval.judge.judge_cache import JudgementCache
from eval.records import Record

pytest.importorskip("ragas")
pytestmark = pytest.mark.slow  # importing ragas takes seconds


@pytest.fixture
def answered(make_record: Callable[..., Record]) -> Record:
    details = {
        "answer": "It falls [1]. It rises [2].",
        "abstained": False,
        "references": ["It falls."],
        "shown": 2,
        "hits": [
            {"text": "It falls.", "held": [0]},
            {"text": "Snow.", "held": []},
            {"text": "Rain.", "held": []},
        ],
        "gold": [{"text": "It falls."}],
    }
    return dataclasses.replace(make_record("a"), details=details)


def _embed(texts: Sequence[str]) -> Any:
    return np.ones((len(texts), 3), np.float32)


def _judged(records: Sequence[Record], model: Any, folder: Path) -> list[Record]:
    from eval.judge.ragas_metrics import judge_records

    return asyncio.run(judge_records(records, Judge(model, JudgementCache(folder / "j.sqlite")), _embed))


def test_all_verdicts_yes(tmp_path: Path, answered: Record, schema_model: Callable[..., Any]) -> None:
    (record,) = _judged([answered], schema_model(verdict=1), tmp_path)
    assert record.scores["faithfulness"] == 1.0
    assert record.scores["context_recall"] == 1.0
    assert record.scores["context_precision"] == pytest.approx(1.0)
    assert record.scores["factual_correctness"] == 1.0
    assert record.scores["answer_relevancy"] == 0.0  # 1 stands for noncommittal there


def test_all_verdicts_no_give_zeros_and_never_nan(
    tmp_path: Path, answered: Record, schema_model: Callable[..., Any]
) -> None:
    (record,) = _judged([answered], schema_model(verdict=0), tmp_path)
    assert (
        record.scores["faithfulness"]
        == record.scores["context_recall"]
        == record.scores["factual_correctness"]
        == 0.0
    )
    assert record.scores["context_precision"] == pytest.approx(0.0)
    assert record.scores["answer_relevancy"] == pytest.approx(1.0)  # equal vectors


def test_only_passages_that_were_shown_are_judged(
    tmp_path: Path, answered: Record, schema_model: Callable[..., Any]
) -> None:
    model = schema_model()
    _judged([answered], model, tmp_path)
    assert not any("Rain." in prompt for prompt in model.asked)
    assert any("Snow." in prompt for prompt in model.asked)


def test_refusals_and_unanswerable_questions_cost_no_call(
    tmp_path: Path, answered: Record, schema_model: Callable[..., Any]
) -> None:
    refusal = dataclasses.replace(answered, details={**answered.details, "abstained": True, "hits": []})
    unanswerable = dataclasses.replace(refusal, unanswerable=True)
    model = schema_model()
    first, second = _judged([refusal, unanswerable], model, tmp_path)
    assert first.scores["faithfulness"] is None
    assert (
        first.scores["answer_relevancy"]
        == first.scores["factual_correctness"]
        == first.scores["context_recall"]
        == 0.0
    )
    assert set(second.scores.values()) == {None}
    assert not model.asked


def test_a_judge_that_fails_leaves_none_not_nan(
    tmp_path: Path, answered: Record, schema_model: Callable[..., Any]
) -> None:
    model = schema_model()
    model.invoke = lambda *_, **__: type("Message", (), {"text": "not JSON"})()
    (record,) = _judged([answered], model, tmp_path)
    assert set(record.scores.values()) == {None}


def test_context_metrics_that_need_no_model(answered: Record) -> None:
    from eval.judge.ragas_metrics import unjudged_scores

    scores = asyncio.run(unjudged_scores(answered))
    assert scores["id_context_precision"] == pytest.approx(1 / 3)
    assert scores["id_context_recall"] == 1.0
    assert scores["text_context_precision"] == pytest.approx(1.0)
    nothing = dataclasses.replace(answered, details={**answered.details, "hits": []})
    assert set(asyncio.run(unjudged_scores(nothing)).values()) == {0.0}


def test_telemetry_is_off() -> None:
    from ragas._analytics import do_not_track

    import eval.judge.ragas_metrics  # noqa: F401

    assert do_not_track()
