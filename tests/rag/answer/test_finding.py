"""Follow-ups are searched completed and raw, joined by rank."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answer.finding import by_rank, find, replaced, weigh
from rag.answer.readable import Reading
from rag.answer.written_text import is_refusal, repeats_itself
from rag.prompt import ABSTENTION
from rag.types import Chunk, Hit, Locator, Role, Turn, Unit


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        (ABSTENTION, True),
        (f" {ABSTENTION} [1]", True),
        ("The notes do not say what b is.", True),
        ("", True),
        ("[1]", True),
        ("BM25 ranks.", False),
        ("The notes do not say it outright, but the lab sheet has twelve volts for it.", False),
    ],
)
def test_refusals(text: str, refusal: bool) -> None:
    assert is_refusal(text) is refusal


def test_a_loop_is_noticed_at_its_third_turn() -> None:
    assert not repeats_itself("Assessment [3]\n\nAssessment [3]\n\nAsse")
    assert repeats_itself("Assessment [3]\n\nAssessment [3]\n\nAssessment [2]\n\nAsse")
    assert not repeats_itself("")


def test_ranks_of_several_searches_add_up(make_hit: Callable[..., Hit]) -> None:
    completed = [make_hit("a", 0.5), make_hit("b", 0.3), make_hit("c", 0.2)]
    raw = [make_hit("b", 9.9), make_hit("d", 9.8)]
    merged = by_rank(completed, raw)
    assert [hit.chunk.text for hit in merged] == ["b", "a", "d", "c"]
    assert merged[0].score == pytest.approx(1 / 62 + 1 / 61)


def test_a_follow_up_is_searched_raw_too_and_the_gate_sees_the_completed_one(
    make_hit: Callable[..., Hit],
) -> None:
    found = {"Who chairs the board?": [make_hit("board")], "Who chairs it?": [make_hit("it")]}
    hits, judged = find("Who chairs it?", "Who chairs the board?", found.__getitem__)
    assert [hit.chunk.text for hit in hits] == ["board", "it"]
    assert [hit.chunk.text for hit in judged] == ["board"]
    alone, same = find("Who chairs the board?", "Who chairs the board?", found.__getitem__)
    assert alone == same == found["Who chairs the board?"]


@given(st.lists(st.lists(st.integers(0, 9), unique=True), max_size=3))
def test_no_hit_is_lost_or_twice_and_scores_fall(rankings: list[list[int]]) -> None:
    hits = [Hit(Chunk(str(i), "a.md", 0, 0, 1, str(i), Locator(Unit.LINE, 1, 1)), i / 10) for i in range(10)]
    merged = by_rank(*([hits[i] for i in ranking] for ranking in rankings))
    assert sorted(hit.chunk.id for hit in merged) == sorted({str(i) for ranking in rankings for i in ranking})
    assert [hit.score for hit in merged] == sorted((hit.score for hit in merged), reverse=True)


def test_the_first_hits_are_scored(word_scorer: Any, make_hit: Callable[..., Hit]) -> None:
    hits = [make_hit("Ships sail."), make_hit("Owls hunt."), make_hit("Owls and ships.")]
    evidence = weigh("Do owls sail?", hits, word_scorer, 2)
    assert [score.answers for score in evidence.scores] == [0.5, 0.5]
    assert (evidence.probability, len(evidence.hits)) == (0.5, 3)


def test_a_passage_about_something_else_is_no_evidence(
    word_scorer: Any, make_hit: Callable[..., Hit]
) -> None:
    hits = [
        make_hit("The CAN bus runs at 1 Mbit/s.", document="can.md"),
        make_hit("The SPI bus is fast.", document="spi.md"),
    ]
    evidence = weigh("How fast is the SPI bus?", hits, word_scorer)
    assert [score.answers > 0 for score in evidence.scores] == [False, True]
    nothing = weigh("How fast is the LIN bus?", hits, word_scorer)
    assert (nothing.probability, nothing.best_sentence) == (0.0, 0.0)


def test_a_sentence_that_repeats_the_question_counts_little(
    word_scorer: Any, make_hit: Callable[..., Hit]
) -> None:
    hits = [make_hit("How do owls hunt? Owls hunt by hearing.")]
    repeated, answer = weigh("How do owls hunt?", hits, word_scorer).scores[0].sentences
    assert (repeated.score, answer.score) == (pytest.approx(0.2), 1.0)


def test_a_sentence_about_another_number_counts_little(
    word_scorer: Any, make_hit: Callable[..., Hit]
) -> None:
    hits = [make_hit("The test of Lab 2 takes ten minutes. The test of Lab 1 takes an hour.", 0.5)]
    other, asked = (
        weigh("How many minutes does the test of Lab 1 take?", hits, word_scorer).scores[0].sentences
    )
    assert asked.score > other.score and asked.logit - other.logit > 2
    both = weigh("How many minutes does the test take?", hits, word_scorer).scores[0].sentences
    assert both[0].score > both[1].score


def test_unlikely_lines_of_code_and_of_output_are_left_out(
    word_scorer: Any, make_hit: Callable[..., Hit]
) -> None:
    text = "Owls hunt mice. Import ships. Epoch: two. What hunts is printed."
    code, printed = text.index("Import"), text.index("Epoch")
    hit = make_hit(text, 0.5)
    read = Reading(hit.chunk, ((code, printed),), ((printed, len(text)),))
    evidence = weigh("What hunts?", [hit], word_scorer, read=lambda chunk: read)
    shown = [text[one.start : one.end] for one in evidence.scores[0].sentences]
    assert shown == ["Owls hunt mice.", "What hunts is printed."]


LATE = "Can the project be handed in late?"


def test_a_follow_up_that_asks_about_something_instead_is_not_answered_with_the_other(
    word_scorer: Any, make_hit: Callable[..., Hit]
) -> None:
    hits = [make_hit("The project cannot be handed in late. Homework is taken for 48 hours.", 0.5)]
    asked = (Turn(Role.USER, LATE), Turn(Role.ASSISTANT, "No."))
    after = weigh("Can the homework be handed in late?", hits, word_scorer, history=asked).scores[0].sentences
    first = weigh("Can the homework be handed in late?", hits, word_scorer).scores[0].sentences
    assert first[0].score > first[1].score and after[1].score > after[0].score


@pytest.mark.parametrize(
    ("question", "dropped", "added"),
    [
        ("Can the homework be handed in late?", {"project"}, {"homework"}),
        ("Can the project be handed in late?", set(), set()),
        ("Who owns the cat?", set(), set()),
        ("Can the project be handed in late by two students?", set(), set()),
    ],
)
def test_a_question_replaces_words_of_the_one_before(
    question: str, dropped: set[str], added: set[str]
) -> None:
    assert replaced(LATE, question) == (dropped, added)
    assert replaced("", question) == (set(), set())
