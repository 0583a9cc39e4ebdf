"""The chain: a question and a history in, a cited answer out, as a LangChain `Runnable`.

    history -> stand-alone question -> hits -> gate -> prompt -> stream of tokens -> evidence -> Answer

A question about the notes as a whole is answered from the outline of the library, without search or model.
`stream` yields what happens as it happens (`Rewritten`, `Retrieved`, `Token`, `Done`), `invoke` returns the `Answer`.
Closing the stream stops the model at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, NotRequired, Protocol, TypedDict, cast

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableConfig

from rag import answering, standalone
from rag.answering import CheckedAnswer
from rag.chain_events import Done, Event, Retrieved, Rewritten, Token
from rag.context import Budget, Context, fit
from rag.errors import QuestionError
from rag.gate import Decision, decide
from rag.outline import (
    Outline,
    asks_for_outline,
    outline_citations,
    outline_sentences,
    outline_text,
)
from rag.prompt import ABSTENTION, PROMPT_VERSION, PromptStyle, without_citations
from rag.question_kind import holds_kind, kind_of
from rag.quoting import Quote, Vote
from rag.retriever import hit_from_document
from rag.scope import Scope, describe
from rag.settings import AnswerSettings
from rag.types import Answer, Chunk, Hit, Receipt, Role, Timings, Turn


class Question(TypedDict):
    """What the chain takes. `history` is oldest first and may be left out."""

    question: str
    history: NotRequired[Sequence[Turn]]


class Model(Protocol):
    """What the chain needs of a LangChain chat model; every model of `rag.chat_models` has it."""

    @property
    def fingerprint(self) -> str: ...

    @property
    def context_tokens(self) -> int:
        """The longest prompt with its answer, in tokens."""
        ...

    @property
    def prompt_style(self) -> PromptStyle: ...

    def count_tokens(self, turns: Sequence[Turn], /) -> int:
        """The tokens of the rendered conversation, template included."""
        ...

    def invoke(self, messages: list[BaseMessage], config: RunnableConfig | None = None, /) -> AIMessage: ...

    def stream(
        self, messages: list[BaseMessage], config: RunnableConfig | None = None, /
    ) -> Iterator[AIMessageChunk]: ...


@dataclass(frozen=True, slots=True)
class ReceiptSource:
    """What the receipt says of the parts that do not change between questions."""

    generation: Callable[[], int]
    embedder: str
    model: str
    adapter: str
    seed: int
    temperature: float
    max_answer_tokens: int = 256
    scope: str = ""


@dataclass(slots=True)
class _Run:
    """One question on its way: the clock and what was said so far."""

    started: float = field(default_factory=time.perf_counter)
    retrieved: float = 0.0
    first_token: float | None = None
    text: str = ""
    answer_tokens: int = 0
    left_out: list[str] = field(default_factory=list)
    """What the question was searched without, in words."""

    def timings(self, prompt_tokens: int) -> Timings:
        total = time.perf_counter() - self.started
        return Timings(self.retrieved, self.first_token, total, prompt_tokens, self.answer_tokens)


Quoter = Callable[[str, Sequence[Chunk], Sequence[Vote]], Quote | None]
"""Finds the sentence of the shown passages that is closest to a question, given the reader's votes (see `rag.quoting`)."""


Outliner = Callable[[Scope | None], Outline]
"""What the notes inside a scope are made of (see `rag.outline`)."""


