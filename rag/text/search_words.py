"""The words of a text as the search looks them up, by script.

Chinese, Japanese, Thai and their neighbours are written without spaces: their letters become overlapping pairs. Arabic, Cyrillic
and Greek words become their stems, Arabic ones without articles and vowel signs. The script decides, so question and notes
always get the same words, and a text in Latin letters stays as it is: FTS5 stems it.

Source: pairs as in Lucene's CJKAnalyzer; stems of Snowball.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from threading import Lock
from typing import Any

SPACELESS = re.compile(
    "[\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\U00020000-\U0003ffff]+"
)
"""A run of Chinese and Japanese signs, Thai, Lao, Burmese or Khmer."""
_STEMMED = {
    "arabic": re.compile(
        "[\u0610-\u061a\u0620-\u065f\u066e-\u06dc\u06df-\u06e8\u06ea-\u06ef\u06fa-\u06ff\u0750-\u077f]+"
    ),
    "russian": re.compile("[\u0400-\u052f]+"),
    "greek": re.compile("[\u0370-\u03ff\u1f00-\u1fff]+"),
}
"""Snowball's stemmer for each script, and a word in it."""
TOKENIZER = "porter unicode61 remove_diacritics 2"
"""FTS5's tokenizer of these words."""
_STEMMING = Lock()
"""A stemmer keeps the word that it works on, so one thread at a time uses it."""
_LONGEST_STEMMED = 64
"""Letters of the longest word that is stemmed; a longer one is no word."""


def search_words(text: str) -> str:
    """Return the text with its words as they are looked up; English stays as it is.

    It takes time in proportion to the text.
    """
    if text.isascii():
        return text
    text = SPACELESS.sub(lambda run: _pairs(run.group()), text)
    for language, word in _STEMMED.items():
        text = word.sub(lambda found, language=language: stem_of(language, found.group()), text)  # type: ignore[misc]
    return text


def _pairs(run: str) -> str:
    """Return the overlapping pairs of letters of a run, with spaces around each.

    Marks that combine with a letter are left out, because FTS5 would part the pair there.
    """
    letters = [sign for sign in run if unicodedata.category(sign) not in {"Mn", "Mc"}]
    if len(letters) < 2:
        return f" {''.join(letters)} "
    return f" {' '.join(map(str.__add__, letters, letters[1:]))} "


@lru_cache(maxsize=65536)
def stem_of(language: str, word: str) -> str:
    """Return the stem of a word by Snowball's stemmer of a language.

    The language is given by its English name.
    """
    if len(word) > _LONGEST_STEMMED:
        return word
    with _STEMMING:
        return str(_stemmer(language).stemWord(word.lower()))


@lru_cache(maxsize=16)
def _stemmer(language: str) -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer(language)
