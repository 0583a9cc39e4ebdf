"""Counts that the notes state in a sentence: "there are six homework sheets"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.answer.asked import Asked
from rag.answer.cited_lines import Line, cited_draft, plain
from rag.answer.conflicts import conflicts_between
from rag.answer.found import Draft
from rag.answer.matching import asked_stems, number_of
from rag.text.sentences import sentence_spans
from rag.text.words import stem, tokens
from rag.types import AnswerKind

NUMBER_BEFORE = 3
"""Words before the counted one in which its number may be."""
BESIDE_BEST = 0.4
"""Least share of the best score of a sentence that disagrees."""
_ITEM_NUMBER = re.compile(r"^[#\s]*(?:\d{1,3}[.)]|\d{1,3}(?:\.\d{1,3})+)\s+")
"""The number of an item or a heading ("7. Questions"), which counts nothing."""

_JOINED = re.compile(r"(?<=\d)-(?=[^\W\d])")
"""The hyphen of "26-lesson"."""
READ_CHARS = 20_000
"""Characters of a document, from its start, that are looked through.

For a number of its parts. Chosen, not measured."""


@dataclass(frozen=True, slots=True)
class Stated:
    """A sentence with a number before the counted word, and its evidence score."""

    score: float
    number: int
    line: Line


def stated_counts(asked: Asked) -> list[Stated]:
    """Return the sentences with a number before what is counted, best first."""
    nouns = asked_stems(asked.question)[:3]
    found: list[Stated] = []
    for hit, score in zip(asked.hits, asked.scores, strict=False):
        by_span = score.by_span
        for start, end in sentence_spans(hit.chunk.text):
            text = hit.chunk.text[start:end]
            number = _number_of(tokens(_JOINED.sub(" ", _ITEM_NUMBER.sub("", text))), nouns)
            if number is not None:
                scored = by_span.get((start, end))
                at = hit.chunk.start
                line = Line(" ".join(text.split()), hit.chunk.document, at + start, at + end, bullet=False)
                found.append(Stated(scored.score if scored is not None else 0.0, number, line))
    return sorted(found, key=lambda one: -one.score)


def stated_otherwise(asked: Asked, path: str, nouns: Sequence[str], count: int) -> Line | None:
    """Return a document's first sentence with another number of what is counted.

    None without one."""
    text = asked.notes.document(path).text
    for start, end in sentence_spans(text[:READ_CHARS]):
        sentence = text[start:end]
        number = _number_of(tokens(_JOINED.sub(" ", _ITEM_NUMBER.sub("", sentence))), nouns)
        if number is not None and number != count:
            return Line(plain(sentence), path, start, end, bullet=False)
    return None


def stated_draft(asked: Asked, found: Sequence[Stated]) -> Draft:
    """Return the best sentence, and one of another document that disagrees."""
    best = found[0]
    for other in found[1:]:
        if other.score < BESIDE_BEST * best.score:
            break
        if other.number == best.number or other.line.document == best.line.document:
            continue
        draft = cited_draft(AnswerKind.COUNT, [best.line, other.line], asked.notes)
        if conflicts := conflicts_between(draft.sentences):
            return replace(draft, conflicts=conflicts)
    return cited_draft(AnswerKind.COUNT, [best.line], asked.notes)


def _number_of(words: Sequence[str], nouns: Sequence[str]) -> int | None:
    """The number nearest before one of the nouns."""
    for at, word in enumerate(words):
        if stem(word) in nouns:
            for before in reversed(words[max(0, at - NUMBER_BEFORE) : at]):
                if (number := number_of(before)) is not None:
                    return number
    return None
