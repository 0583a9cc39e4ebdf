"""Word and character overlap: expected values written out, and the field's own libraries as oracles."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.metrics.text_overlap import best_over, chrf, contains, exact_match, normalized, rouge_l, token_f1


def test_normalization_is_the_one_of_squad() -> None:
    assert normalized("The  Gradient, of a Loss! [1]") == "gradient of loss"


def test_exact_match_and_containment() -> None:
    assert exact_match("The loss.", "loss") == 1.0
    assert exact_match("The losses.", "loss") == 0.0
    assert contains("It is 3.5 dB lower [2].", "3.5 dB") == 1.0
    assert contains("It is 13.5 dB.", "3.5 dB") == 0.0  # whole words only
    assert contains("anything", "the") == 0.0  # a reference that normalizes to nothing is not held


@pytest.mark.parametrize("written", ["2·10⁸ m/s", "2*10^8 m/s", "$2 \\cdot 10^{8}$ m/s", "2 × 10^8 m/s"])
def test_a_number_counts_in_every_notation(written: str) -> None:
    assert exact_match(written, "2*10^8 m/s") == 1.0
    assert contains(f"It is about {written} in copper [1].", "2·10⁸ m/s") == 1.0
    assert exact_match(written, "2*10^7 m/s") == 0.0


def test_token_f1_counts_repeated_words_once_each() -> None:
    # answer: cat cat sat (3), reference: cat sat mat (3), common: cat, sat = 2
    assert token_f1("cat cat sat", "the cat sat mat") == pytest.approx(
        2 * (2 / 3) * (2 / 3) / (2 / 3 + 2 / 3)
    )
    assert token_f1("", "cat") == 0.0
    assert token_f1("the", "a") == 1.0  # both empty after normalization


def test_rouge_l_is_the_f1_of_the_longest_common_subsequence() -> None:
    # answer: paris is the capital of france (6), reference: the capital of france is paris (6), common: the capital of france
    precision = recall = 4 / 6
    expected = 2 * precision * recall / (precision + recall)
    assert rouge_l("Paris is the capital of France.", "The capital of France is Paris.") == pytest.approx(
        expected
    )
    assert rouge_l("", "x") == 0.0


def test_chrf_by_hand() -> None:
    # "abc" against "abd": n=1 2/3 both ways, n=2 1/2, n=3 0; orders 4 to 6 are longer than both texts
    precision = recall = (2 / 3 + 1 / 2 + 0) / 3
    assert chrf("a b c", "abd") == pytest.approx(5 * precision * recall / (4 * precision + recall))
    assert chrf("abc", "xyz") == 0.0
    assert chrf("", "abc") == 0.0


def test_the_best_reference_counts() -> None:
    assert best_over(exact_match, "four", ["4", "four"]) == 1.0
    assert best_over(exact_match, "four", []) == 0.0


WORDS = st.lists(
    st.sampled_from(["the", "cat", "Sat", "η=0.01!", "don't", "x-y", "42"]), min_size=1, max_size=9
).map(" ".join)


@settings(deadline=None)
@given(WORDS, WORDS)
def test_chrf_is_sacrebleus(answer: str, reference: str) -> None:
    metrics = pytest.importorskip("sacrebleu.metrics")
    assert chrf(answer, reference) == pytest.approx(
        metrics.CHRF().sentence_score(answer, [reference]).score / 100, abs=1e-6
    )


@settings(deadline=None)
@given(WORDS, WORDS)
def test_rouge_l_is_googles(answer: str, reference: str) -> None:
    scorer = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(["rougeL"])
    assert rouge_l(answer, reference) == pytest.approx(
        scorer.score(reference, answer)["rougeL"].fmeasure, abs=1e-6
    )
