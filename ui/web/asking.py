"""One question from the page to a saved exchange: the chain's events become snapshots that the page draws.

Everything that can go wrong ends as an exchange too, with the message in it: a question is never lost.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from rag.errors import LecternError
from rag.types import Hit
from ui.web.batches import Batches
from ui.web.conversation import Exchange, Outcome, history_of, new_id
from ui.web.scope_choice import scope_of

if TYPE_CHECKING:
    from rag.chain import Question
    from rag.chain_events import Event
    from rag.scope import Scope


class Chain(Protocol):
    """What of `rag.chain.AnswerChain` the page needs."""

    def stream(self, input: Question) -> Iterator[Event]:  # noqa: A002 - LangChain's name
        """The events of one question."""
        ...


def begin(question: str, scope: Sequence[str] = ()) -> Exchange:
    """A new exchange for a question that was just asked, about a part of the notes or all of them."""
    return Exchange(new_id(), question.strip(), datetime.now(UTC).isoformat(), scope=tuple(scope))


def answered(
    chain: Callable[[Scope], Chain],
    exchange: Exchange,
    earlier: Sequence[Exchange],
    stop: threading.Event,
) -> Iterator[Exchange]:
    """Snapshots of the exchange as the answer comes; the last one is answered, stopped or failed.

    `chain` gives the chain within the exchange's scope, and is waited for if its model is still loading. `stop` ends everything within a fraction of a second, with what
    there was until then.
    """
    from rag.chain_events import Retrieved

    asked: Question = {"question": exchange.question, "history": history_of(earlier)}
    scope = exchange.scope
    try:
        for events in Batches(lambda: chain(scope_of(scope)).stream(asked), stop):
            for event in events:
                exchange = _after(exchange, event)
                if isinstance(event, Retrieved):
                    yield exchange  # the passages are seen before the first token, even when both came at once
            yield exchange
    except LecternError as exc:
        yield replace(exchange, outcome=Outcome.FAILED, error=str(exc))
        return
    if exchange.outcome is Outcome.PENDING:
        yield replace(exchange, outcome=Outcome.STOPPED)


def _after(exchange: Exchange, event: Event) -> Exchange:
    from rag.chain_events import Done, Retrieved, Rewritten, Token

    match event:
        case Rewritten():
            return replace(exchange, standalone_question=event.question)
        case Retrieved():
            return replace(
                exchange,
                hits=numbered_first(event.passages, event.hits),
                shown=len(event.passages),
                prompt_tokens=event.prompt_tokens,
                context_tokens=event.context_tokens,
            )
        case Token():
            return replace(exchange, text=exchange.text + event.text)
        case Done():
            return replace(
                exchange,
                outcome=Outcome.ANSWERED,
                answer=event.answer,
                text=event.answer.text,
                standalone_question=event.answer.standalone_question,
            )


def numbered_first(passages: Sequence[Hit], hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """The passages shown to the model in the order of their numbers, then the other hits as they were found."""
    shown = {hit.chunk.id for hit in passages}
    return (*passages, *(hit for hit in hits if hit.chunk.id not in shown))
