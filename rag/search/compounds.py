"""Compounds of a question that no passage has, found by their parts.

German and its neighbours write "Abgabe" and "Termin" as one word. Where no passage has a word of a question in such a language,
the words of the library that it is made of are looked up, or those that are made of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from rag.search.vocabulary import MOST_PASSAGES, passage_counts
from rag.text.search_words import stem_of

STEMMERS = {"de": "german", "nl": "dutch", "sv": "swedish", "da": "danish", "no": "norwegian"}
"""Languages that write compounds as one word, with Snowball's stemmer of each."""
SHORTEST_PART = 4
"""Letters of the shortest part of a compound; shorter ones are endings."""
SHORTEST_WHOLE = 5
"""Letters of the shortest word whose compounds are looked up. Chosen, not measured."""
MOST_WHOLES = 8
"""Compounds of a word that are looked up, the most frequent ones. Chosen, not measured."""
_LINKS = ("", "s", "es", "n", "en", "er", "e")
"""Letters between the parts of a compound."""


@dataclass(slots=True)
class _Vocabulary:
    """The library's words by their stems, with their number of passages."""

    generation: int = -1
    words: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


class Compounds:
    """Words of a library that are parts of a word, or contain it.

    Safe to share between threads. `texts` returns the passages of the library, of at most a number.
    """

    def __init__(self, texts: Callable[[int], Iterable[str]]) -> None:
        self._texts = texts
        self._kept: dict[str, _Vocabulary] = {}

    def related(self, words: Iterable[str], language: str, generation: int) -> list[str]:
        """Return the words of the library that make up each word, else those made of it.

        None in a language that parts its compounds. The `generation` is the library's.
        """
        if language not in STEMMERS:
            return []
        vocabulary = self._vocabulary(language, generation)
        stem = partial(stem_of, STEMMERS[language])
        found = [
            one for word in words for one in _parts(word, vocabulary, stem) or _wholes(word, vocabulary, stem)
        ]
        return list(dict.fromkeys(found))

    def _vocabulary(self, language: str, generation: int) -> dict[str, Counter[str]]:
        kept = self._kept.get(language)
        if kept is None or kept.generation != generation:
            kept = _Vocabulary(generation)
            for word, passages in passage_counts(self._texts(MOST_PASSAGES)).items():
                if len(word) >= SHORTEST_PART:
                    kept.words[stem_of(STEMMERS[language], word)][word] = passages
            self._kept[language] = kept
        return kept.words


def _parts(word: str, vocabulary: dict[str, Counter[str]], stem: Callable[[str], str]) -> list[str]:
    """Return the words of the library that a word is made of.

    Both parts, or the last alone: a "Klausurtermin" is a "Termin".
    """
    best: tuple[int, list[str]] = (0, [])
    for at in range(SHORTEST_PART, len(word) - SHORTEST_PART + 1):
        last = vocabulary.get(stem(word[at:]))
        if last is None:
            continue
        first = _first_part(word[:at], vocabulary, stem)
        letters = len(word) if first else len(word) - at
        if letters > best[0] and (first or len(word) - at >= SHORTEST_WHOLE):
            best = letters, [*first, *last]
    return best[1]


def _first_part(text: str, vocabulary: dict[str, Counter[str]], stem: Callable[[str], str]) -> list[str]:
    """Return the words of the library that a compound begins with."""
    for link in _LINKS:
        part = text.removesuffix(link)
        if text.endswith(link) and len(part) >= SHORTEST_PART and (words := vocabulary.get(stem(part))):
            return list(words)
    return []


def _wholes(word: str, vocabulary: dict[str, Counter[str]], stem: Callable[[str], str]) -> list[str]:
    """Return the compounds of the library that begin or end with a word."""
    if len(word) < SHORTEST_WHOLE:
        return []
    part = stem(word)
    found: Counter[str] = Counter()
    for other, words in vocabulary.items():
        if len(other) >= len(part) + SHORTEST_PART and (other.endswith(part) or other.startswith(part)):
            found.update(words)
    return [word for word, _ in found.most_common(MOST_WHOLES)]
