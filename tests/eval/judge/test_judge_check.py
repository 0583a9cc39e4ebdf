"""A judge beside labels: agreement and kappa by hand, and the words for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eval.judge.judge import Judge
from eval.judge.judge_cache import JudgementCache
from eval.judge.judge_check import (
    LabelledAnswer,
    agreement,
    agreement_in_words,
    balanced_sample,
    judge_answer,
    read_labelled,
)
from rag.errors import DatasetError


def test_kappa_by_hand() -> None:
    # 20 both good, 5 good called bad, 10 bad called good, 15 both bad (Cohen's textbook table)
    labels = [True] * 25 + [False] * 25
    verdicts: list[bool | None] = [True] * 20 + [False] * 5 + [True] * 10 + [False] * 15
    result = agreement(labels, verdicts)
    observed, expected = 35 / 50, (25 / 50) * (30 / 50) + (25 / 50) * (20 / 50)
    assert result.agreement.mean == pytest.approx(observed)
    assert result.kappa == pytest.approx((observed - expected) / (1 - expected))  # 0.4
    assert (result.good_called_bad, result.bad_called_good) == (5, 10)
    assert "kappa 0.40, fair agreement" in agreement_in_words(result)


def test_what_has_no_verdict_is_not_counted_as_agreement() -> None:
    result = agreement([True, True, False], [True, None, True])
    assert (result.n, result.n_scored) == (3, 2)
    assert result.agreement.mean == 0.5


def test_a_judge_that_calls_everything_good_tells_nothing_apart() -> None:
    result = agreement([True, True, False], [True, True, True])
    assert result.kappa is None
    assert result.always_good == pytest.approx(2 / 3)
    assert "distinguishes nothing" in agreement_in_words(result)
    assert agreement_in_words(agreement([True], [None])) == "The judge gave no verdict at all."


def test_labels_of_another_file_are_joined_by_question(tmp_path: Path) -> None:
    answers, labels = tmp_path / "a.csv", tmp_path / "l.csv"
    answers.write_text('question,answer_llm,answer_orig\nq1,"one,\ntwo",ref\nq2,x,ref2\nq1,second,ref\n')
    labels.write_text("question,score\nq1,good\nq1,bad\nq2,good\n")
    assert read_labelled(answers, labels) == [
        LabelledAnswer("q1", "ref", "one,\ntwo", True),
        LabelledAnswer("q2", "ref2", "x", True),
        LabelledAnswer("q1", "ref", "second", False),
    ]


def test_bad_files_are_said(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"question": "q", "answer": "a", "reference": "r", "label": "maybe"}\n')
    with pytest.raises(DatasetError, match="row 1: the label is 'maybe'"):
        read_labelled(path)
    path.write_text('{"question": "q", "answer": "a", "label": "good"}\n')
    with pytest.raises(DatasetError, match="no column for the reference"):
        read_labelled(path)


def test_a_sample_has_as_many_bad_ones_as_it_can() -> None:
    items = [LabelledAnswer(str(i), "", "", i % 10 != 0) for i in range(100)]
    sample = balanced_sample(items, 30)
    assert (len(sample), sum(not item.good for item in sample)) == (30, 10)
    assert balanced_sample(items, 0) == items


def test_the_judge_is_asked_with_question_reference_and_answer(
    tmp_path: Path, schema_model: Callable[..., Any]
) -> None:
    model = schema_model(verdict=0)
    judge = Judge(model, JudgementCache(tmp_path / "j.sqlite"))
    assert asyncio.run(judge_answer(LabelledAnswer("Why?", "because", "so", True), judge)) is False
    assert "Question: Why?\nReference: because\nAnswer: so" in model.asked[0]
