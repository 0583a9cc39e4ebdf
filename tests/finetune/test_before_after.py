import pytest

from finetune.before_after import overlap_measures, rouge_l, worse


def test_rouge_l_is_the_f1_of_the_longest_common_subsequence():
    assert rouge_l("the cat sat on a mat", "the cat on the mat") == pytest.approx(2 * 4 / 11)
    assert rouge_l("", "word") == 0.0


def test_placeholders_count_only_where_there_are_some():
    found = overlap_measures(["Order {{A}} is fine", "no"], ["Order {{A}} and {{B}}", "no"])
    assert found["placeholder fidelity"] == pytest.approx((2 / 3 + 1) / 2)
    assert "placeholder fidelity" not in overlap_measures(["a"], ["a"])


def test_citations_and_refusals_are_measured_where_notes_are_read():
    found = overlap_measures(["It is so [2]", "It is [1]"], ["It is so [2]", "The notes do not say."])
    assert found["citation right"] == 1.0
    assert found["abstains when it should"] == 0.0


def test_only_a_real_fall_counts_as_worse():
    base = {"perplexity": 5.0, "ROUGE-L": 0.50, "citation right": 0.80}
    tuned = {"perplexity": 6.0, "ROUGE-L": 0.495, "citation right": 0.70}
    assert worse(base, tuned) == ("perplexity", "citation right")
    assert worse({"refused_wrongly": 0.2}, {"refused_wrongly": 0.3}) == ("refused_wrongly",)
    assert worse({"groundedness": 0.9}, {}) == ()
