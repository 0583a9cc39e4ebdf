"""Gold spans: found by name, moved with their text, credited once, whatever the chunks are."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.golden.gold_match import anchor_gold, find_text, novel_gains, overlaps, relevance, resolve_document
from eval.golden.golden_file import GoldenQuestion

PATHS = ["week1/intro.md", "week2/intro.md", "week2/loss.md"]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("week1/intro.md", "week1/intro.md"),
        ("week2\\loss.md", "week2/loss.md"),
        ("loss.md", "week2/loss.md"),
        ("/course/week2/loss.md", "week2/loss.md"),
        ("intro.md", None),
        ("optimiser.md", None),
    ],
)
def test_a_name_means_one_document_or_none(name: str, path: str | None) -> None:
    assert resolve_document(name, PATHS) == path


def test_half_of_the_shorter_is_enough_and_less_is_not() -> None:
    gold = ("n.md", 100, 200)
    assert overlaps(("n.md", 50, 150), gold)  # 50 shared of 100 and 100
    assert not overlaps(("n.md", 50, 149), gold)  # 49 of 99 and 100: 49 < 49.5
    assert overlaps(("n.md", 120, 130), gold)  # a passage inside a long span
    assert overlaps(("n.md", 0, 1000), gold)  # a span inside a long passage
    assert not overlaps(("n.md", 200, 300), gold)  # half-open: they only touch
    assert not overlaps(("m.md", 100, 200), gold)


def test_a_span_is_credited_once_and_a_passage_may_hold_two() -> None:
    gold = [("n.md", 0, 10), ("n.md", 20, 30)]
    passages = [("n.md", 0, 12), ("n.md", 0, 40), ("n.md", 18, 33)]
    assert relevance(passages, gold) == [1.0, 1.0, 1.0]
    assert novel_gains(passages, gold) == [1.0, 1.0, 0.0]
    assert novel_gains([("n.md", 0, 40)], gold) == [2.0]


def test_a_span_moves_to_where_its_text_stands_now(make_question: Callable[..., GoldenQuestion]) -> None:
    question = make_question(gold=[{"document": "loss.md", "start": 0, "end": 8, "text": "the loss"}])
    anchored = anchor_gold([question], PATHS, lambda path: "A new line.\nHere the\nloss falls.")
    assert anchored.spans["q1"] == (("week2/loss.md", 17, 25),)
    assert not anchored.problems


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nothing of it", "is not in the document"),
        ("x the loss, the loss", "is 2 times in the document"),
    ],
)
def test_a_span_that_cannot_be_placed_is_reported_and_kept(
    make_question: Callable[..., GoldenQuestion], text: str, reason: str
) -> None:
    question = make_question(gold=[{"document": "loss.md", "start": 0, "end": 8, "text": "the loss"}])
    anchored = anchor_gold([question], PATHS, lambda path: text)
    assert reason in anchored.problems[0].reason
    assert anchored.spans["q1"] == (("week2/loss.md", 0, 8),)


@pytest.mark.parametrize("text", ["", "words that are not in it"])
def test_a_span_past_the_end_is_outside(make_question: Callable[..., GoldenQuestion], text: str) -> None:
    question = make_question(gold=[{"document": "loss.md", "start": 5, "end": 200_000, "text": text}])
    anchored = anchor_gold([question], PATHS, lambda path: "The loss falls.")
    assert [problem.fault for problem in anchored.outside] == ["outside"]
    assert "5-200000 reaches past the end of the document at 15" in anchored.problems[0].reason


def test_a_span_up_to_the_end_and_one_found_by_its_text_are_inside(
    make_question: Callable[..., GoldenQuestion],
) -> None:
    whole = {"document": "loss.md", "start": 0, "end": 15}
    moved = {"document": "loss.md", "start": 90, "end": 98, "text": "the loss"}
    anchored = anchor_gold([make_question(gold=[whole, moved])], PATHS, lambda path: "So the loss falls")
    assert not anchored.problems
    assert anchored.spans["q1"] == (("week2/loss.md", 0, 15), ("week2/loss.md", 3, 11))


def test_a_missing_document_is_reported_and_its_question_does_not_vanish(
    make_question: Callable[..., GoldenQuestion],
) -> None:
    anchored = anchor_gold([make_question(gold=[{"document": "intro.md", "start": 0, "end": 8}])], PATHS)
    assert "2 documents of that name (week1/intro.md, week2/intro.md)" in anchored.problems[0].reason
    assert novel_gains([("week1/intro.md", 0, 8)], anchored.spans["q1"]) == [0.0]


def test_text_is_found_whatever_its_white_space_and_signs() -> None:
    assert find_text("f(x) = a*b", "so f(x) =\n  a*b.") == [(3, 15)]
    assert find_text("  ", "anything") == []


spans = st.tuples(st.just("n.md"), st.integers(0, 50), st.integers(1, 20)).map(
    lambda s: (s[0], s[1], s[1] + s[2])
)


@settings(deadline=None)
@given(st.lists(spans, max_size=8), st.lists(spans, max_size=5))
def test_gains_never_pass_the_number_of_spans(
    passages: list[tuple[str, int, int]], gold: list[tuple[str, int, int]]
) -> None:
    assert sum(novel_gains(passages, gold)) <= len(set(gold))
    assert [gain > 0 for gain in novel_gains(passages, gold)] <= [
        value > 0 for value in relevance(passages, gold)
    ]


@settings(deadline=None)
@given(st.integers(0, 180), st.integers(1, 40), st.integers(5, 60))
def test_however_a_document_is_cut_some_chunk_holds_the_span(start: int, length: int, size: int) -> None:
    gold = ("n.md", start, start + length)
    chunks = [("n.md", at, at + size) for at in range(0, 240, size)]
    assert sum(novel_gains(chunks, [gold])) == 1
