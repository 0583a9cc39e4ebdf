"""The scores of one answer: refusals count, and nothing that cannot be scored is invented."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from eval.golden.golden_file import GoldenQuestion
from eval.metrics.answer_scores import answer_record, answer_scores
from rag.types import Answer, AnswerKind, Citation, Diagnostics, Hit, Receipt, Timings

GOLD = [("note.md", 0, 21)]
PASSAGE = "The rate is 44100 Hz. And more of it."


@pytest.fixture
def make_answer(make_hit: Callable[..., Hit]) -> Callable[..., Answer]:
    def make(
        text: str, abstained: bool = False, cited: tuple[tuple[int, int], ...] = ((0, 21),), **details: Any
    ) -> Answer:
        citations = tuple(Citation(1, "note.md", "line 1", a, b, PASSAGE[a:b]) for a, b in cited)
        receipt = Receipt(1, "e", "m", "none", "1", 0, 0.0)
        hits = (make_hit(PASSAGE),)
        return Answer(
            "q?",
            "q?",
            text,
            abstained,
            (),
            citations,
            hits,
            Timings(),
            receipt,
            details=Diagnostics(**details),
        )

    return make


def test_a_cited_right_answer(
    make_question: Callable[..., GoldenQuestion], make_answer: Callable[..., Answer]
) -> None:
    question = make_question(answer="44100 Hz")
    scores = answer_scores(question, make_answer("The rate is 44100 Hz [1]."), GOLD, lambda a, r: 0.75)
    assert scores["contains_answer"] == scores["right"] == 1.0
    assert scores["token_f1"] == pytest.approx(2 * 2 / (4 + 2))  # rate is 44100 hz against 44100 hz
    assert scores["citation_precision"] == scores["citation_recall"] == scores["groundedness"] == 1.0
    assert scores["answer_similarity"] == 0.75
    assert (scores["refused_wrongly"], scores["refused_rightly"]) == (0.0, None)
    assert scores["recall@1"] == 1.0


def test_a_wrong_refusal_scores_zero_and_does_not_vanish(
    make_question: Callable[..., GoldenQuestion], make_answer: Callable[..., Answer]
) -> None:
    refused = make_answer("The notes do not say.", abstained=True, cited=())
    scores = answer_scores(make_question(answer="44100 Hz"), refused, GOLD, lambda a, r: 0.9)
    for name in (
        "exact_match",
        "token_f1",
        "rouge_l",
        "chrf",
        "answer_similarity",
        "citation_recall",
        "right",
    ):
        assert scores[name] == 0.0, name
    assert scores["refused_wrongly"] == 1.0
    assert scores["groundedness"] is None


def test_an_unanswerable_question_is_right_when_refused(
    make_question: Callable[..., GoldenQuestion], make_answer: Callable[..., Answer]
) -> None:
    question = make_question(unanswerable=True)
    refused = answer_scores(
        question, make_answer("The notes do not say.", abstained=True, cited=()), [], None
    )
    answered = answer_scores(question, make_answer("It is blue [1]."), [], None)
    assert (refused["right_or_refused"], refused["refused_rightly"], refused["token_f1"]) == (1.0, 1.0, None)
    assert (answered["right_or_refused"], answered["refused_rightly"]) == (0.0, 0.0)
    for name in ("right", "wrong", "refused", "found", "refused_wrongly"):
        assert refused[name] is answered[name] is None  # shares of answerable questions


@pytest.mark.parametrize(
    ("kind", "text", "verdicts"),
    [
        (AnswerKind.ANSWER, "The rate is 44100 Hz [1].", (1.0, 0.0, 0.0, 1.0)),
        (AnswerKind.ANSWER, "The rate is 8000 Hz [1].", (0.0, 1.0, 0.0, 0.0)),
        (AnswerKind.EXTRACT, "The rate is 44100 Hz [1].", (0.0, 0.0, 0.0, 1.0)),
        (AnswerKind.EXTRACT, "And more of it [1].", (0.0, 0.0, 0.0, 0.0)),
        (AnswerKind.ANSWER, "so " * 118 + "44100 Hz", (1.0, 0.0, 0.0, 1.0)),
        (AnswerKind.ANSWER, "so " * 119 + "44100 Hz", (1.0, 0.0, 0.0, 0.0)),
        (AnswerKind.NONE, "The notes do not say 44100 Hz.", (0.0, 0.0, 1.0, 0.0)),
    ],
)
def test_an_extract_is_neither_right_nor_wrong_and_may_be_found(
    make_question: Callable[..., GoldenQuestion],
    make_answer: Callable[..., Answer],
    kind: AnswerKind,
    text: str,
    verdicts: tuple[float, ...],
) -> None:
    answer = replace(make_answer(text, abstained=kind is AnswerKind.NONE), kind=kind)
    scores = answer_scores(make_question(answer="44100 Hz"), answer, GOLD, None)
    assert tuple(scores[name] for name in ("right", "wrong", "refused", "found")) == verdicts
    assert scores["refused_rightly"] is None


def test_an_extract_for_an_unanswerable_question_is_a_refusal(
    make_question: Callable[..., GoldenQuestion], make_answer: Callable[..., Answer]
) -> None:
    extract = replace(make_answer("It is blue [1]."), kind=AnswerKind.EXTRACT)
    assert answer_scores(make_question(unanswerable=True), extract, [], None)["refused_rightly"] == 1.0


def test_without_a_reference_the_citation_decides(
    make_question: Callable[..., GoldenQuestion], make_answer: Callable[..., Answer]
) -> None:
    right = answer_scores(make_question(), make_answer("44100 Hz [1]."), GOLD, None)
    wrong = answer_scores(make_question(), make_answer("44100 Hz [1].", cited=((22, 37),)), GOLD, None)
    assert (right["right"], wrong["right"]) == (1.0, 0.0)
    assert right["token_f1"] is None
    assert "answer_similarity" not in right


def test_the_record_keeps_the_gates_score_and_what_was_shown(
    make_question: Callable[..., GoldenQuestion], make_answer: Callable[..., Answer]
) -> None:
    record = answer_record(
        make_question(), GOLD, lambda _: make_answer("44100 Hz [1].", shown=1, gate_score=0.4)
    )
    assert (record.details["confidence"], record.details["shown"]) == (0.4, 1)
    assert record.details["citations"][0]["quote"] == "The rate is 44100 Hz."
