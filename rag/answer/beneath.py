"""The statements of the notes beneath a model's text.

A small model says what the notes say in words of its own, and is wrong at times. The statements that answer are shown beneath it
where it leaves out a part of them, so that one look compares the two.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace

from rag.answer.found import Draft, Found
from rag.answer.quote_answer import quotes_of
from rag.answer.quotes import quote_citations, quoted_sentences, quotes_text
from rag.answer.select import Selected, is_heading
from rag.answer.sentence_support import words_in
from rag.answer.statements import statements_of
from rag.answer.texts import texts_for
from rag.text.notation import plain_notation
from rag.text.words import numbers
from rag.types import AnswerKind, Chunk, Citation, Hit, Sentence

SAID = 0.7
"""Share of a statement's content words from which a text says it already. Chosen, not measured."""


_Quoted = tuple[Sentence, Citation]


def with_statements(draft: Draft, found: Found) -> Draft:
    """Return an answer with the best statements that it does not say itself.

    As it is where it says them all, or where the readers find no answer.
    """
    quotes = quotes_of(found)
    if quotes.kind is not AnswerKind.ANSWER:
        return draft
    pairs = list(zip(quotes.sentences, quotes.citations, strict=True))
    return _with(draft, pairs, quotes.passages, texts_for(found.question).in_your_notes)


def with_cited(draft: Draft, citations: Sequence[Citation], passages: Sequence[Hit]) -> Draft:
    """Return quotes and the statements that a model's text cites.

    Those that the quotes have are not repeated. `citations` are of `passages`. The text itself is not shown: the readers find that something else answers.
    """
    pairs = [pair for citation in citations for pair in _statements(citation, passages[citation.n - 1].chunk)]
    return _with(draft, pairs, passages, "")


def _statements(citation: Citation, passage: Chunk) -> list[_Quoted]:
    """Return the whole statements that a citation has a part of, without headings."""
    start, end = citation.start - passage.start, citation.end - passage.start
    chosen = tuple(
        Selected(citation.n, one.first, one.last, 1.0, one.head)
        for one in statements_of(passage.text)
        if one.start < end and start < one.end and not is_heading(passage, one)
    )
    shown = [passage] * citation.n
    return list(zip(quoted_sentences(chosen, shown, shown), quote_citations(chosen, shown), strict=True))


def _with(draft: Draft, pairs: Sequence[_Quoted], source: Sequence[Hit], lead: str) -> Draft:
    """Return a draft with those quotes below it that its text does not say."""
    said, figures = words_in([draft.text]), numbers(plain_notation(draft.text))
    passages = list(draft.passages)
    sentences, citations = [], []
    for sentence, citation in pairs:
        if _is_said(sentence, said, figures):
            continue
        n = _number(source[citation.n - 1], passages)
        sentences.append(replace(sentence, citations=(n,)))
        citations.append(replace(citation, n=n))
    if not sentences:
        return draft
    return replace(
        draft,
        text="\n\n".join(part for part in (draft.text, lead, quotes_text(sentences)) if part),
        sentences=(*draft.sentences, *sentences),
        citations=_joined(draft.citations, citations),
        passages=tuple(passages),
    )


def _is_said(sentence: Sentence, said: Set[str], figures: Set[str]) -> bool:
    """Return whether a text with these words and figures says a statement."""
    words = words_in([sentence.text])
    return numbers(plain_notation(sentence.text)) <= figures and len(words & said) >= SAID * len(words)


def _number(hit: Hit, passages: list[Hit]) -> int:
    """Return the number of a passage among those shown; a new one is added to them."""
    for n, one in enumerate(passages, 1):
        if one.chunk.id == hit.chunk.id:
            return n
    passages.append(hit)
    return len(passages)


def _joined(first: Sequence[Citation], more: Sequence[Citation]) -> tuple[Citation, ...]:
    """Return the citations with those that are new."""
    return (*first, *(one for one in more if one not in first))
