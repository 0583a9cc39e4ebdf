"""Answers that a language model writes from passages; code adds the citations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rag.answer.agreement import (
    agrees,
    has_own_facts,
    is_of_another,
    is_sure,
    near_best,
    supported_by,
    usable,
)
from rag.answer.attribution import locator
from rag.answer.beneath import with_cited, with_statements
from rag.answer.citations import Evidence, check
from rag.answer.conflicts import conflicts_between
from rag.answer.found import Clock, Draft, Drafting, Found, Model, SentenceEmbedder
from rag.answer.model_stream import Written, stream_tokens
from rag.answer.obeyed import obeys
from rag.answer.prompt_budget import Context, budget_for, fit
from rag.answer.quote_answer import QuoteAnswerer, extract_draft, quotes_of
from rag.answer.quotes import quoted_sentences, quotes_text
from rag.answer.select import EXTRACT_WORDS, select_extract
from rag.answer.statements import statements_within
from rag.answer.texts import UNCONFIRMED_LEAD
from rag.answer.written_text import is_refusal, repeats_itself
from rag.events import Closest, Retrieved
from rag.prompt import without_citations
from rag.settings import AnswerSettings
from rag.text.scripts import word_count
from rag.types import AnswerKind, Chunk, Citation, Sentence, Tier

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig


CLOSEST_WORDS = 60
"""Words of the quotes that are shown until the first token. Chosen, not measured: read in the seconds that it takes."""


class WriteAnswerer:
    """The answerer with a model, which writes only where the notes may answer.

    Elsewhere it shows the extract or refuses, and the model does not run.
    """

    def __init__(
        self, model: Model, settings: AnswerSettings, embedder: SentenceEmbedder | None = None
    ) -> None:
        self._model = model
        self._settings = settings
        self._embedder = embedder

    def draft(self, found: Found, clock: Clock, config: RunnableConfig | None) -> Drafting:
        """Yield `Retrieved`, `Closest` and the tokens, and return the draft."""
        if found.decision.tier is not Tier.ANSWER:
            return (yield from QuoteAnswerer(alone=True).draft(found, clock, config))
        context = self._context(found)
        passages = context.passages
        if not passages:
            draft = yield from QuoteAnswerer(alone=True).draft(_as_extract(found), clock, config)
            return replace(draft, omissions=context.omissions)
        retrieved = Retrieved(
            found.hits,
            len(passages),
            found.decision,
            context.prompt_tokens,
            self._model.context_tokens,
            passages,
        )
        yield retrieved
        if closest := _closest(found):
            yield Closest(closest)
        written = Written()
        yield from stream_tokens(self._model, context.messages, written, clock, config, repeats_itself)
        attributed = self._attributed(found, context, written.text)
        if attributed is not None and attributed.passages != passages:
            yield replace(retrieved, shown=len(attributed.passages), passages=attributed.passages)
        draft = attributed or (yield from QuoteAnswerer(alone=True).draft(_to_quote(found), clock, config))
        return replace(
            draft,
            omissions=context.omissions,
            prompt_tokens=context.prompt_tokens,
            answer_tokens=written.tokens,
            model_text=written.text,
            context_tokens=self._model.context_tokens,
            context_assumed=bool(getattr(self._model, "context_assumed", False)),
        )

    def _context(self, found: Found) -> Context:
        prompt_tokens = self._model.context_tokens - self._model.max_answer_tokens
        budget = budget_for(self._model.prompt_style, prompt_tokens, self._settings)
        context = fit(
            self._model.prompt_style,
            found.standalone,
            found.read_hits,
            found.history,
            self._model.count_tokens,
            budget,
        )
        whole = {hit.chunk.id: hit for hit in found.hits}
        return replace(context, passages=tuple(whole[hit.chunk.id] for hit in context.passages))

    def _attributed(self, found: Found, context: Context, text: str) -> Draft | None:
        """Return the model's text with its evidence, or quotes in its place.

        None where the model says nothing, where it obeys an instruction in a passage, and where the readers are sure of an
        answer and the text has facts of its own.
        """
        if is_refusal(text):
            return None
        passages = [hit.chunk for hit in context.passages]
        scores = {hit.chunk.id: score for hit, score in zip(found.scored, found.scores, strict=True)}
        best = near_best(passages, scores)
        locate = None
        if self._embedder is not None:
            locate = locator(found.standalone, passages, self._embedder, best or ())
        evidence = check(text, passages, self._settings.support, locate)
        if obeys(
            [sentence.text for sentence in evidence.sentences],
            found.standalone,
            passages,
            usable(passages, scores),
        ):
            return None
        if not any(sentence.supported for sentence in evidence.sentences):
            if not is_sure(found.scores):
                return _unconfirmed(found, evidence)
            other = has_own_facts(evidence.text, found.standalone, passages)
            return None if other else _with_quotes(found, evidence)
        if not agrees(evidence.citations, passages, best):
            nearer = supported_by(text, passages, best or (), self._settings.support)
            if nearer is None:
                return _quoted(found, evidence, context)
            evidence = nearer
        quotes = [(one.n, _in_table(one, passages)) for one in evidence.citations]
        if is_of_another(found.standalone, quotes, passages, found.read_chunks):
            return replace(_closest_with(found, evidence, context), answers_question=None)
        draft = Draft(
            AnswerKind.ANSWER,
            evidence.text.strip(),
            evidence.sentences,
            evidence.citations,
            context.passages,
            answers_question=found.answerable,
            conflicts=conflicts_between(evidence.sentences),
        )
        return with_statements(draft, found)


def _quoted(found: Found, evidence: Evidence, context: Context) -> Draft:
    """Return what is quoted where a text does not agree with the readers.

    An answer where they are sure of one.
    """
    return quotes_of(found, alone=True) if is_sure(found.scores) else _closest_with(found, evidence, context)


def _closest_with(found: Found, evidence: Evidence, context: Context) -> Draft:
    """Return the extract with the statements that a text cites.

    A model finds some that the readers miss.
    """
    cited = sum(word_count(citation.quote) for citation in evidence.citations)
    closest = extract_draft(found, max(0, EXTRACT_WORDS - cited))
    return with_cited(closest, evidence.citations, context.passages, found)


def _in_table(citation: Citation, passages: Sequence[Chunk]) -> str:
    """Return what is cited, a row of a table with the table's head."""
    passage = passages[citation.n - 1]
    start, end = citation.start - passage.start, citation.end - passage.start
    rows = statements_within(passage.text, start, end)
    heads = [passage.text[slice(*one.head)] for one in rows if one.head is not None]
    return " ".join((*dict.fromkeys(heads), citation.quote))


