import numpy as np
import pytest

from rag.search.fusion import fused_scores, with_matches, with_word_lead


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def test_scores_add_on_their_own_scales() -> None:
    assert fused_scores(floats(0.5, 0.3), floats(10.0, 25.0), 0.02).tolist() == pytest.approx([0.7, 0.8])


def test_a_question_without_words_in_the_notes_is_ranked_by_cosine_alone() -> None:
    assert fused_scores(floats(0.5, 0.3), floats(0.0, 0.0)).tolist() == pytest.approx([0.5, 0.3])


def test_an_unknown_match_counts_as_the_worst_known() -> None:
    found = with_matches(floats(1.0, 1.0, 1.0), floats(0.4, np.nan, 0.2), 2.0)
    assert found.tolist() == pytest.approx([1.8, 1.4, 1.4])


def test_without_any_match_the_scores_stay() -> None:
    scores = floats(0.1, 0.2)
    assert with_matches(scores, floats(np.nan, np.nan)) is scores


def test_a_passage_with_twice_the_words_of_the_first_four_is_put_among_them() -> None:
    scores = floats(0.9, 0.8, 0.7, 0.6, 0.5, 0.1)
    found = with_word_lead(scores, floats(1.0, 1.0, 0.0, 2.0, 3.0, 4.0))
    assert found.tolist() == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5, 0.65])
    assert scores[5] == pytest.approx(0.1)


@pytest.mark.parametrize(
    "bm25",
    [
        (1.0, 1.0, 0.0, 2.1, 3.0, 4.0),  # the fourth has more than half
        (4.0, 1.0, 0.0, 0.0, 0.0, 3.0),  # the leader is the first
        (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    ],
)
def test_otherwise_the_scores_stay(bm25: tuple[float, ...]) -> None:
    scores = floats(0.9, 0.8, 0.7, 0.6, 0.5, 0.1)
    assert with_word_lead(scores, floats(*bm25)) is scores
