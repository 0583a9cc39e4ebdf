"""The marks of an answer in words, and its quotes by passage.

They are the same on a terminal and on the page. Two things are marked apart. A sentence is quoted from a passage, supported by one, or not found in any; the whole
text likely answers the question, or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from rag.answer.statements import statements_of
from rag.answer.texts import EXTRACT_LEAD, UNCONFIRMED_LEAD
from rag.prompt import without_citations
from rag.types import Answer, AnswerKind, Citation, Hit, Sentence

NEAREST = 2
"""Passages quoted under a refusal."""
LIKELY, UNSURE = 0.7, 0.4
"""Probabilities from which an answer is called likely or unsure."""
EXTRACT_TITLE = EXTRACT_LEAD.rstrip(":")
_LINE_CHARS = 300


class SentenceMark(StrEnum):
    """The verdict on a sentence, before the numbers of its passages."""

    QUOTED = "quoted from"
    SUPPORTED = "supported by"
    NOT_FOUND = "not found in the passages"


@dataclass(frozen=True, slots=True)
class Quotes:
    """Sentences that are quoted from passage `n` in a row, each with its citation."""

    n: int
    locator: str
    quotes: tuple[tuple[Sentence, Citation], ...]


def sentence_mark(sentence: Sentence) -> SentenceMark:
    """Return the mark of a sentence."""
    if not (sentence.supported and sentence.citations):
        return SentenceMark.NOT_FOUND
    return SentenceMark.QUOTED if sentence.quoted else SentenceMark.SUPPORTED


def likelihood(answer: Answer) -> str:
    """Return `likely`, `unsure` or `unlikely`: whether the text answers the question.

    It is empty for a refusal, for small talk, and where the evidence scorer did not run. The scorer read the passages; a
    text with a sentence that is not in them is at most `unsure`.
    """
    probability = answer.answers_question
    if probability is None or answer.kind in (AnswerKind.NONE, AnswerKind.TALK):
        return ""
    if probability >= LIKELY and not _strangers(answer):
        return "likely"
    return "unsure" if probability >= UNSURE else "unlikely"


def likelihood_reason(answer: Answer) -> str:
    """Return the number behind the likelihood in a sentence, and what lowers it."""
    scored = f"The evidence scorer gives {answer.answers_question or 0:.2f} of 1 that this text answers the question."
    strangers = _strangers(answer)
    if not strangers:
        return scored
    read = scored.replace("this text answers", "the passages answer")
    return f"{read} {strangers} of {len(answer.sentences)} sentences were not found in them."


def _strangers(answer: Answer) -> int:
    """Return the number of sentences with words that no passage supports."""
    return sum(
        sentence_mark(each) is SentenceMark.NOT_FOUND and any(map(str.isalnum, each.text))
        for each in answer.sentences
    )


def placed_sentences(text: str, sentences: Sequence[Sentence]) -> list[tuple[int, Sentence]] | None:
    """Return each sentence with its offset in a text without citations.

    None where one is missing from the text.
    """
    placed: list[tuple[int, Sentence]] = []
    at = 0
    for sentence in sentences:
        start = text.find(sentence.text, at)
        if start < 0:
            return None
        placed.append((start, sentence))
        at = start + len(sentence.text)
    return placed


def paired(answer: Answer) -> list[tuple[Sentence, Citation]]:
    """Return the cited sentences with the citation of each.

    An answer that only quotes has a citation for every sentence that cites; any other has one for every
    passage.
    """
    cited = [sentence for sentence in answer.sentences if sentence.citations]
    if len(answer.citations) == len(cited):
        return list(zip(cited, answer.citations, strict=True))
    by_number = {citation.n: citation for citation in answer.citations}
    return [
        (sentence, by_number[sentence.citations[0]])
        for sentence in cited
        if sentence.citations[0] in by_number
    ]


def quotes_by_passage(answer: Answer) -> list[Quotes]:
    """Return what an extract quotes, neighbouring sentences of one passage together."""
    return [
        Quotes(n, quotes[0][1].locator, quotes)
        for n, group in groupby(paired(answer), key=lambda pair: pair[1].n)
        for quotes in [tuple(group)]
    ]


def unconfirmed_text(answer: Answer) -> str:
    """Return the unconfirmed text that a model wrote below an extract, else ''."""
    return answer.text.partition(f"{UNCONFIRMED_LEAD}\n\n")[2]


def nearest_lines(hits: Sequence[Hit]) -> list[tuple[Hit, str]]:
    """Return the best hits of a refusal, each with its nearest statement."""
    return [(hit, _best_line(hit)) for hit in hits[:NEAREST]]


def how_near(answer: Answer) -> str:
    """Return a sentence on how near the notes come, empty where nothing was measured."""
    return f"How near the notes come: {answer.details.gate}." if answer.details.gate else ""


def unmarked(answer: Answer) -> str:
    """Return the text of an answer without its citations."""
    return without_citations(answer.text)


def _best_line(hit: Hit) -> str:
    """The statement with the most matched terms, the first of equals.

    A long one is cut after a word. A heading or a part of a formula is no line to read.
    """
    text = hit.chunk.text
    lines = [text[one.first : one.last] for one in statements_of(text)]
    headings = {hit.chunk.title, *hit.chunk.headings}
    lines = [line for line in lines if line.count("$$") % 2 == 0 and line not in headings] or [text]
    best = max(lines, key=lambda line: sum(term in line.lower() for term in hit.why.matched_terms))
    return best if len(best) <= _LINE_CHARS else best[:_LINE_CHARS].rsplit(None, 1)[0] + " …"
