"""Grades of answers by code, and confidence intervals of their means."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eval.golden.golden_file import GoldenQuestion
from rag.prompt import without_citations
from rag.text.notation import plain_notation
from rag.types import Answer, AnswerKind

RIGHT_F1 = 0.5
"""Least token F1 at which an answer that has not the whole reference is right. Not measured."""
SHOWN_WORDS = 130
"""Most words of an answer in which the gold counts as found.

An extract has 120 of the notes (`rag.answer.select.EXTRACT_WORDS`) and eight of its lead; rounded up.
"""
SAMPLES = 2000
"""Bootstrap samples of an interval: enough for two digits. Not measured."""


@dataclass(frozen=True, slots=True)
class Grade:
    """The grade of an answer to a question that the notes answer.

    `cites`: given as the answer, and a citation overlaps the gold. `right`: the words of the reference too.
    `found`: a citation of any answer or extract of at most `SHOWN_WORDS` words overlaps the gold.
    """

    cites: bool
    right: bool
    extract: bool
    refused: bool
    found: bool

    @property
    def wrong(self) -> bool:
        """True where an answer was given that does not cite the gold."""
        return not (self.cites or self.extract or self.refused)


def grade(question: GoldenQuestion, answer: Answer) -> Grade:
    """Return the grade of an answer to a question with gold passages."""
    overlaps = any(
        citation.document == span.document and citation.start < span.end and span.start < citation.end
        for citation in answer.citations
        for span in question.gold
    )
    extract, refused = answer.kind is AnswerKind.EXTRACT, answer.abstained
    given = not extract and not refused
    short = len(without_citations(answer.text).split()) <= SHOWN_WORDS
    return Grade(
        cites=given and overlaps,
        right=given and overlaps and contains(answer.text, question.references),
        extract=extract,
        refused=refused,
        found=overlaps and short,
    )


def contains(text: str, references: Sequence[str]) -> bool:
    """Return whether a text has one of the references.

    It does where it has the reference word for word, or a token F1 of `RIGHT_F1` with it. True without
    references.
    """
    plain = _plain(without_citations(text))
    return not references or any(
        f" {_plain(reference)} " in f" {plain} " or _f1(plain, _plain(reference)) >= RIGHT_F1
        for reference in references
    )


def accepts(text: str, accepted: Sequence[str]) -> bool | None:
    """Return whether the text has one of the accepted strings; None if there are none.

    Such an answer must be read to be graded.
    """
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return any(one.casefold() in folded for one in accepted) if accepted else None


def interval(values: Sequence[bool]) -> tuple[float, float, float]:
    """Return the mean and its bootstrap 95 % interval, seed 0."""
    if not values:
        return (float("nan"),) * 3
    sample = np.array(values, float)
    drawn = np.random.default_rng(0).choice(sample, (SAMPLES, len(sample))).mean(axis=1)
    return float(sample.mean()), float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975))


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", plain_notation(text).casefold()))


def _f1(one: str, other: str) -> float:
    ours, theirs = Counter(one.split()), Counter(other.split())
    common = (ours & theirs).total()
    return 2 * common / (ours.total() + theirs.total()) if common else 0.0
