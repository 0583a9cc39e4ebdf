"""Words of a question in parts of the notes, weighed by rarity."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from rag.text.stop_words import STOP_WORDS
from rag.text.words import parts, stem, tokens

NUMERALS = {
    word: number
    for number, words in enumerate(
        (
            "zero null cero zéro", "one ein eine eins uno una un une", "two zwei dos deux", "three drei tres trois",
            "four vier cuatro quatre", "five fünf cinco cinq", "six sechs seis", "seven sieben siete sept",
            "eight acht ocho huit", "nine neun nueve neuf", "ten zehn diez dix", "eleven elf once onze",
            "twelve zwölf doce douze", "thirteen dreizehn trece treize", "fourteen vierzehn catorce quatorze",
            "fifteen fünfzehn quince quinze", "sixteen sechzehn dieciséis seize", "seventeen siebzehn diecisiete",
            "eighteen achtzehn dieciocho", "nineteen neunzehn diecinueve", "twenty zwanzig veinte vingt",
        )
    )
    for word in words.split()
} | {
    word: number
    for number, words in zip(
        range(30, 100, 10),
        (
            "thirty dreissig treinta trente", "forty vierzig cuarenta quarante", "fifty fünfzig cincuenta cinquante",
            "sixty sechzig sesenta soixante", "seventy siebzig setenta", "eighty achtzig ochenta",
            "ninety neunzig noventa",
        ),
        strict=True,
    )
    for word in words.split()
}  # fmt: skip
"""Written numbers in English, German, Spanish and French."""
_ROMAN = {"i": 1, "v": 5, "x": 10}


def number_of(word: str) -> int | None:
    """Return the number of a word: digits, written or Roman."""
    folded = word.casefold()
    if folded.isdecimal():
        return int(folded)
    if folded in NUMERALS:
        return NUMERALS[folded]
    if len(folded) > 1 and set(folded) <= set(_ROMAN) and word.isupper():
        values = [_ROMAN[letter] for letter in folded]
        return sum(-v if v < max(values[i:], default=0) else v for i, v in enumerate(values))
    return None


def written_numbers(text: str) -> list[int]:
    """Return the numbers that a text has in words, from two on.

    "One" may be an article, and "once", eleven in Spanish, is more often English.
    """
    words = (word for word in tokens(text) if not word.isdecimal() and word not in STOP_WORDS)
    return [number for word in words if (number := number_of(word)) is not None and number > 1]


def named_count(question: str) -> int | None:
    """Return the number of things that a question names in words: "which five".

    None where it names several numbers.
    """
    counts = written_numbers(question)
    return counts[0] if len(counts) == 1 else None


def stems(text: str) -> list[str]:
    """Return the stems of a text's words in order, parts of compounds as well."""
    found: list[str] = []
    for token in tokens(unicodedata.normalize("NFKC", text)):
        found.append(stem(token))
        found += [part for part in parts(token) if part != found[-1]] if not token.isalpha() else []
    return found


def asked_stems(question: str) -> list[str]:
    """Return the stems of a question's words that are no stop words, each once."""
    words = [word for at, word in enumerate(stems(question)) if at >= REQUEST_WORDS or word not in _REQUESTS]
    return list(dict.fromkeys(word for word in words if word not in STOP_WORDS and word not in _STOP_STEMS))


REQUEST_WORDS = 4
"""Words at the start of a question among which those that only ask are left out."""
_REQUESTS = frozenset(
    map(
        stem,
        """list show give tell name enumerate count short summarise summarize summary outline overview main points code
        nenne zeige liste gib fasse zusammen wie viele muestra lista dame nombra resume cuántos donne liste montre combien""".split(),
    )
)
"""Stems that ask for a form, in English, German, Spanish and French."""
_STOP_STEMS = frozenset(map(stem, STOP_WORDS))


def weights(words: Iterable[str], texts: Sequence[set[str]]) -> dict[str, float]:
    """Return the weight of each word that a text has, more for rare ones."""
    counts = Counter(word for text in texts for word in text)
    return {word: math.log(1 + len(texts) / counts[word]) for word in words if counts[word]}


def known_share(words: Sequence[str], weight: dict[str, float], texts: int) -> float:
    """Return the share in [0, 1] of a question's weight that is of known words.

    A word that none of the texts has weighs as one that a single text has.
    """
    unknown = math.log(1 + texts) * len(set(words) - set(weight))
    total = sum(weight.values())
    return total / (total + unknown) if total else 0.0


def coverage(weight: dict[str, float], text: set[str]) -> float:
    """Return the share in [0, 1] of the words' weight that a text has."""
    total = sum(weight.values())
    return sum(value for word, value in weight.items() if word in text) / total if total else 0.0
