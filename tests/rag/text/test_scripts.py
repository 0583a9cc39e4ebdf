"""The language of a text by its script and its function words."""

from __future__ import annotations

import pytest

from rag.text.scripts import detected_language, word_count


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("猫头鹰在夜间捕猎，它的听觉非常好。", "zh"),
        ("フクロウは夜に狩りをする鳥です。", "ja"),
        ("올빼미는 밤에 사냥한다.", "ko"),
        ("นกฮูกล่าเหยื่อในเวลากลางคืน", "th"),
        ("البومة تصطاد في الليل.", "ar"),
        ("הינשוף צד בלילה.", "he"),
        ("Die Eule jagt in der Nacht und hört sehr gut.", "de"),
        ("El búho caza por la noche y oye muy bien.", "es"),
        ("Сова охотится ночью, и она хорошо слышит.", "ru"),
        ("The owl hunts at night, and its hearing (聴覚) is very good.", "en"),
        ("", ""),
        ("12 345 🦉🦉", ""),
        ("\u200f\u200e\u202e", ""),
    ],
)
def test_the_language_of_most_letters(text: str, language: str) -> None:
    assert detected_language(text) == language


def test_a_long_text_without_spaces_is_read_at_its_beginning() -> None:
    assert detected_language("猫" * 100_000 + "the owl " * 100_000) == "zh"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Owls hunt at night.", 4),
        ("猫头鹰在夜里捕猎", 4),
        ("Die Eule 猫头鹰在夜里 jagt", 6),
        ("นกฮูกล่าเหยื่อ", 7),
        ("", 0),
    ],
)
def test_words_of_scripts_without_spaces_are_counted_by_letters(text: str, words: int) -> None:
    assert word_count(text) == words
