"""Wrong choices: things of the same kind that are not right by the notes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import numpy as np
from numpy.typing import NDArray

from rag.answer.found import SentenceEmbedder
from rag.study.claims import Claims
from rag.study.items import GAP, Proposal, Topic
from rag.study.numbers import Quantity, value_of, wrong_numbers
from rag.study.terms import Term
from rag.text.words import content_words, numbers, parts

WRONG_CHOICES, LEAST_WRONG = 3, 2
"""Wrong choices wanted, and the fewest with which a choice is offered."""
SPARE_CHOICES = 6
"""Wrong choices of a written question, of which the evidence scorer refuses some."""
ENDS_LIKE_KEY, WRITTEN_LIKE_KEY = 0.15, 0.2
"""Weights of a wrong choice that has the ending and the capitals of the key.

A key that alone is a plural or an abbreviation gives itself away.
"""
SAME_TERM, SAME_DEFINITION = 0.6, 0.6
"""Cosines from which two terms, or two definitions, may be the same thing. Chosen, not measured."""
NEAR_DEFINITION = 0.5
"""The same for written questions, which say less than their sentence. Read off three courses."""
ENDING = 3
"""Letters of an ending: a plural, a verb's noun."""
_ABOUT_CHOICES = re.compile(r"(?:none|all|both|any) of\b", re.IGNORECASE)
MOST_NEAR = 40
"""Most terms compared with the key of a sentence, those of its section first.

For a written question all are, because its key is seldom beside others of its kind.
"""
MOST_TERMS = 400
"""Terms of a scope that are embedded."""


@dataclass(slots=True)
class Pool:
    """The terms and quantities of a scope from which wrong choices are taken."""

    terms: Sequence[Term]
    quantities: Sequence[Quantity]
    claims: Claims
    embedder: SentenceEmbedder
    named: Sequence[Term] = ()
    """Names that the notes emphasise: wrong choices for written questions only."""
    _vectors: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def wrong(self, proposal: Proposal) -> tuple[str, ...]:
        """Return at most three wrong choices of a proposal.

        A written question has spare ones as well. There are none where fewer than two are sound.
        """
        if proposal.topic is Topic.NUMBER:
            found = wrong_numbers(proposal.key, proposal.unit, self.quantities, proposal.text, 8)
            sound = [one for one in found if not self.claims.supports(proposal.text, one)]
        elif proposal.topic in {Topic.DEFINITION, Topic.PROPERTY}:
            sound = self._terms(proposal, self.terms)
        elif proposal.topic is Topic.WRITTEN:
            sound = self._written(proposal)
        else:
            sound = list(dict.fromkeys(one for one in proposal.choices if _flat(one) != _flat(proposal.key)))
        most = SPARE_CHOICES if proposal.topic is Topic.WRITTEN else WRONG_CHOICES
        return tuple(sound[:most]) if len(sound) >= LEAST_WRONG else ()

    def beside(self, sketch: Proposal) -> tuple[str, ...]:
        """Return wrong choices for a sketch, with spare ones, or none.

        There are none where fewer than two are sound.
        """
        if sketch.unit:
            found = wrong_numbers(sketch.key, sketch.unit, self.quantities, sketch.text, 8)
            sound = [one for one in found if not self.claims.supports(sketch.text, one)]
            sound.sort(key=lambda one: _decimals(one) > _decimals(sketch.key))
            sound = sound[:WRONG_CHOICES]
        else:
            sound = self._terms(sketch, [*self.terms, *self.named])
        return tuple(sound) if len(sound) >= LEAST_WRONG else ()

    def _written(self, proposal: Proposal) -> list[str]:
        """A model's wrong choices without those that repeat the key in other words."""
        key = set(content_words(proposal.key))
        near = self._embedded([proposal.key, *proposal.choices])
        cosines = near[1:] @ near[0]
        return [
            choice
            for choice, cosine in zip(proposal.choices, cosines, strict=True)
            if not self.claims.supports(proposal.text, choice)
            and not _ABOUT_CHOICES.match(choice)
            and (
                bool(numbers(choice) - numbers(proposal.key))
                or (cosine < SAME_TERM and 2 * len(key & set(content_words(choice))) <= len(key))
            )
        ]

    def _terms(self, proposal: Proposal, terms: Sequence[Term]) -> list[str]:
        """Terms near to the key that are neither it nor right in its place.

        A term whose definition names the key, or is named in the key's, is its kind or its part, and may be
        right as well.
        """
        taken = set(content_words(proposal.key))
        asked = set(content_words(proposal.text.replace(GAP, " ")))
        said = {
            stem
            for term in terms
            if _flat(term.name) == _flat(proposal.key)
            for stem in content_words(term.definition)
        }
        near = [
            term
            for term in terms
            if _flat(term.name) != _flat(proposal.key)
            and not set(content_words(term.name)) <= asked | taken | said
            and not taken <= set(content_words(term.name))
            and _flat(term.name) not in _flat(proposal.text)
            and not taken <= set(content_words(term.definition))
        ]
        if not near:
            return []
        near.sort(
            key=lambda term: (term.document != proposal.document, term.line.headings != proposal.headings)
        )
        near = near if proposal.topic is Topic.WRITTEN else near[:MOST_NEAR]
        names = self._embedded([term.name for term in near])
        definitions = self._embedded([term.definition for term in near])
        key, question = (
            self._embedded([proposal.key])[0],
            self._embedded([proposal.text.replace(GAP, " ")])[0],
        )
        written = proposal.topic is Topic.WRITTEN
        limit = NEAR_DEFINITION if written else SAME_DEFINITION
        same = (names @ key > SAME_TERM) | (definitions @ question > limit)
        same |= (
            names @ question > key @ question
        )  # nearer to the question than the key: it may be right as well
        ranked = sorted(
            (place for place in range(len(near)) if not same[place]),
            key=lambda place: (
                -float(definitions[place] @ question)
                - 0.3 * (near[place].document == proposal.document)
                - 0.2 * (len(near[place].name.split()) == len(proposal.key.split()))
                - written * _like_in_form(near[place].name, proposal.key)
            ),
        )
        sound: list[str] = []
        for place in ranked:
            name = near[place].name
            if self.claims.related(name, proposal.key) or self.claims.related(proposal.key, name):
                continue
            if written and _words_of(name) & _words_of(proposal.key):
                continue  # two kinds of one thing: a short question often fits both
            if not self.claims.supports(proposal.text, name) and not any(
                _overlap(name, one) for one in sound
            ):
                sound.append(name)
            if len(sound) == (SPARE_CHOICES if written else WRONG_CHOICES):
                break
        return sound

    def _embedded(self, texts: Sequence[str]) -> NDArray[np.float32]:
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if new:
            self._vectors |= dict(zip(new, self.embedder.embed_passages(new), strict=True))
        return np.stack([self._vectors[text] for text in texts])


