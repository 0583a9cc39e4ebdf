"""What may be shown: refusals are recognised, and what no passage supports is withheld."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answering import checked_answer, interleave, is_refusal, repeats_itself
from rag.prompt import ABSTENTION
from rag.types import Chunk, Hit


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        (ABSTENTION, True),
        (f" {ABSTENTION} [1]", True),
        ("The notes do not say what b is.", True),
        ("", True),
        ("[1]", True),
        ("BM25 ranks.", False),
    ],
)
def test_refusals(text: str, refusal: bool) -> None:
    assert is_refusal(text) is refusal


def test_an_answer_that_nothing_supports_is_withheld(make_chunk: Callable[..., Chunk]) -> None:
    answer = checked_answer("Pandas eat bamboo. [1]", [make_chunk("BM25 is a ranking function.")], 0.6)
    assert (answer.text, answer.abstained) == (ABSTENTION, True)
    assert answer.evidence.citations == ()


def test_a_supported_answer_passes_with_its_citation(make_chunk: Callable[..., Chunk]) -> None:
    answer = checked_answer("BM25 is a ranking function.", [make_chunk("BM25 is a ranking function.")], 0.6)
    assert (answer.text, answer.abstained) == ("BM25 is a ranking function. [1]", False)


def test_a_loop_is_noticed_at_its_third_turn() -> None:
    assert not repeats_itself("Assessment [3]\n\nAssessment [3]\n\nAsse")
    assert repeats_itself("Assessment [3]\n\nAssessment [3]\n\nAssessment [2]\n\nAsse")
    assert not repeats_itself("")


def test_interleave_keeps_the_first_list_ahead(make_hit: Callable[..., Hit]) -> None:
    a, b, c, d = (make_hit(text) for text in "abcd")
    assert [hit.chunk.text for hit in interleave([a, b, c], [c, d])] == ["a", "c", "b", "d"]


@given(st.lists(st.integers(0, 9), unique=True), st.lists(st.integers(0, 9), unique=True))
def test_interleave_loses_and_repeats_nothing(first: list[int], second: list[int]) -> None:
    from rag.types import Locator, Unit

    hits = [Hit(Chunk(str(i), "a.md", 0, 0, 1, str(i), Locator(Unit.LINE, 1, 1)), 0.0) for i in range(10)]
    merged = interleave([hits[i] for i in first], [hits[i] for i in second])
    ids = [hit.chunk.id for hit in merged]
    assert len(ids) == len(set(ids))
    assert set(ids) == {str(i) for i in (*first, *second)}
