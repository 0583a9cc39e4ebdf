"""From a judged answer to a golden question, for every verdict."""

from __future__ import annotations

import pytest

from eval.golden.feedback import Verdict, golden_from_answer, parse_verdict
from eval.golden.golden_file import GoldSpan
from rag.errors import InputError

ANSWER = {
    "question": "What rate?",
    "answer": "44100 Hz [1].",
    "citations": [{"n": 1, "document": "n.md", "start": 3, "end": 9, "quote": "44100"}],
}
CITED = (GoldSpan(document="n.md", start=3, end=9, text="44100"),)
GIVEN = (GoldSpan(document="m.md", start=0, end=5),)


def test_a_good_answer_is_kept_as_it_is() -> None:
    made = golden_from_answer(ANSWER, Verdict.GOOD)
    assert (made.answer, made.gold, made.tags) == ("44100 Hz [1].", CITED, ("feedback", "good"))


def test_a_wrong_answer_keeps_its_source_and_takes_the_right_words() -> None:
    made = golden_from_answer(ANSWER, Verdict.WRONG_ANSWER, right_answer="48000 Hz")
    assert (made.answer, made.gold) == ("48000 Hz", CITED)


def test_a_wrong_source_keeps_its_words_and_takes_the_right_place() -> None:
    made = golden_from_answer(ANSWER, Verdict.WRONG_SOURCE, gold=GIVEN)
    assert (made.answer, made.gold) == ("44100 Hz [1].", GIVEN)


def test_what_should_have_been_refused_is_unanswerable() -> None:
    made = golden_from_answer(ANSWER, Verdict.SHOULD_HAVE_REFUSED)
    assert (made.unanswerable, made.answer, made.gold) == (True, None, ())


def test_what_was_missing_takes_what_is_given_only() -> None:
    made = golden_from_answer(ANSWER, Verdict.MISSING, gold=GIVEN)
    assert (made.answer, made.gold) == (None, GIVEN)


@pytest.mark.parametrize("verdict", [Verdict.WRONG_ANSWER, Verdict.WRONG_SOURCE, Verdict.MISSING])
def test_what_a_person_has_to_add_is_asked_for(verdict: Verdict) -> None:
    with pytest.raises(InputError, match=r"--answer|--document"):
        golden_from_answer(ANSWER, verdict)


def test_an_answer_of_the_app_has_its_words_under_text() -> None:
    stored = {"question": "What rate?", "text": "44100 Hz [1].", "citations": ANSWER["citations"]}
    assert golden_from_answer(stored, Verdict.GOOD).answer == "44100 Hz [1]."


def test_verdicts_are_read_in_any_spelling() -> None:
    assert parse_verdict("Should-have_refused") is Verdict.SHOULD_HAVE_REFUSED
    with pytest.raises(InputError, match="known are `good`"):
        parse_verdict("meh")
