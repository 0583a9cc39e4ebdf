"""What is highlighted is certain: offsets that hold, or one match and no second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rag.types import Answer, Chunk, Citation, Sentence
from ui.web.views.highlight import cited_span, clipped, highlights, unique_span


def test_a_verified_citation_is_drawn_where_its_offsets_say(
    make_answer: Callable[..., Answer], passage: Chunk
) -> None:
    assert highlights(make_answer(), 1, passage) == [(0, 23)]


def test_offsets_that_do_not_hold_the_quote_are_not_drawn(passage: Chunk) -> None:
    citation = Citation(1, "birds.md", "", 100, 123, "The owl hunts at night.")
    assert cited_span(citation, passage) == (0, 23)
    assert cited_span(replace(citation, start=101, end=124), passage) is None
    assert cited_span(replace(citation, document="fish.md"), passage) is None
    assert cited_span(replace(citation, start=0, end=23), passage) is None


def test_a_sentence_is_drawn_only_where_it_stands_once(passage: Chunk) -> None:
    assert unique_span(passage.text, "the  OWL *hunts*\nat night.") == (0, 23)
    assert unique_span(passage.text, "The owl sleeps by day.") is None
    assert unique_span(passage.text, "The owl eats cheese.") is None
    assert unique_span(passage.text, "owl hunts") is None, "too short to tell"


def test_an_overlapping_second_match_counts(passage: Chunk) -> None:
    assert unique_span("abcabcabcabcabc", "abcabcabcabc") is None


def test_an_unsupported_sentence_highlights_nothing(
    make_answer: Callable[..., Answer], passage: Chunk
) -> None:
    unsupported = Sentence("The owl hunts at night.", (1,), False, 0.2, "its cited passage does not hold it")
    assert highlights(make_answer(sentences=(unsupported,)), 1, passage) == []
    assert highlights(make_answer(), 2, passage) == []


@given(st.text(alphabet="ab \n*“”-—", max_size=30), st.text(alphabet="ab \n*“", min_size=12, max_size=20))
def test_a_match_reads_like_its_quote(passage: str, quote: str) -> None:
    def letters(text: str) -> str:
        return "".join(character for character in text if character in "ab")

    span = unique_span(passage, quote)
    if span is not None:
        assert letters(passage[span[0] : span[1]]) == letters(quote)


def test_clipping_counts_from_the_start_of_the_part() -> None:
    assert clipped([(0, 5), (8, 12), (20, 30)], 4, 10) == [(0, 1), (4, 6)]
