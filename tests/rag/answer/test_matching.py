"""Weights of a question's words, and how much of a question the notes know."""

import pytest

from rag.answer.matching import coverage, known_share, weights

TEXTS = [{"chain", "graph"}, {"chain", "prompt"}]


def test_a_word_of_no_text_counts_against_the_question() -> None:
    words = ["chain", "thought", "prompt"]
    weight = weights(words, TEXTS)
    assert coverage(weight, TEXTS[1]) == pytest.approx(1.0)
    # Weights: chain log 2, prompt log 3, and the unknown word as one of a single text, log 3.
    assert known_share(words, weight, len(TEXTS)) == pytest.approx(0.6199, abs=1e-4)


def test_a_question_of_known_words_is_known() -> None:
    assert known_share(["chain", "prompt"], weights(["chain", "prompt"], TEXTS), len(TEXTS)) == 1.0
    assert known_share(["owl"], weights(["owl"], TEXTS), len(TEXTS)) == 0.0
