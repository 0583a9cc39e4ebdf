"""The statements of the notes beneath what a model wrote or the readers quote.

A small model says what the notes say in words of its own, and is wrong at times. The statements that answer are shown beneath it
where it leaves out a part of them, so that one look compares the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rag.answer.conflicts import conflicts_between
from rag.answer.found import Draft, Found
from rag.answer.quote_answer import numbered, quoted_draft, quotes_of
from rag.answer.quotes import closed, quotes_text
from rag.answer.select import is_heading
from rag.answer.selected import Selected, in_order
from rag.answer.sentence_support import words_in
from rag.answer.statements import statements_within
from rag.answer.texts import texts_for
from rag.prompt import without_citations
from rag.text.notation import plain_notation
from rag.text.words import is_negated, numbers
from rag.types import AnswerKind, Citation, Hit, Sentence

SAID = 0.7
"""Share of a statement's content words from which a sentence says it already. Chosen, not measured."""


def with_statements(draft: Draft, found: Found) -> Draft:
    """Return an answer with the best statements that it does not say itself.

    As it is where it says them all. They are shown where the readers are unsure too: there a small model is most often wrong.
    """
    quotes = quotes_of(found, alone=True)
    if quotes.kind is not AnswerKind.ANSWER:
        return draft
    return _with(draft, quotes, texts_for(found.question).in_your_notes)


def with_cited(draft: Draft, citations: Sequence[Citation], passages: Sequence[Hit], found: Found) -> Draft:
    """Return an extract with the statements that a model's text cites.

    Those that it has are not repeated, and those that the readers left out stay out. `citations` are of `passages`. A refusal
    becomes an extract by them.
    """
    places = {hit.chunk.id: n for n, hit in enumerate(found.scored, 1)}
    chosen = in_order(
        one
        for citation in citations
        if (n := places.get(passages[citation.n - 1].chunk.id)) is not None
        for one in _statements(n, citation, found)
    )
    if not chosen:
        return draft
    if draft.kind is AnswerKind.NONE:
        draft = Draft(AnswerKind.EXTRACT, texts_for(found.question).extract_lead, passages=found.scored)
    return _with(draft, quoted_draft(AnswerKind.EXTRACT, chosen, found.read_chunks, found.scored))


def _statements(n: int, citation: Citation, found: Found) -> list[Selected]:
    """Return the whole statements that a citation has a part of, without headings.

    They are of the `n`-th scored passage, as it is read.
    """
    chunk, scored = found.read_chunks[n - 1], found.scores[n - 1].by_span
    start, end = citation.start - chunk.start, citation.end - chunk.start
    return [
        Selected(n, one.first, one.last, scored[one.start, one.end].score, one.head)
        for one in statements_within(chunk.text, start, end)
        if (one.start, one.end) in scored and not is_heading(chunk, one)
    ]


def _with(draft: Draft, quotes: Draft, lead: str = "") -> Draft:
    """Return a draft with those quotes below it that none of its sentences says."""
    passages = draft.passages
    sentences: list[Sentence] = []
    citations = list(draft.citations)
    for sentence, citation in zip(quotes.sentences, quotes.citations, strict=True):
        if any(_says(one, sentence) for one in (*draft.sentences, *sentences)):
            continue
        passages, n = numbered(passages, quotes.passages[citation.n - 1])
        sentences.append(replace(sentence, citations=(n,)))
        citations.append(replace(citation, n=n))
    if not sentences:
        return draft
    return replace(
        draft,
        text="\n\n".join(part for part in (closed(draft.text), lead, quotes_text(sentences)) if part),
        sentences=(*draft.sentences, *sentences),
        citations=tuple(dict.fromkeys(citations)),
        passages=passages,
        conflicts=conflicts_between((*draft.sentences, *sentences)),
    )


def _says(one: Sentence, statement: Sentence) -> bool:
    """Return whether a sentence says a statement.

    It has its figures and most of its words, and denies what it denies.
    """
    text, other = without_citations(one.text), without_citations(statement.text)
    words = words_in([other])
    return (
        numbers(plain_notation(other)) <= numbers(plain_notation(text))
        and len(words & words_in([text])) >= SAID * len(words)
        and is_negated(text) == is_negated(other)
    )
