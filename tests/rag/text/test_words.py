"""Which words carry meaning."""

import pytest

from rag.text.words import content_spans, content_words, names, numbers, quantities, tokens


def test_identifiers_numbers_and_signs_stay_whole() -> None:
    assert tokens("Set k1=1.2 in C++ via np.linalg.norm(x_1), state-of-the-art") == [
        "set", "k1", "1.2", "in", "c++", "via", "np.linalg.norm", "x_1", "state-of-the-art",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other"),
    [("policies", "policy"), ("computing", "computed"), ("filters", "filter"), ("Running", "runs")],
)
def test_forms_of_a_word_are_the_same(one: str, other: str) -> None:
    assert content_words(one) == content_words(other)


def test_how_a_thing_is_asked_carries_nothing() -> None:
    assert content_words("What is the difference between them, and why does it work?") == []
    assert content_words("Lab 2") == ["lab", "2"]


def test_thousands_separators_do_not_make_another_number() -> None:
    assert numbers("1,500 samples, 44.1 kHz, v2") == {"1500", "44.1", "2"}


def test_names_are_capitals_inside_a_sentence() -> None:
    assert names("The Nyquist rate, said Shannon. However, depending on model.2 For GPT-4") == {
        "nyquist",
        "shannon",
    }


def test_words_that_carry_meaning_are_found_where_they_stand() -> None:
    assert content_spans("The owls and C++") == [("owl", 4, 8), ("c++", 13, 16)]


def test_quantities_have_units_and_formulas_none() -> None:
    assert quantities("42 dB at 1.5 V, 10 µm, 5 % of 3 students") == {
        "42": {"dB"},
        "1.5": {"V"},
        "10": {"µm"},
        "5": {"%"},
    }
    assert quantities("20 log of 2πfσt") == {"20": {"log"}}
    assert quantities("-20 log_10 ( 2 π f ) dB") == {"20": {"log()"}}
