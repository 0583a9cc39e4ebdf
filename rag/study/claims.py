"""The sentences of the notes as claims, against which wrong choices are tested."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from rag.study.items import GAP
from rag.study.readable import Line
from rag.text.words import content_words, numbers

_WORD = re.compile(r"[^\W\d_]+")
SELDOM = 0.25
"""Ratio of small to capital first letters up to which a word is part of a name."""
CLAIMED = 0.6
"""Share of a question's weighted stems that makes a sentence about the same."""


@dataclass(slots=True)
class Claims:
    """Sentences of a scope by their stems."""

    stems: list[set[str]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    small: Counter[str] = field(default_factory=Counter)
    capital: Counter[str] = field(default_factory=Counter)
    _of: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, lines: Sequence[Line]) -> Claims:
        """Return the claims of sentences."""
        made = cls()
        for line in lines:
            stems = set(content_words(line.text))
            for stem in stems:
                made._of[stem].append(len(made.stems))
            words = _WORD.findall(line.text)
            made.small.update(word for word in words if word.islower())
            made.capital.update(word.lower() for word in words if word.istitle())
            made.stems.append(stems)
            made.texts.append(line.text)
        return made

    def weight(self, stem: str) -> float:
        """Return the inverse document frequency of a stem."""
        return math.log(1 + len(self.stems) / (1 + len(self._of.get(stem, ()))))

    def is_name(self, term: str) -> bool:
        """Return whether a term looks like a person's name.

        It has two or three capitalised words, which the notes seldom or never write in small letters.
        """
        words = term.split()
        return 2 <= len(words) <= 3 and all(
            word.isalpha()
            and word.istitle()
            and self.small[word.lower()] <= SELDOM * self.capital[word.lower()]
            for word in words
        )

    def mentions(self, term: str) -> int:
        """Return the number of sentences that have all stems of a term."""
        return len(self._with(set(content_words(term))))

    def supports(self, question: str, choice: str) -> bool:
        """Return whether a sentence has the choice and most of what the question says."""
        wanted = set(content_words(choice)) | numbers(choice)
        asked = set(content_words(question.replace(GAP, " "))) - wanted
        total = sum(self.weight(stem) for stem in asked)
        if not wanted or not total:
            return False
        for place in self._with(wanted):
            share = sum(self.weight(stem) for stem in asked & self.stems[place])
            if share >= CLAIMED * total:
                return True
        return False

    def related(self, one: str, other: str) -> bool:
        """Return whether a sentence begins with one term and soon names the other.

        "Thermal noise is white" makes thermal noise a wrong choice that is right for white noise.
        """
        first, second = content_words(one), set(content_words(other))
        rest = second - set(first)
        for place in self._with(set(first) | second) if rest else ():
            words = content_words(self.texts[place])
            near = words[: len(first) + len(second) + 1]
            if words[: len(first)] == first and rest <= set(near):
                return True
        return False

    def _with(self, stems: set[str]) -> set[int]:
        if not stems:
            return set()
        lists = sorted((self._of.get(stem, []) for stem in stems), key=len)
        found = set(lists[0])
        for other in lists[1:]:
            found &= set(other)
        return found


def similarity(one: set[str], other: set[str]) -> float:
    """Return the share of stems that two questions have in common (Jaccard)."""
    return len(one & other) / max(1, len(one | other))
