"""The words of a text by its script: pairs, stems, and English as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.search_words import search_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The owls’ café naïveté", ["The", "owls’", "café", "naïveté"]),
        ("猫头鹰", ["猫头", "头鹰"]),
        ("用Python写的猫。", ["用", "Python", "写的", "的猫", "。"]),
        ("フクロウ", ["フク", "クロ", "ロウ"]),
        ("นก", ["นก"]),
        ("กิน", ["กน"]),
        ("كتاب", ["كتاب"]),
        ("сова совы", ["сов", "сов"]),
    ],
)
def test_the_words_of_a_text(text: str, words: list[str]) -> None:
    assert search_words(text).split() == words


def test_arabic_words_are_found_with_and_without_article_and_vowel_signs() -> None:
    assert search_words("الكتاب") == search_words("كتاب") == search_words("الكِتَابُ")


@given(
    st.text(alphabet=st.characters(codec="utf-8"), max_size=80),
    st.text(alphabet="aé猫头กิ\u200f🦉بъ ", max_size=40),
)
def test_any_text_has_words_and_no_letter_is_lost_between_spaces(odd: str, mixed: str) -> None:
    for text in (odd, mixed):
        words = search_words(text)
        assert words == text or not text.isascii()
        assert search_words(f"{text} owl").split()[-1] == "owl"


def test_a_hundred_thousand_letters_without_a_space_become_as_many_words() -> None:
    # More than linear time would be minutes here, and the timeout of the tests.
    for letter, words in (("猫", 99_999), ("ก", 99_999), ("ب", 1), ("ъ", 1), ("\u200f", 1), ("🦉", 1)):
        assert len(search_words(letter * 100_000).split()) == words
