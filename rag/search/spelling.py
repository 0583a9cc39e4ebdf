"""Misspelt words of a question, repaired from the words of the library."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from rag.search.known_words import is_known
from rag.search.lexical import LexicalIndex
from rag.search.vocabulary import MOST_PASSAGES, WORD, passage_counts
from rag.text.language import FUNCTION_WORDS, OTHER, language_of

SHORTEST = 4
"""Letters of the shortest word that is repaired; shorter ones are too similar."""
TWO_ERRORS = 8
"""Letters from which two errors are repaired.

A shorter word with two errors is as likely another word.
"""
LEAST_PASSAGES = 2
"""Passages that must have the repaired word: one alone may be misspelt itself."""
LEAST_FUNCTION_WORDS = 5
"""Function words of a language that notes in it have. Chosen, not measured."""


@dataclass(frozen=True, slots=True)
class Repaired:
    """The question with its words repaired, and what was put for what, in order."""

    question: str
    replaced: tuple[tuple[str, str], ...] = ()


class Speller:
    """Spelling by the library's own vocabulary, so that it knows the course's terms.

    Safe to share between threads. A word is repaired only if no passage has it, it is not known elsewhere
    (`is_known` of a lower-case word), and another of the library is one error away (two for long words): a
    letter more, less, other or swapped, never the first one. Without the second condition "lots" became
    "loss", "safe" "same" and "built" "build" on the example course.
    """

    def __init__(self, index: LexicalIndex, is_known: Callable[[str], bool] = is_known) -> None:
        self._index = index
        self._is_known = is_known
        self._generation = -1
        self._vocabulary: dict[str, list[tuple[str, int]]] = {}

    def repaired(self, question: str) -> Repaired:
        """Return the question with misspelt words replaced by the library's nearest."""
        if not self._has_language(language_of(question)):
            return Repaired(question)
        absent = {term.word for term in self._index.terms(question) if not term.passages}
        unknown = {word for word in absent if not self._is_known(word)}
        replaced: list[tuple[str, str]] = []

        def repair(match: re.Match[str]) -> str:
            word = match.group()
            right = self._nearest(word.lower()) if word.lower() in unknown and not word.isupper() else None
            if right is None:
                return word
            right = right.capitalize() if word[0].isupper() else right
            replaced.append((word, right))
            return right

        return Repaired(WORD.sub(repair, question), tuple(replaced))

    def _has_language(self, language: str) -> bool:
        """Return whether the notes are in a language; True where a question shows none.

        To a German question about English notes every word looks misspelt: "Wann" became "Want".
        """
        if language in {"en", OTHER}:  # small libraries of English notes have few function words
            return True
        words = [word for word in FUNCTION_WORDS[language] if len(word) >= SHORTEST]
        here = {word for each in self._words().values() for word, _ in each}
        return sum(word in here for word in words) >= min(LEAST_FUNCTION_WORDS, len(words))

    def _nearest(self, word: str) -> str | None:
        """Return the word of the library with the fewest errors; None if none is near.

        Of several, one with a letter more or less goes before one with another letter, then the more
        frequent.
        """
        from rapidfuzz.distance import OSA, Indel

        if len(word) < SHORTEST:
            return None
        most = 2 if len(word) >= TWO_ERRORS else 1
        near = [
            (errors, Indel.distance(word, other), -passages, other)
            for other, passages in self._words().get(word[0], [])
            if abs(len(other) - len(word)) <= most
            and (errors := OSA.distance(word, other, score_cutoff=most)) <= most
        ]
        return min(near)[3] if near else None

    def _words(self) -> dict[str, list[tuple[str, int]]]:
        """Return the library's words by first letter, with their number of passages.

        They are read again when the library changes.
        """
        if self._generation != self._index.generation:
            generation = self._index.generation
            counts = passage_counts(self._index.passage_texts(MOST_PASSAGES))
            words: dict[str, list[tuple[str, int]]] = defaultdict(list)
            for word, passages in counts.items():
                if passages >= LEAST_PASSAGES and len(word) >= SHORTEST:
                    words[word[0]].append((word, passages))
            self._vocabulary, self._generation = words, generation
        return self._vocabulary
