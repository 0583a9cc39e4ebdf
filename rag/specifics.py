"""What a question asks about by name: names, abbreviations, identifiers and numbers, and whether a text has them all.

Closeness in meaning forgives what must not be forgiven: a passage about the SPI bus stands near a question about the CAN bus, and
the row of temper T6 near one about T651.
"""

from __future__ import annotations

import re
import unicodedata

from rag.words import STOP_WORDS, names, stem

_WORD = re.compile(r"[^\W_]+(?:[._'’/+#-]*[^\W_]+)*")
_GROUPS = re.compile(r"(?<=\b\d)[ ,](?=\d{3}\b)|(?<=\b\d\d)[ ,](?=\d{3}\b)|(?<=\b\d{3})[ ,](?=\d{3}\b)")
_CAPITALS = 2
"""Capital letters of an abbreviation."""


def specifics(question: str) -> frozenset[str]:
    """The words of a question that its answer's passage has to have; abbreviations keep their capitals, names are small."""
    words = _words(question)
    cased = any(word.islower() and word not in STOP_WORDS for word in words)
    return frozenset(
        word for word in words if has_digit(word) or (cased and sum(c.isupper() for c in word) >= _CAPITALS)
    ) | (names(question) if cased else set())


def has_all(text: str, asked: frozenset[str]) -> bool:
    """Whether a text has each of these specifics: as it is written, in the plural, or with other capitals where that is no other word."""
    if not asked:
        return True
    words = _words(text)
    known = {*words, *(word.removesuffix("s") for word in words)}
    folded = {word.casefold() for word in known} | {stem(word.casefold()) for word in words}
    return all(
        word in known
        or (word.casefold() not in STOP_WORDS and bool({word.casefold(), stem(word.casefold())} & folded))
        for word in asked
    )


def has_digit(word: str) -> bool:
    """Whether a word is a number or an identifier with one."""
    return any(character.isdigit() for character in word)


def _words(text: str) -> list[str]:
    plain = _GROUPS.sub("", unicodedata.normalize("NFKC", text).replace("’", "'"))
    return [word.removesuffix("'s") for word in _WORD.findall(plain)]
