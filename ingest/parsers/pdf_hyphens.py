"""Hyphens at the ends of a PDF's lines: those of the word stay, others go."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_EDGES = re.compile(r"^[^\w]+|[^\w]+$")
_CAPITAL_OR_DIGIT = re.compile(r"[A-ZÀ-ÖØ-ÞΑ-ΩА-Я0-9]")
_LEAST_LETTERS = 3
"""Letters from which a part is a word of its own, if the document has it as one."""


def known_words(texts: Iterable[str]) -> Counter[str]:
    """Return the words of the lines with their counts, in small letters."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(_bare(word) for word in text.split())
    return counts


def joined_word(text: str, piece: str, known: Counter[str]) -> str:
    """Return a text that ends in a broken word, with the line that goes on with it.

    The rest of the document decides where it has the whole word, with or without its hyphen. Else the hyphen
    is the word's before a capital or a digit, after another hyphen (`state-of-the-art`), and between two
    words that the document has (`self-attention`).
    """
    head = _bare(re.split(r"\s", text[:-1])[-1])
    raw = re.split(r"\s", piece, maxsplit=1)[0]
    tail = _bare(raw)
    whole, hyphened = known[head + tail], known[f"{head}-{tail}"]
    if whole or hyphened:
        keeps = hyphened > whole
    else:
        words = min(len(head), len(tail)) >= _LEAST_LETTERS and known[head] > 0 and known[tail] > 1
        keeps = bool(_CAPITAL_OR_DIGIT.match(raw)) or "-" in head or words
    return text[:-1] + ("-" if keeps else "") + piece


def _bare(word: str) -> str:
    return _EDGES.sub("", word).casefold()
