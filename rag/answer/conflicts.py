"""Conflicts between notes: sentences alike but for different numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations

from rag.answer.cell_output import PRINTED
from rag.answer.matching import written_numbers
from rag.text.notation import plain_notation
from rag.text.words import content_words, has_digit, numbers
from rag.types import Conflict, Sentence

ALIKE = 0.6
"""Least share of common words for two sentences to be about the same thing.

It is a share of the shorter sentence's content words. Chosen, not measured.
"""
_OF_SYMBOLS = re.compile(r"[^\W\d_]\w*[/*^_]\(?\d[\d.,]*|\d[\d.,]*[^\W\d_]+(?=[_(])")
"""A number of a symbol in a formula (f_s/2, x^2, 2f_s): it states no value."""


def conflicts_between(sentences: Sequence[Sentence]) -> tuple[Conflict, ...]:
    """Return the pairs of passages whose sentences share most words but no number.

    A sentence counts for the first passage that it cites. What a cell printed contradicts nothing.
    """
    found = {
        (one.citations[0], other.citations[0]): None
        for one, other in combinations((one for one in sentences if one.reason != PRINTED), 2)
        if one.citations and other.citations and one.citations[0] != other.citations[0]
        if _disagree(one.text, other.text)
    }
    return tuple(Conflict(pair) for pair in found)


def _disagree(one: str, other: str) -> bool:
    here, there = _values(one), _values(other)
    if not here or not there or here & there:
        return False
    words = [{word for word in content_words(text) if not has_digit(word)} for text in (one, other)]
    shorter = min(map(len, words))
    return shorter >= 2 and len(words[0] & words[1]) >= ALIKE * shorter


def _values(text: str) -> set[str]:
    """The numbers of a sentence without those of its formulas' symbols."""
    return numbers(_OF_SYMBOLS.sub(" ", plain_notation(text))) | set(map(str, written_numbers(text)))
