"""What may be shown: refusals are recognised, and what no passage supports is withheld."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answering import best_of, checked_answer, is_refusal, repeats_itself
from rag.prompt import ABSTENTION
from rag.types import Chunk, Hit, Locator, Unit


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


def test_the_best_score_of_several_searches_counts(make_hit: Callable[..., Hit]) -> None:
    first = [make_hit("a", 0.5), make_hit("b", 0.3)]
    second = [make_hit("b", 0.9), make_hit("c", 0.4)]
    assert [(hit.chunk.text, hit.score) for hit in best_of(first, second)] == [
        ("b", 0.9),
        ("a", 0.5),
        ("c", 0.4),
    ]


@given(st.lists(st.lists(st.integers(0, 9), unique=True), max_size=3))
def test_no_hit_is_lost_or_twice_and_scores_fall(rankings: list[list[int]]) -> None:
    hits = [Hit(Chunk(str(i), "a.md", 0, 0, 1, str(i), Locator(Unit.LINE, 1, 1)), i / 10) for i in range(10)]
    merged = best_of(*([hits[i] for i in ranking] for ranking in rankings))
    assert sorted(hit.chunk.id for hit in merged) == sorted({str(i) for ranking in rankings for i in ranking})
    assert [hit.score for hit in merged] == sorted((hit.score for hit in merged), reverse=True)
