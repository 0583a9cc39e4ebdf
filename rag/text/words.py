"""The words that carry a text's meaning: stems of content words, numbers, names.

The evidence check and the stand-alone question share them, so that both compare words in the same way.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from rag.text.stop_words import STOP_WORDS

_TOKEN = re.compile(r"[^\W_]+(?:[._'’/+#-]*[^\W_]+)*[+#]*|\w+", re.UNICODE)
_NAME = re.compile(r"(?<=[\w,;)] )([A-Z][a-z]{2,})\b")
_JOINTS = re.compile(r"[^\w]+|_")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")

_QUANTITY = re.compile(r"(?<![\w.,])(\d+(?:[.,]\d+)*)\s?(%|[^\W\d_]{1,4}(?:/[^\W\d_]{1,3})?)(?!\w)")
_FACTOR = re.compile(r"(?<![\w.,^])(\d+(?:[.,]\d+)*)\s?([^\W\d_]+)(?=[_^(])")
_VARIABLES = frozenset("αβγδεζηθικλνξπρστφχψω")
"""Greek letters that name variables: the 2πf of a formula is no quantity.

µ and Ω are units.
"""
NEGATIONS = frozenset(
    "no not never none neither nor without cannot nicht nein kein keine ohne nie nunca sin ne non pas jamais sans não".split()
)
"""Words that deny, in English, German, Spanish, French and Portuguese."""


def tokens(text: str) -> list[str]:
    """Words, numbers and identifiers of `text` in order, lower case."""
    return [_plain(match) for match in _TOKEN.finditer(text)]


def content_words(text: str) -> list[str]:
    """Return the stems of the words that carry meaning, in order, with repetitions."""
    return [word for word, _, _ in content_spans(text)]


def content_spans(text: str) -> list[tuple[str, int, int]]:
    """Return the stems of the words that carry meaning, with their start and end."""
    return [
        (stem(token), match.start(), match.end())
        for match in _TOKEN.finditer(text)
        if (token := _plain(match)) not in STOP_WORDS
        and (len(token) > 1 or not token.isascii() or token.isdigit())
    ]


def parts(word: str) -> list[str]:
    """Return the stemmed words that hyphens, slashes and other signs join into `word`.

    "anglo-saxon" has two.
    """
    return [stem(part) for part in _JOINTS.split(word) if part]


def numbers(text: str) -> set[str]:
    """Return the numbers of `text`, thousands separators removed."""
    return {match.group().replace(",", "").rstrip(".") for match in _NUMBER.finditer(text)}


def quantities(text: str) -> dict[str, set[str]]:
    """Return the numbers of `text` that a short unit follows, each with its units.

    "42 dB" and "5 %" count, "42 students" does not. A function that a number multiplies in a formula counts
    as its unit: 20 log_10(f) is no 20 dB.
    """
    found: dict[str, set[str]] = {}
    for match in _QUANTITY.finditer(text):
        if match[2].lower() not in STOP_WORDS and _VARIABLES.isdisjoint(match[2]):
            found.setdefault(match[1].replace(",", ""), set()).add(match[2])
    for match in _FACTOR.finditer(text):
        found.setdefault(match[1].replace(",", ""), set()).add(f"{match[2]}()")
    return found


def is_negated(text: str) -> bool:
    """Return whether a text denies something, in a language that notes are usually in."""
    return not NEGATIONS.isdisjoint(tokens(text)) or any(word.endswith("n't") for word in tokens(text))


def has_digit(word: str) -> bool:
    """Return whether a text has a digit: a word with one is a number or an identifier."""
    return any(character.isdigit() for character in word)


def names(text: str) -> set[str]:
    """Return the names of `text` in lower case.

    Names are words with a capital that do not open a sentence and are not stop words.
    """
    return {match.group(1).lower() for match in _NAME.finditer(text)} - STOP_WORDS


def _plain(token: re.Match[str]) -> str:
    return token.group().lower().replace("’", "'")


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """Return the English (Porter 2) stem of a plain word.

    Identifiers, with a digit or a sign in them, stay as they are.
    """
    return str(_stemmer().stemWord(word.removesuffix("'s"))) if word.replace("'", "").isalpha() else word


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer("english")
