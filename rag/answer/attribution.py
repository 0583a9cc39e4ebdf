"""Support for a written sentence in the statements nearest to it in meaning.

A model repeats the question in its own words and adds the fact: "The pull-up fitted on our boards is 1.5
kilohms", of notes that have "The laboratory boards use 1.5 kilohms". The share of words that a passage has
says little of such a sentence. So the words of the question count as given, its numbers do not: a statement
near to question and sentence together must have every number of the sentence and what else is new in it. The
statements that the readers rank highest (`rag.answer.agreement`) are tried last, and need fewer words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag.answer.found import SentenceEmbedder
from rag.answer.sentence_support import searchable, words_in
from rag.answer.statements import statements_of
from rag.text.notation import plain_notation
from rag.text.words import names, numbers, quantities, stem
from rag.types import Chunk

NEAREST = 4
"""Statements that are looked at, the nearest by cosine. Chosen, not measured."""
LEAST_NEW = 0.5
"""Least share of a sentence's new words that the statement must have.

Lower than `answer.support`, because the statement is near in meaning already. Chosen, not measured.
"""

FREE_WORDS = 2
"""New words that a sentence may have beside a figure of a statement that answers. Chosen, not measured.

A model writes "the cut results in 19 pieces" of notes that have "gives 19 segments".
"""

Locate = Callable[[str], "Located | None"]
"""Returns the statement that supports a sentence; None if none does."""


@dataclass(frozen=True, slots=True)
class Located:
    """The span `text[start:end]` of the `n`-th passage, from 1."""

    n: int
    start: int
    end: int

    def overlaps(self, other: Located) -> bool:
        """Return whether both have a character of the same passage."""
        return self.n == other.n and self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class _Statement:
    """A statement after its heading, and with its neighbours, title and headings."""

    place: Located
    text: str
    around: str


def locator(
    question: str, passages: Sequence[Chunk], embedder: SentenceEmbedder, answering: Sequence[Located] = ()
) -> Locate:
    """Return a function that finds the statement that supports a sentence.

    The sentence is of an answer to `question`. `answering` are spans of sentences that the readers rank near the
    best, in the order in which they are tried. The statements are embedded when the first sentence is asked for; one
    answer asks for few.
    """
    statements = [one for n, passage in enumerate(passages, 1) for one in _statements(n, passage)]
    best = [one for span in answering for one in statements if one.place.overlaps(span)]
    whole = {n: searchable(chunk) for n, chunk in enumerate(passages, 1)}
    vectors = None
    given = words_in([question])
    given_names, given_figures = names(plain_notation(question)), _figures(question)

    def locate(sentence: str) -> Located | None:
        nonlocal vectors
        if not statements:
            return None
        if vectors is None:
            vectors = embedder.embed_passages([one.text for one in statements])
        figures = _figures(sentence) - given_names
        new = words_in([sentence]) - given - {stem(figure) for figure in figures}
        claim = _Claim(sentence, figures, new, figures - given_figures)
        likeness = vectors @ embedder.embed_query(f"{question} {sentence}")
        nearest: list[_Statement] = [statements[at] for at in likeness.argsort()[::-1][:NEAREST]]
        for one in nearest:
            beside = " ".join(other.around for other in nearest if other.place.n == one.place.n)
            if _supports(one, beside, claim):
                return one.place
        return next((one.place for one in best if _answers(one, whole[one.place.n], claim)), None)

    return locate


def _statements(n: int, passage: Chunk) -> list[_Statement]:
    found = statements_of(passage.text)
    above = " ".join((passage.title, *passage.headings))
    around = [
        " ".join((above, passage.text[found[max(0, at - 1)].first : found[min(len(found) - 1, at + 1)].last]))
        for at in range(len(found))
    ]
    return [
        _Statement(
            Located(n, one.first, one.last),
            " ".join((*passage.headings[-1:], passage.text[one.first : one.last])),
            wide,
        )
        for one, wide in zip(found, around, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Claim:
    """A sentence with its figures, and those words and figures that are new.

    The question does not have the new ones.
    """

    sentence: str
    figures: set[str]
    new: set[str]
    answered: set[str]


def _supports(statement: _Statement, beside: str, claim: _Claim) -> bool:
    """Return whether a statement has what is new in a sentence.

    It must have a figure of the sentence; the others may be `beside`, in the same passage. A sentence that adds
    neither a figure nor a word to its question says nothing to be supported.
    """
    if not claim.figures and not claim.new:
        return False
    known = words_in([statement.around])
    enough = not claim.new or len(claim.new & known) >= LEAST_NEW * len(claim.new)
    return enough and _has_figures(statement, beside, claim)


def _answers(statement: _Statement, passage: str, claim: _Claim) -> bool:
    """Return whether a statement that answers has a new figure of the sentence.

    The question does not have it. The other figures may be anywhere in its `passage`.
    """
    own = _figures(statement.text)
    free = len(claim.new - words_in([passage])) <= FREE_WORDS
    return free and bool(claim.answered & own) and _has_figures(statement, passage, claim)


def _has_figures(statement: _Statement, beside: str, claim: _Claim) -> bool:
    own = _figures(statement.around) | words_in([statement.around])
    if claim.figures and (
        own.isdisjoint(claim.figures) or not claim.figures <= own | _figures(beside) | words_in([beside])
    ):
        return False
    return not _other_units(claim.sentence, statement.around)


def _figures(text: str) -> set[str]:
    """Return the numbers and names of a text; 1.0 and 1 are the same number."""
    plain = plain_notation(text)
    return {_shortest(number) for number in numbers(plain)} | names(plain)


def _shortest(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number


def _other_units(sentence: str, text: str) -> bool:
    """Return whether a number of a sentence has another unit in the text."""
    known = quantities(plain_notation(text))
    return any(
        number in known and not units <= known[number]
        for number, units in quantities(plain_notation(sentence)).items()
    )
