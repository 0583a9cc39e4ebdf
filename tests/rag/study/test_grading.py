"""Verdicts on answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rag.study.grading import Judge, judged
from rag.study.items import Item, ItemKind, Topic


@pytest.mark.parametrize(
    ("given", "right"),
    [("b", True), ("B)", True), ("2", True), ("drone", True), ("a", False), ("", False), ("z", False)],
)
def test_a_choice_is_named_by_letter_number_or_words(
    make_item: Callable[..., Item], given: str, right: bool
) -> None:
    assert judged(make_item(), given).right is right


@pytest.mark.parametrize(
    ("given", "right"),
    [("3.92", True), ("3,92", True), ("3.95", True), ("4.1", False), ("3.92 kHz", True), ("3920 Hz", True), ("3920", False),
     ("3.92 MHz", False), ("3.92 V", False), ("four", False)],
)  # fmt: skip
def test_a_number_may_be_in_another_unit_and_one_percent_off(
    make_item: Callable[..., Item], given: str, right: bool
) -> None:
    item = make_item(
        choices=(), kind=ItemKind.CLOZE, topic=Topic.NUMBER, answer="3.92", answers=("3.92",), unit="kHz"
    )
    verdict = judged(item, given)
    assert (verdict.right, verdict.judge) == (right, Judge.NUMBER)


@pytest.mark.parametrize(
    ("given", "right"),
    [("nyquist frequency", True), ("the Nyquist frequencies", True), ("Nyquist-frequency", True), ("Nyquist frequncy", True),
     ("Nyquist rate", False), ("", False)],
)  # fmt: skip
def test_a_term_may_be_spelt_a_little_differently(
    make_item: Callable[..., Item], given: str, right: bool
) -> None:
    item = make_item(
        choices=(), kind=ItemKind.CLOZE, answer="Nyquist frequency", answers=("Nyquist frequency",)
    )
    assert judged(item, given).right is right


def test_an_output_is_compared_without_its_spaces(make_item: Callable[..., Item]) -> None:
    item = make_item(choices=(), kind=ItemKind.CODE, topic=Topic.CODE, answer="a  1\nb  2")
    assert judged(item, "a 1 b 2").right and not judged(item, "a 1 b 3").right


def test_a_formula_is_compared_in_one_notation(make_item: Callable[..., Item]) -> None:
    item = make_item(choices=(), kind=ItemKind.SHORT, topic=Topic.FORMULA, answer=r"$\frac{V}{2^N}$")
    assert (
        judged(item, "V/2^N").right and judged(item, "x = V / 2^{N}").right and not judged(item, "V/2").right
    )


def test_free_words_are_read_by_the_scorer(make_item: Callable[..., Item], word_scorer: Any) -> None:
    item = make_item(choices=(), kind=ItemKind.SHORT, topic=Topic.WRITTEN, question="What does a queen bee lay?",
        answer="a queen lays eggs in the cells", answers=())  # fmt: skip
    right = judged(item, "the queen bee lays her eggs into cells", word_scorer)
    assert (right.right, right.judge) == (True, Judge.SCORER)
    assert not judged(item, "she sleeps", word_scorer).right
