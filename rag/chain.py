"""The chain from a question to a cited answer, as a LangChain `Runnable`.

    question, history -> route -> condense -> search and score -> tier -> an answerer -> Answer

Each step is a module of `rag.answer`; this one knows their order. `stream` yields what happens as it happens
(`Rewritten`, `Searched`, `Retrieved`, `Closest`, `Token`, `Done`), `invoke` returns the `Answer`. Closing the stream stops the model
at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NotRequired, TypedDict

from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableConfig

from rag.answer.cell_output import output_below
from rag.answer.checked_question import checked_question
from rag.answer.finding import find, weigh
from rag.answer.finished_answer import finished_answer
from rag.answer.follow_up import completed_by_notes, with_named_item
from rag.answer.found import Clock, Draft, Found, cosines_with
from rag.answer.kinds import finished, returned, routed_draft
from rag.answer.network_turns import TURNS
from rag.answer.outline import asks_for_outline, outline_draft
from rag.answer.outline_parts import library_outline_draft
from rag.answer.readable import as_is
from rag.answer.route import Route, Routed, route
from rag.answer.scope_by_place import named_part
from rag.answer.scope_in_words import Named
from rag.answer.searched import searched
from rag.answer.steps import ReceiptSource, Steps
from rag.answer.study_request import study_draft
from rag.answer.talk import TALK, talk_draft
from rag.answer.tiers import decide_tier, is_better
from rag.answer.unread import UNSURE, unread_near
from rag.errors import QuestionError
from rag.events import Done, Event, Retrieved, Rewritten, Searched, Token
from rag.search.langchain_retriever import LecternRetriever
from rag.search.scope import Scope, describe
from rag.settings import AnswerSettings
from rag.types import Answer, AnswerKind, Decision, Hit, Omission, Tier, Turn


class Question(TypedDict):
    """The input of the chain. `history` is oldest first and may be left out.

    An `exact` question is searched as typed: neither completed from the history nor mended in its spelling. One asked
    `everywhere` is not limited to the documents that it names.
    """

    question: str
    history: NotRequired[Sequence[Turn]]
    exact: NotRequired[bool]
    everywhere: NotRequired[bool]


class AnswerChain(Runnable[Question, Any]):
    """A retriever and the steps of an answer.

    `invoke` returns an `Answer`; `stream` yields the events, of which the last has it.
    """

    def __init__(
        self,
        retriever: BaseRetriever,
        steps: Steps,
        settings: AnswerSettings,
        receipt: ReceiptSource,
        scope: Scope | None = None,
    ) -> None:
        self.retriever = retriever
        self.steps = steps
        self.settings = settings
        self.receipt = receipt
        self.scope = scope

    def within(self, scope: Scope) -> AnswerChain:
        """Return the same chain over a part of the notes.

        Raises:
            QuestionError: the retriever is not a `LecternRetriever`, which alone knows scopes.
        """
        if not isinstance(self.retriever, LecternRetriever):
            raise QuestionError(
                f"{type(self.retriever).__name__} cannot search a part of the notes; use a LecternRetriever or no scope."
            )
        retriever = self.retriever.model_copy(update={"scope": scope})
        receipt = replace(self.receipt, scope=describe(scope))
        return AnswerChain(retriever, self.steps, self.settings, receipt, scope)

    def invoke(self, input: Question, config: RunnableConfig | None = None, **kwargs: Any) -> Answer:  # noqa: A002 - LangChain's name
        """Return the answer to one question.

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
        """Yield the events of one question in order, `Done` last. Closing the iterator stops the model.

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
        """Yield what `stream` does, with the model in a thread."""

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

    def _events(self, asked: Question, config: RunnableConfig | None) -> Generator[Event]:
        clock = Clock()
        question = checked_question(asked["question"], self.settings)
        history = tuple(asked.get("history") or ())
        found, draft = yield from self._answered(asked, question, history, clock, config)
        scope = draft.scope or found.scope
        unread = unread_near(self.steps.notes, found.hits, self.scope) if draft.kind in UNSURE else ()
        yield Done(
            finished_answer(found, draft, clock, self.receipt.receipt(scope.label if scope else ""), unread)
        )

    def _answered(
        self,
        asked: Question,
        question: str,
        history: tuple[Turn, ...],
        clock: Clock,
        config: RunnableConfig | None,
    ) -> Generator[Event, None, tuple[Found, Draft]]:
        """Run the steps in order; a message that needs no search ends early."""
        routed = route(question, bool(history))
        if routed.route in TALK:
            return (yield from self._unsearched(question, talk_draft(routed.route, question), "talk", clock))
        if routed.route is Route.STUDY:
            drafted = study_draft(question, self.steps.notes, self.scope)
            return (yield from self._unsearched(question, drafted, "a request for study items", clock))
        if self.steps.outliner is not None and asks_for_outline(question):
            by_folder = self.steps.notes and library_outline_draft(self.steps.notes, self.scope)
            outlined = by_folder or outline_draft(self.steps.outliner(self.scope))
            return (yield from self._unsearched(question, outlined, "the outline of the notes", clock))
        found, named = yield from self._standalone_found(asked, question, history, config)
        clock.mark_retrieved()
        if (ready := self._of_a_kind(asked, found, routed, named, history, config)) is not None:
            return (yield from self._ready(found, ready, clock, config))
        return found, (yield from self.steps.answerer.draft(found, clock, config))

    def _of_a_kind(
        self,
        asked: Question,
        found: Found,
        routed: Routed,
        named: Named | None,
        history: tuple[Turn, ...],
        config: RunnableConfig | None,
    ) -> Draft | None:
        """Return the draft of a list, a table or a summary, if the notes have one."""
        return routed_draft(
            found, routed, named, history, self.steps.notes, self.scope, partial(self._simpler, asked, config),
            self.steps.writes, asked.get("everywhere", False),
        )  # fmt: skip

    def _simpler(self, asked: Question, config: RunnableConfig | None, question: str) -> Draft | None:
        """Return the answer to a part of a question, None where nothing is near."""
        found, named = returned(self._evidence(asked, question, question, (), (), config))
        routed = route(question, False)
        single = routed.route is not Route.TWO
        draft = self._of_a_kind(asked, found, routed, named, (), config) if single else None
        return draft or finished(self.steps.answerer.draft(found, Clock(), config))

    def _ready(
        self, found: Found, draft: Draft, clock: Clock, config: RunnableConfig | None
    ) -> Generator[Event, None, tuple[Found, Draft]]:
        """The events of a draft from structure; a model writes a summary if there is one."""
        reason = f"{draft.kind}: made of the structure of the notes"
        found = replace(found, decision=replace(found.decision, tier=Tier.ANSWER, reason=reason))
        if self.steps.summarizer is not None and draft.kind is AnswerKind.SUMMARY:
            return found, (yield from self.steps.summarizer.draft(found, draft, clock, config))
        yield Retrieved(found.hits, len(draft.passages), found.decision, passages=draft.passages)
        clock.mark_token()
        yield Token(draft.text)
        return found, draft

    def _unsearched(
        self, question: str, draft: Draft, reason: str, clock: Clock
    ) -> Generator[Event, None, tuple[Found, Draft]]:
        """Yield the events of an answer that needs no search."""
        tier = Tier.NONE if draft.kind is AnswerKind.NONE else Tier.ANSWER
        found = Found(question, question, (), draft.passages, (), Decision(tier, None, None, reason))
        yield Rewritten(question)
        clock.mark_retrieved()
        yield Retrieved(found.hits, len(found.hits), found.decision, passages=found.hits)
        return found, draft

    def _standalone_found(
        self, asked: Question, question: str, history: tuple[Turn, ...], config: RunnableConfig | None
    ) -> Generator[Event, None, tuple[Found, Named | None]]:
        """Return the evidence for a question and the documents it names.

        The question is completed and its spelling repaired unless it is exact.
        """
        exact = asked.get("exact", False)
        condensed = self.steps.condenser.condense(with_named_item(question, history), history, config)
        standalone = question if exact else condensed.question
        if self.steps.repair is not None and not exact:
            standalone = self.steps.repair(standalone).question
        standalone = completed_by_notes(
            question, standalone, history, self.steps.scorer, lambda query: self._search(query, config)
        )
        yield Rewritten(standalone)
        before = condensed.history, condensed.omissions
        return (yield from self._evidence(asked, question, standalone, *before, config))

    def _evidence(
        self,
        asked: Question,
        question: str,
        standalone: str,
        history: tuple[Turn, ...],
        omissions: tuple[Omission, ...],
        config: RunnableConfig | None,
    ) -> Generator[Event, None, tuple[Found, Named | None]]:
        """Return the scored passages and the documents that the question names.

        What is found is yielded. The passages are of those documents if they answer.
        """
        notes = self.steps.notes
        limits = None if asked.get("everywhere", False) else notes
        named = named_part(standalone, limits, self.scope) if limits is not None else None
        before, read = () if asked.get("exact", False) else history, notes.reading if notes else as_is

        def found_in(part: Named | None) -> Generator[Event, None, Found]:
            scope, limit = (part.scope(), part.part()) if part else (None, None)
            search = partial(self._search, config=config, scope=scope)
            with TURNS.search():
                hits, judged = find(question, standalone, search, before)
            yield Searched(tuple(hits))
            scorer, second = self.steps.scorer, self.steps.second
            evidence = weigh(standalone, hits, scorer, read=read, second=second, history=before)
            sure = evidence.probability if self.steps.writes else evidence.best_sentence
            decision = decide_tier(judged, sure, self.settings, self.steps.writes)
            return Found(
                question, standalone, history, evidence.hits, evidence.scores, decision, omissions,
                cosines_with(self.steps.embedder, standalone), limit, evidence.probability, evidence.readings,
                partial(output_below, notes=notes) if notes else None,
            )  # fmt: skip

        found = yield from found_in(named)
        if named is None or found.decision.tier is Tier.ANSWER:
            return found, named
        whole = yield from found_in(None)
        better = is_better(whole.decision.tier, found.decision.tier) or not found.hits
        return (whole if better else found), named

    def _search(self, query: str, config: RunnableConfig | None, scope: Scope | None = None) -> list[Hit]:
        return searched(self.retriever, self.steps.notes, query, config, scope)
