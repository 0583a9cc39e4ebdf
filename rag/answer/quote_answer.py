"""Answers without a language model: the best statements of the passages, quoted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from rag.answer.agreement import is_of_another
from rag.answer.cell_output import PRINTED
from rag.answer.conflicts import conflicts_between
from rag.answer.found import Below, Clock, Draft, Drafting, Found
from rag.answer.quotes import names_of_twins, quote_citations, quoted_sentences, quotes_text
from rag.answer.select import EXTRACT_WORDS, select_answer, select_extract
from rag.answer.selected import Selected
from rag.answer.texts import EXTRACT_LEAD, texts_for
from rag.events import Retrieved, Token
from rag.text.scripts import word_count
from rag.types import AnswerKind, Chunk, Citation, Hit, Sentence, Tier

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig


@dataclass(frozen=True, slots=True)
class QuoteAnswerer:
    """The answerer without a model: it quotes an answer or an extract, or refuses.

    The tier decides which. The best statement of an answer is quoted `alone`, as it is in place of a model's text, or has the
    sentence before it if it is short.
    """

    alone: bool = False

    def draft(self, found: Found, clock: Clock, config: RunnableConfig | None) -> Drafting:
        """Yield `Retrieved` and the whole text as one token, and return the draft."""
        passages = found.scored
        yield Retrieved(found.hits, len(passages), found.decision, passages=passages)
        draft = quotes_of(found, self.alone)
        if draft.passages != passages:
            yield Retrieved(found.hits, len(draft.passages), found.decision, passages=draft.passages)
        clock.mark_token()
        yield Token(draft.text)
        return draft


def quotes_of(found: Found, alone: bool = False) -> Draft:
    """Return the quotes that the tier asks for, or the refusal.

    `alone` is that of `QuoteAnswerer`.
    """
    chunks = found.read_chunks
    match found.decision.tier:
        case Tier.ANSWER if chosen := select_answer(
            chunks, found.scores, found.cosines, found.searched, alone
        ):
            draft = quoted_draft(AnswerKind.ANSWER, chosen, chunks, found.scored, below=found.below)
            quotes = [(one.citations[0], one.text) for one in draft.sentences if one.reason != PRINTED]
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
    choose = partial(select_extract, chunks, found.scores, found.cosines, searched=found.searched)
    chosen = choose(most_words=most_words)
    if not chosen:
        return refusal_draft(found)
    output = _output_below(chosen, [hit.chunk for hit in found.scored], found.below)
    if output is not None:
        chosen = choose(most_words=max(0, most_words - word_count(output[1].quote)))
    lead = texts_for(found.question).extract_lead
    draft = quoted_draft(AnswerKind.EXTRACT, chosen, chunks, found.scored, lead, found.below)
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
    below: Below | None = None,
) -> Draft:
    """Return a draft that quotes the selections; an extract opens with the `lead`.

    `chunks` are the passages as they are read, `passages` as the document has them. What belongs `below` the best selection
    comes after it.
    """
    originals = [hit.chunk for hit in passages]
    sentences = list(quoted_sentences(chosen, chunks, originals))
    citations = list(quote_citations(chosen, originals))
    if (output := _output_below(chosen, originals, below)) is not None:
        passage, citation = output
        passages, n = numbered(passages, Hit(passage, 0.0))
        after = _best(chosen) + 1
        sentences.insert(after, Sentence(f"```\n{citation.quote}\n```", (n,), True, 1.0, PRINTED, True))
        citations.insert(after, replace(citation, n=n))
    text = quotes_text(sentences, names_of_twins(chosen, originals) if kind is AnswerKind.ANSWER else {})
    return Draft(
        kind,
        f"{lead}\n\n{text}" if kind is AnswerKind.EXTRACT else text,
        tuple(sentences),
        tuple(citations),
        passages,
        answers_question=max(one.score for one in chosen),
        conflicts=conflicts_between(sentences),
    )


def _output_below(
    chosen: Sequence[Selected], passages: Sequence[Chunk], below: Below | None
) -> tuple[Chunk, Citation] | None:
    """Return what belongs below the best selection.

    None if a selection has a part of it.
    """
    cited = quote_citations(chosen, passages)
    output = below(cited[_best(chosen)]) if below is not None else None
    if output is None or any(
        one.document == output[1].document and one.start < output[1].end and output[1].start < one.end
        for one in cited
    ):
        return None
    return output


def _best(chosen: Sequence[Selected]) -> int:
    """Return the place of the best selection."""
    return max(range(len(chosen)), key=lambda place: chosen[place].score)


def numbered(passages: tuple[Hit, ...], hit: Hit) -> tuple[tuple[Hit, ...], int]:
    """Return passages with one more if it is not among them, and its number."""
    for n, one in enumerate(passages, 1):
        if one.chunk.id == hit.chunk.id:
            return passages, n
    return (*passages, hit), len(passages) + 1