def shuffled(key: str, wrong: Sequence[str], seed: str) -> tuple[str, ...]:
    """Return key and wrong choices in an order that depends on the item alone.

    Numbers ascend.
    """
    choices = [key, *wrong]
    values = [value_of(one) for one in choices]
    if all(value is not None for value in values):
        return tuple(sorted(choices, key=lambda one: value_of(one) or 0))
    Random(seed).shuffle(choices)
    return tuple(choices)


def _words_of(name: str) -> set[str]:
    """Return the stems of a name's words, those joined by hyphens too."""
    return {stem for word in content_words(name) for stem in parts(word) if len(stem) > 1}


def _like_in_form(name: str, key: str) -> float:
    """Return a weight for the ending and the capitals that a name shares with a key."""
    same = 0
    for one, other in zip(reversed(name.casefold()), reversed(key.casefold()), strict=False):
        if one != other or same == ENDING:
            break
        same += 1
    return ENDS_LIKE_KEY * same / ENDING + WRITTEN_LIKE_KEY * (_is_code_name(name) == _is_code_name(key))


def _is_code_name(name: str) -> bool:
    """Return whether a word of a name has capitals or digits inside, as in "GPT-2"."""
    return any(
        word[1:] != word[1:].lower() or not word.isalpha() for word in re.split(r"[\s-]+", name) if word
    )


def _decimals(number: str) -> int:
    return len(number.partition(".")[2])


def _overlap(one: str, other: str) -> bool:
    first, second = set(content_words(one)), set(content_words(other))
    return first <= second or second <= first


def _flat(text: str) -> str:
    return " ".join(text.casefold().split())
