"""A question from the page becomes a saved exchange.

The chain's events become snapshots that the page draws.

Everything that can go wrong ends as an exchange too, with the message in it: a question is never lost.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from rag.answer.checked_question import checked_question
from rag.errors import LecternError, QuestionError
from rag.types import Hit
from ui.web.batches import Batches
from ui.web.conversation import Exchange, ExchangeOutcome, history_of, new_id
from ui.web.scope_choice import scope_of

if TYPE_CHECKING:
    from rag.chain import Question
    from rag.events import Event
    from rag.search.scope import Scope
    from rag.settings import AnswerSettings


_MOST_DRAWING_SECONDS = 0.5
"""Seconds for which an answer waits for its passages to be drawn. Nobody may look."""


class Chain(Protocol):
    """The part of `rag.chain.AnswerChain` that the page needs."""

    def stream(self, input: Question) -> Iterator[Event]:  # noqa: A002 - LangChain's name
        """Yield the events of one question."""
        ...


def begin(
    question: str, scope: Sequence[str] = (), exact: bool = False, everywhere: bool = False, wish: str = ""
) -> Exchange:
    """Return a new exchange for a question, about a part of the notes or all of them.

    An `exact` one is searched as typed, one asked `everywhere` not only in the notes that it names.
    """
    return Exchange(
        new_id(),
        question.strip(),
        datetime.now(UTC).isoformat(),
        scope=tuple(scope),
        exact=exact,
        everywhere=everywhere,
        wish=wish,
    )


def begin_again(
    last: Exchange,
    scope: Sequence[str],
    exact: bool | None,
    question: str,
    everywhere: bool | None,
    wish: str,
) -> Exchange:
    """Return a new exchange for the same question or an edited one.

    None keeps `exact` and `everywhere` as they were.
    """
    exact = last.exact if exact is None else exact
    everywhere = last.everywhere if everywhere is None else everywhere
    return begin(question.strip() or last.question, scope, exact, everywhere, wish)


def refusal(question: str, settings: AnswerSettings) -> str:
    """Return the reason why a question is not asked: it is too long; else empty."""
    try:
        checked_question(question, settings)
    except QuestionError as exc:
        return str(exc) if question.strip() else ""
    return ""


def answered(
    chain: Callable[[Scope], Chain],
    exchange: Exchange,
    earlier: Sequence[Exchange],
    stop: threading.Event,
    seen: threading.Event,
) -> Iterator[Exchange]:
    """Yield snapshots of the exchange as the answer comes.

    The last one is answered, stopped or failed. `chain` returns the chain within the exchange's scope and
    may wait for its model to load. `stop` ends everything within a fraction of a second, with the answer so
    far. The passages found are read when they were `seen`, or after a moment.
    """
    asked: Question = {"question": exchange.question, "history": history_of(earlier)}
    if exchange.exact:
        asked["exact"] = True
    if exchange.everywhere:
        asked["everywhere"] = True
    scope = exchange.scope
    try:
        events_of = Batches(
            lambda: _seen_first(chain(scope_of(scope)).stream(asked), seen), stop, urgent=_has_passages
        )
        for events in events_of:
            for event in events:
                exchange = _after(exchange, event)
                if _has_passages(event):
                    yield exchange  # the passages are seen before the first token, even when both came at once
            yield exchange
    except LecternError as exc:
        yield replace(exchange, outcome=ExchangeOutcome.FAILED, error=str(exc))
        return
    if exchange.outcome is ExchangeOutcome.PENDING:
        yield replace(exchange, outcome=ExchangeOutcome.STOPPED)


def _has_passages(event: Event) -> bool:
    from rag.events import Retrieved, Searched

    return isinstance(event, (Searched, Retrieved))


def _seen_first(events: Iterator[Event], seen: threading.Event) -> Iterator[Event]:
    """Yield the events of an answer, the first passages seen before they are read.

    A network uses every core, and the page is drawn much later beside it. `seen` ends the wait.
    """
    from rag.answer.network_turns import TURNS
    from rag.events import Searched

    for event in events:
        yield event
        if isinstance(event, Searched) and event.hits:
            with TURNS.search():
                seen.wait(_MOST_DRAWING_SECONDS)


def _after(exchange: Exchange, event: Event) -> Exchange:
    from rag.events import Closest, Done, Retrieved, Rewritten, Searched, Token

    match event:
        case Rewritten():
            return replace(exchange, standalone_question=event.question)
        case Searched():
            return replace(exchange, hits=event.hits, shown=0)
        case Retrieved():
            return replace(
                exchange,
                hits=numbered_first(event.passages, event.hits),
                shown=len(event.passages),
                prompt_tokens=event.prompt_tokens,
                context_tokens=event.context_tokens,
            )
        case Closest():
            return replace(exchange, closest=event.text)
        case Token():
            return replace(exchange, text=exchange.text + event.text, closest="")
        case Done():
            return replace(
                exchange,
                outcome=ExchangeOutcome.ANSWERED,
                answer=event.answer,
                text=event.answer.text,
                standalone_question=event.answer.standalone_question,
            )


def numbered_first(passages: Sequence[Hit], hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """Return the passages shown to the model in order, then the other hits as found."""
    shown = {hit.chunk.id for hit in passages}
    return (*passages, *(hit for hit in hits if hit.chunk.id not in shown))
