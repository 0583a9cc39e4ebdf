"""Answers without a language model: the best statements of the passages, quoted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rag.answer.agreement import is_of_another
from rag.answer.conflicts import conflicts_between
from rag.answer.found import Clock, Draft, Drafting, Found
from rag.answer.quotes import names_of_twins, quote_citations, quoted_sentences, quotes_text
from rag.answer.select import EXTRACT_WORDS, Selected, select_answer, select_extract
from rag.answer.texts import EXTRACT_LEAD, texts_for
from rag.events import Retrieved, Token
from rag.types import AnswerKind, Chunk, Hit, Tier

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig


class QuoteAnswerer:
    """The answerer without a model: it quotes an answer or an extract, or refuses.

    The tier decides which.
    """

    def draft(self, found: Found, clock: Clock, config: RunnableConfig | None) -> Drafting:
        """Yield `Retrieved` and the whole text as one token, and return the draft."""
        passages = found.scored
        yield Retrieved(found.hits, len(passages), found.decision, passages=passages)
        draft = quotes_of(found)
        clock.mark_token()
        yield Token(draft.text)
        return draft


def quotes_of(found: Found) -> Draft:
    """Return the quotes that the tier asks for, or the refusal."""
    chunks = found.read_chunks
    match found.decision.tier:
        case Tier.ANSWER if chosen := select_answer(chunks, found.scores, found.cosines, found.searched):
            draft = quoted_draft(AnswerKind.ANSWER, chosen, chunks, found.scored)
            quotes = [(one.citations[0], one.text) for one in draft.sentences]
            if is_of_another(found.standalone, quotes, chunks, chunks):
                return replace(extract_draft(found), answers_question=None)
            return replace(draft, answers_question=found.answerable)
        case Tier.ANSWER | Tier.EXTRACT:
            return extract_draft(found)
    return refusal_draft(found)


def extract_draft(found: Found, most_words: int = EXTRACT_WORDS) -> Draft:
    """Return the statements closest to the question, named as the closest only.

    They have at most `most_words` words. A refusal where no passage has a statement.
    """
    chunks = found.read_chunks
    chosen = select_extract(chunks, found.scores, found.cosines, most_words, found.searched)
    if not chosen:
        return refusal_draft(found)
    lead = texts_for(found.question).extract_lead
    draft = quoted_draft(AnswerKind.EXTRACT, chosen, chunks, found.scored, lead)
    return replace(draft, answers_question=found.answerable)


def refusal_draft(found: Found) -> Draft:
    """Return the fixed refusal as a draft, in the language of the question."""
    return Draft(AnswerKind.NONE, texts_for(found.question).refusal, passages=found.scored)


def quoted_draft(
    kind: AnswerKind,
    chosen: tuple[Selected, ...],
    chunks: list[Chunk],
    passages: tuple[Hit, ...],
    lead: str = EXTRACT_LEAD,
) -> Draft:
    """Return a draft that quotes the selections; an extract opens with the `lead`.

    `chunks` are the passages as they are read, `passages` as the document has them.
    """
    originals = [hit.chunk for hit in passages]
    sentences = quoted_sentences(chosen, chunks, originals)
    text = quotes_text(sentences, names_of_twins(chosen, originals) if kind is AnswerKind.ANSWER else {})
    return Draft(
        kind,
        f"{lead}\n\n{text}" if kind is AnswerKind.EXTRACT else text,
        sentences,
        quote_citations(chosen, originals),
        passages,
        answers_question=max(one.score for one in chosen),
        conflicts=conflicts_between(sentences),
    )
