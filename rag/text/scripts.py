"""The language of a text, also of those that are recognised by their script.

Chinese, Japanese, Thai and others have no words between spaces, so their letters decide; Latin, Cyrillic and Greek texts are
recognised by their function words.
"""

from __future__ import annotations

import re
from collections import Counter

from rag.text.language import language_of
from rag.text.search_words import SPACELESS

_READ_CHARS = 3000
_LETTER = re.compile(r"[^\W\d_]")
_SCRIPTS = {
    "ja": re.compile(r"[\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f]"),
    "zh": re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"),
    "ko": re.compile(r"[\u1100-\u11ff\uac00-\ud7af]"),
    "th": re.compile(r"[\u0e01-\u0e4f]"),
    "ar": re.compile(r"[\u0620-\u064a\u066e-\u06d3\u06fa-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff]"),
    "he": re.compile(r"[\u05d0-\u05ea\ufb1d-\ufb4f]"),
    "hi": re.compile(r"[\u0900-\u097f]"),
}
_LETTERS_A_WORD = 2
"""Letters a word in scripts without spaces, about: a Chinese word has one or two."""
_KANA_SHARE = 0.1
"""Kana among the letters of Chinese signs from which a text is Japanese."""


def word_count(text: str) -> int:
    """Return about how many words a text has, in scripts without spaces by letters."""
    spaceless = sum(map(len, SPACELESS.findall(text)))
    return len(SPACELESS.sub(" ", text).split()) + round(spaceless / _LETTERS_A_WORD)


def detected_language(text: str) -> str:
    """Return the language code of most letters of a text's beginning.

    It is empty where none is known.

    Languages of one script that have no list of function words are taken for the first one: Persian counts as Arabic.
    """
    beginning = text[:_READ_CHARS]
    counts = Counter({code: len(letters.findall(beginning)) for code, letters in _SCRIPTS.items()})
    if counts["ja"] > _KANA_SHARE * counts["zh"]:
        counts["ja"] += counts.pop("zh")
    code, most = counts.most_common(1)[0]
    others = len(_LETTER.findall(beginning)) - sum(counts.values())
    return code if most and most >= others else language_of(text)
