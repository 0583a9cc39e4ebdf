"""The exchanges of a conversation, and their JSON on disk.

An `Exchange` is one question with its outcome: an answer, a part of one that was stopped, or an error. It
has all that is needed to show it again after a restart, passages included, even when the notes have changed
since.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING
from uuid import uuid4

from eval.golden.feedback import Verdict
from rag.errors import LibraryDamaged
from rag.types import Answer, Hit, Role, Turn

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_TITLE_CHARS = 60


class ExchangeOutcome(StrEnum):
    """The outcome of a question."""

    PENDING = "pending"
    ANSWERED = "answered"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question of a conversation and its outcome.

    `hits` are the passages found, of which the model was given the first `shown` under the numbers 1 to `shown`, in a
    prompt of `prompt_tokens` out of the `context_tokens` it can read. `scope` is the part of the notes it was limited to, as
    `--scope` takes it, and an `exact` question was searched as typed, one asked
    `everywhere` not only in the notes that it names. `text` is the answer so far and `error` the message
    when it failed. `closest` are quotes that are shown until the answer begins. `model` is the name of what answered,
    `wish` one of `ui.web.wishes`.
    `answer` is there once it is whole.
    """

    id: str
    question: str
    asked_at: str
    outcome: ExchangeOutcome = ExchangeOutcome.PENDING
    standalone_question: str = ""
    hits: tuple[Hit, ...] = ()
    shown: int = 0
    prompt_tokens: int = 0
    context_tokens: int = 0
    text: str = ""
    answer: Answer | None = None
    error: str = ""
    verdict: Verdict | None = None
    scope: tuple[str, ...] = ()
    exact: bool = False
    everywhere: bool = False
    wish: str = ""
    model: str = ""
    closest: str = ""


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """A line of the list of conversations; times are UTC, ISO 8601."""

    id: str
    title: str
    updated_at: str
    exchanges: int


def new_id() -> str:
    """Return an unguessable name of 32 hexadecimal digits."""
    return uuid4().hex


def title_of(question: str) -> str:
    """Return a conversation's title: its first question on one line, shortened."""
    line = " ".join(question.split())
    return line if len(line) <= _TITLE_CHARS else line[:_TITLE_CHARS].rsplit(" ", 1)[0] + "…"


def history_of(exchanges: Sequence[Exchange]) -> tuple[Turn, ...]:
    """Return the turns that a follow-up can refer to.

    A question that failed, or was stopped before a word of the answer, is left out.
    """
    turns: list[Turn] = []
    for exchange in exchanges:
        text = exchange.answer.text if exchange.answer else exchange.text
        if text and exchange.outcome is not ExchangeOutcome.FAILED:
            turns += [Turn(Role.USER, exchange.question), Turn(Role.ASSISTANT, text)]
    return tuple(turns)


def ended(exchange: Exchange) -> Exchange:
    """Return a saved exchange as it ended; one that a crash left pending was stopped."""
    pending = exchange.outcome is ExchangeOutcome.PENDING
    return replace(exchange, outcome=ExchangeOutcome.STOPPED) if pending else exchange


def to_json(exchange: Exchange) -> str:
    """Return the exchange as JSON."""
    from ui.console import to_json as json_line

    return json_line(exchange)


def from_json(line: str) -> Exchange:
    """Return the exchange that `to_json` wrote.

    Raises:
        LibraryDamaged: the line was written by something else.
    """
    from pydantic import ValidationError

    try:
        return _adapter().validate_json(line)
    except ValidationError as exc:
        raise LibraryDamaged(
            f"A saved conversation cannot be read ({exc.error_count()} fields do not fit); it was written by another "
            "version of Lectern. Delete conversations.sqlite in the library folder to start without the history."
        ) from exc


@cache
def _adapter() -> TypeAdapter[Exchange]:
    from pydantic import TypeAdapter

    return TypeAdapter(Exchange)
