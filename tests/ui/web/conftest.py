"""Answers and exchanges that can be read off: every offset is counted from the strings in here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rag.types import Answer, Chunk, Citation, Hit, Receipt, Sentence, Timings, Why
from ui.web.conversation import Exchange, ExchangeOutcome

RECEIPT = Receipt(3, "MiniLM", "SmolLM2", "default", "1", 0, 0.0)


@pytest.fixture
def passage(make_chunk: Callable[..., Chunk]) -> Chunk:
    """A passage that stands at character 100 of its document."""
    text = "The owl hunts at night. The owl sleeps by day. The owl sleeps by day."
    return make_chunk(text, document="birds.md", start=100, title="Birds", headings=("Owls",))


@pytest.fixture
def make_answer(passage: Chunk) -> Callable[..., Answer]:
    """An answer of one supported sentence that cites the passage as [1]."""

    def make(text: str = "The owl hunts at night. [1]", **changes: Any) -> Answer:
        sentence = Sentence("The owl hunts at night.", (1,), True, 1.0, "its cited passage holds it")
        citation = Citation(1, "birds.md", "birds.md › lines 1-1", 100, 123, "The owl hunts at night.")
        hit = Hit(passage, 0.714, Why(1, 0.62, 3, 4.0, 1, matched_terms=("owl", "hunts")))
        timings = Timings(0.05, 0.84, 2.31, 612, 40)
        question = "When does the owl hunt?"
        answer = Answer(question, question, text, False, (sentence,), (citation,), (hit,), timings, RECEIPT)
        return replace(answer, **changes)

    return make


@pytest.fixture
def make_exchange(make_answer: Callable[..., Answer]) -> Callable[..., Exchange]:
    """A finished exchange about the owl, or one with other fields."""

    def make(given: Answer | None = None, **changes: Any) -> Exchange:
        answer = given or make_answer()
        exchange = Exchange(
            "e1",
            answer.question,
            "2026-11-22T04:00:00+00:00",
            ExchangeOutcome.ANSWERED,
            answer.standalone_question,
            answer.hits,
            len(answer.hits),
            612,
            2048,
            answer.text,
            answer,
        )
        return replace(exchange, **changes)

    return make