def _with_quotes(found: Found, evidence: Evidence) -> Draft:
    """Return the statements that answer, and below them a text in other words.

    No sentence of the text is supported, and each is marked so. Without such statements the text is unconfirmed.
    """
    quotes = quotes_of(found, alone=True)
    if quotes.kind is not AnswerKind.ANSWER:
        return _unconfirmed(found, evidence)
    text, written = _uncited(evidence)
    return replace(quotes, text=f"{quotes.text}\n\n{text}", sentences=(*quotes.sentences, *written))


def _unconfirmed(found: Found, evidence: Evidence) -> Draft:
    """Return the extract, and below it a text of which no sentence is supported.

    The text may be right in words that the notes do not have, so it is shown; it is no answer from the notes.
    """
    text, written = _uncited(evidence)
    left = max(0, EXTRACT_WORDS - len(text.split()))
    quotes = extract_draft(found, left)
    return replace(
        quotes,
        kind=AnswerKind.EXTRACT,
        text=f"{quotes.text}\n\n{UNCONFIRMED_LEAD}\n\n{text}",
        sentences=(*quotes.sentences, *written),
        answers_question=found.answerable,
    )


def _uncited(evidence: Evidence) -> tuple[str, tuple[Sentence, ...]]:
    """Return a text and its sentences without the citations that the model wrote."""
    sentences = tuple(replace(sentence, citations=()) for sentence in evidence.sentences)
    return without_citations(evidence.text).strip(), sentences


def _closest(found: Found) -> str:
    """Return the quotes to show while the model reads its prompt, empty for none."""
    chunks = found.read_chunks
    chosen = select_extract(chunks, found.scores, found.cosines, CLOSEST_WORDS, found.searched)
    quotes = quoted_sentences(chosen, chunks, chunks)  # shown for a moment, whether word for word or not
    return without_citations(quotes_text(quotes)).strip()


def _to_quote(found: Found) -> Found:
    """Return the evidence to quote: as the answer where the readers are sure of one."""
    return found if is_sure(found.scores) else _as_extract(found)


def _as_extract(found: Found) -> Found:
    """Return the evidence with an extract as its tier."""
    return replace(found, decision=replace(found.decision, tier=Tier.EXTRACT))
