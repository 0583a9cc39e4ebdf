"""Which words of a text carry its meaning: content words (stemmed), numbers and identifiers.

Shared by the evidence check and the stand-alone question, so that "holds the same words" means one thing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

_TOKEN = re.compile(r"[^\W_]+(?:[._'’/+#-]*[^\W_]+)*[+#]*|\w+", re.UNICODE)
_NAME = re.compile(r"(?<=[\w,;)] )([A-Z][a-z]{2,})\b")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")

STOP_WORDS = frozenset(
    """a about above after again against all also am an and any are as at be because been before being below between both
    but by can could did do does doing down during each either else ever few for from further get give given had has have
    having he her here hers him his how however i if in into is it its itself just let like made make many may me might
    more most much must my no nor not of off on once one only or other our out over own per same say says she should so
    some such tell than that the their theirs them then there these they this those through to too under until up upon us
    use used uses using very was we were what when where which while who whom whose why will with within without would
    yes yet you your explain describe please note notes according mean means called define definition kind kinds type
    difference work works happen happens say said""".split()
)
"""Words that say how something is asked, not what about."""


def tokens(text: str) -> list[str]:
    """Words, numbers and identifiers of `text` in order, lower case."""
    return [_plain(match) for match in _TOKEN.finditer(text)]


def content_words(text: str) -> list[str]:
    """The stems of the words that carry meaning, in order, with repetitions."""
    return [word for word, _, _ in content_spans(text)]


def content_spans(text: str) -> list[tuple[str, int, int]]:
    """The stems of the words that carry meaning, in order, each with where it starts and ends."""
    return [
        (stem(token), match.start(), match.end())
        for match in _TOKEN.finditer(text)
        if (token := _plain(match)) not in STOP_WORDS
        and (len(token) > 1 or not token.isascii() or token.isdigit())
    ]


def numbers(text: str) -> set[str]:
    """The numbers of `text`, thousands separators removed."""
    return {match.group().replace(",", "").rstrip(".") for match in _NUMBER.finditer(text)}


def has_digit(word: str) -> bool:
    """Whether a text has a digit: a word with one is a number or an identifier."""
    return any(character.isdigit() for character in word)


def names(text: str) -> set[str]:
    """The names of `text` in lower case: words with a capital that do not open a sentence and are not stop words."""
    return {match.group(1).lower() for match in _NAME.finditer(text)} - STOP_WORDS


def _plain(token: re.Match[str]) -> str:
    return token.group().lower().replace("’", "'")


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """The English (Porter 2) stem of a plain word; identifiers, with a digit or a sign in them, stay as they are."""
    return str(_stemmer().stemWord(word.removesuffix("'s"))) if word.replace("'", "").isalpha() else word


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer("english")