class AnswerChain(Runnable[Question, Any]):
    """A retriever and a chat model joined: `invoke` gives an `Answer`, `stream` the events that end with it."""

    def __init__(
        self,
        retriever: BaseRetriever,
        model: Model,
        settings: AnswerSettings,
        receipt: ReceiptSource,
        quoter: Quoter | None = None,
        outliner: Outliner | None = None,
        scope: Scope | None = None,
    ) -> None:
        self.retriever = retriever
        self.model = model
        self.settings = settings
        self.receipt = receipt
        self.quoter = quoter
        self.outliner = outliner
        self.scope = scope

    def within(self, scope: Scope) -> AnswerChain:
        """The same chain over a part of the notes; its retriever must be a `rag.retriever.LecternRetriever`."""
        retriever = self.retriever.model_copy(update={"scope": scope})
        receipt = replace(self.receipt, scope=describe(scope))
        return AnswerChain(retriever, self.model, self.settings, receipt, self.quoter, self.outliner, scope)

    def invoke(self, input: Question, config: RunnableConfig | None = None, **kwargs: Any) -> Answer:  # noqa: A002 - LangChain's name
        """The answer to one question.

        Raises:
            QuestionError: the question is empty or too long.
        """

        def run(question: Question, config: RunnableConfig) -> Answer:
            return next(event.answer for event in self._events(question, config) if isinstance(event, Done))

        answer: Answer = self._call_with_config(run, input, config)  # type: ignore[arg-type]  # LangChain passes config by name
        return answer

    def stream(
        self,
        input: Question,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Iterator[Event]:
        """The events of one question in order, `Done` last. Closing the iterator stops the model.

        Raises:
            QuestionError: the question is empty or too long.
        """

        def transform(inputs: Iterator[Question], config: RunnableConfig) -> Iterator[Event]:
            for question in inputs:
                yield from self._events(question, config)

        yield from self._transform_stream_with_config(
            iter([input]),
            transform,  # type: ignore[arg-type]  # LangChain passes config by name
            config,
            **kwargs,
        )

    async def astream(
        self,
        input: Question,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[Event]:
        """`stream`, with the model in a thread."""

        async def transform(inputs: AsyncIterator[Question], config: RunnableConfig) -> AsyncIterator[Event]:
            async for question in inputs:
                events = self._events(question, config)
                try:
                    while (event := await asyncio.to_thread(next, events, None)) is not None:
                        yield event
                finally:
                    await asyncio.to_thread(events.close)

        async def once() -> AsyncIterator[Question]:
            yield input

        async for event in self._atransform_stream_with_config(once(), transform, config, **kwargs):  # type: ignore[arg-type]
            yield event

    def _events(self, asked: Question, config: RunnableConfig) -> Generator[Event]:
        run = _Run()
        question = self._checked(asked["question"])
        if self.outliner is not None and asks_for_outline(question):
            yield from self._outlined(question, self.outliner(self.scope), run)
            return
        history = self._considered(question, list(asked.get("history") or ()), run)
        rewritten = self._standalone(question, history, run, config)
        yield Rewritten(rewritten)
        hits, judged = self._retrieve(question, rewritten, history, config)
        run.retrieved = time.perf_counter() - run.started
        decision = decide(judged, self.settings)
        if not decision.answer:
            yield Retrieved(tuple(hits), 0, decision)
            yield Done(self._refusal(question, rewritten, hits, run, decision))
            return
        context = self._context(rewritten, hits, history)
        yield Retrieved(
            tuple(hits),
            len(context.passages),
            decision,
            context.prompt_tokens,
            self.model.context_tokens,
            context.passages,
        )
        yield from self._tokens(context, run, config)
        yield Done(self._answer(question, rewritten, hits, context, run, decision))

    def _outlined(self, question: str, outline: Outline, run: _Run) -> Iterator[Event]:
        """The events of a question about the notes as a whole; each document's first passage is shown."""
        hits = tuple(Hit(document.first, 1.0) for document in outline.documents)
        decision = Decision(bool(hits), None, "the outline of the notes")
        yield Rewritten(question)
        run.retrieved = time.perf_counter() - run.started
        yield Retrieved(hits, len(hits), decision, passages=hits)
        if not hits:
            yield Done(self._refusal(question, question, hits, run, decision))
            return
        sentences = outline_sentences(outline)
        citations = outline_citations(outline, sentences)
        yield Done(
            Answer(
                question, question, outline_text(outline, sentences), False, sentences, citations, hits,
                run.timings(0), self._receipt(),
                details={
                    "gate": decision.reason,
                    "gate_score": None,
                    "shown": len(hits),
                    "passages": [hit.chunk.id for hit in hits],
                    "outline": True,
                },
            )
        )  # fmt: skip

    def _checked(self, question: str) -> str:
        stripped = question.strip()
        if not stripped:
            raise QuestionError("The question is empty. Ask something about your notes.")
        if len(stripped) > self.settings.max_question_chars:
            raise QuestionError(
                f"The question has {len(stripped):,} characters; at most {self.settings.max_question_chars:,} are "
                "accepted. Shorten it, or put the long text into a note and ingest that."
            )
        return stripped

    def _considered(self, question: str, history: list[Turn], run: _Run) -> list[Turn]:
        """The latest turns of the conversation; those before them are said to be left out where any would have been used."""
        cut = max(0, len(history) - 2 * self.settings.history_turns)
        used = self.model.prompt_style is PromptStyle.INSTRUCT or standalone.leans_on_history(
            question, history
        )
        if cut and used:
            turns = self.settings.history_turns
            run.left_out.append(
                f"{cut} earlier messages are more than the {turns} turns of answer.history_turns"
            )
        return history[cut:]

    def _standalone(self, question: str, history: Sequence[Turn], run: _Run, config: RunnableConfig) -> str:
        if not standalone.leans_on_history(question, history):
            return question
        if self.model.prompt_style is PromptStyle.READER:
            return standalone.merge(question, history)
        kept = standalone.latest_that_fit(question, history, self.model.count_tokens, self._prompt_tokens)
        if len(kept) < len(history):
            cut = len(history) - len(kept)
            run.left_out.append(
                f"{cut} earlier messages did not fit the model's context when the question was rewritten"
            )
        if not kept:
            return standalone.merge(question, history)
        messages = to_messages(standalone.rewrite_turns(question, kept))
        return standalone.accept_rewrite(self.model.invoke(messages, config).text, question, history)

    def _retrieve(
        self, question: str, rewritten: str, history: Sequence[Turn], config: RunnableConfig
    ) -> tuple[list[Hit], list[Hit]]:
        """The hits to answer from and those the gate judges."""
        return answering.hits_for(question, rewritten, history, lambda query: self._search(query, config))

    def _search(self, query: str, config: RunnableConfig) -> list[Hit]:
        return [hit_from_document(document) for document in self.retriever.invoke(query, config)]

    @property
    def _prompt_tokens(self) -> int:
        """The longest prompt beside which the longest answer has room."""
        return self.model.context_tokens - self.receipt.max_answer_tokens

    def _context(self, question: str, hits: Sequence[Hit], history: Sequence[Turn]) -> Context:
        budget = Budget(self._prompt_tokens, self.settings.passage_tokens, self.settings.passages)
        return fit(self.model.prompt_style, question, hits, history, self.model.count_tokens, budget)

    def _tokens(self, context: Context, run: _Run, config: RunnableConfig) -> Iterator[Token]:
        stream = cast("Generator[AIMessageChunk]", self.model.stream(to_messages(context.messages), config))
        with closing(stream):  # closing the chain's stream stops the model now, not when it is collected
            for chunk in stream:
                if chunk.text:
                    if run.first_token is None:
                        run.first_token = time.perf_counter() - run.started
                    run.text += chunk.text
                    yield Token(chunk.text)
                    if answering.repeats_itself(run.text):
                        break
                if chunk.usage_metadata:
                    run.answer_tokens += chunk.usage_metadata["output_tokens"]

    def _answer(
        self,
        question: str,
        rewritten: str,
        hits: Sequence[Hit],
        context: Context,
        run: _Run,
        decision: Decision,
    ) -> Answer:
        passages = [hit.chunk for hit in context.passages]
        checked, quote = self._checked_text(run.text, rewritten, passages)
        return Answer(
            question=question,
            standalone_question=rewritten,
            text=checked.text,
            abstained=checked.abstained,
            sentences=checked.evidence.sentences,
            citations=checked.evidence.citations,
            hits=tuple(hits),
            timings=run.timings(context.prompt_tokens),
            receipt=self._receipt(),
            left_out=(*run.left_out, *context.left_out),
            details={
                "context_tokens": self.model.context_tokens,
                "context_assumed": bool(getattr(self.model, "context_assumed", False)),
                "gate": decision.reason,
                "gate_score": decision.score,
                "shown": len(context.passages),
                "passages": [hit.chunk.id for hit in context.passages],
                "model_text": run.text,
                "quote_score": quote.score if quote else None,
                "quoted": quote is not None and not quote.by_reader and not checked.abstained,
            },
        )

    def _checked_text(
        self, text: str, question: str, passages: Sequence[Chunk]
    ) -> tuple[CheckedAnswer, Quote | None]:
        """What may be shown of the model's text; a small reader's choice is held against the closest sentence in code.

        Where the reader broke off before what was asked for (a date in parentheses), the whole sentence is quoted.
        """
        if self.model.prompt_style is not PromptStyle.READER or self.quoter is None:
            return answering.checked_answer(text, passages, self.settings.support), None
        said = answering.checked_answer(answering.without_headings(text), passages, self.settings.support)
        quote = self.quoter(question, passages, answering.votes(said, passages))
        if quote is None or quote.score < self.settings.quote_score:
            return answering.REFUSAL, quote
        whole = holds_kind(kind_of(question), without_citations(said.text), question)
        if quote.by_reader and not quote.continued and whole:
            return said, quote
        return answering.quoted_answer(quote, passages, self.settings.support), quote

    def _refusal(
        self, question: str, rewritten: str, hits: Sequence[Hit], run: _Run, decision: Decision
    ) -> Answer:
        return Answer(
            question, rewritten, ABSTENTION, True, (), (), tuple(hits), run.timings(0), self._receipt(),
            left_out=tuple(run.left_out),
            details={"gate": decision.reason, "gate_score": decision.score, "shown": 0},
        )  # fmt: skip

    def _receipt(self) -> Receipt:
        source = self.receipt
        return Receipt(
            source.generation(),
            source.embedder,
            source.model,
            source.adapter,
            PROMPT_VERSION,
            source.seed,
            source.temperature,
            source.scope,
        )


def to_messages(turns: Sequence[Turn]) -> list[BaseMessage]:
    """LangChain's messages for turns."""
    kinds: dict[Role, type[BaseMessage]] = {
        Role.SYSTEM: SystemMessage,
        Role.USER: HumanMessage,
        Role.ASSISTANT: AIMessage,
    }
    return [kinds[turn.role](turn.content) for turn in turns]
