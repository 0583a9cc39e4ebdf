"""What a conversation is made of, and how it lies on disk as JSON.

An `Exchange` is one question with whatever came of it: an answer, a part of one that was stopped, or an error. It holds
all that is needed to show it again after a restart, passages included, even when the notes have changed since.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING
from uuid import uuid4

from rag.errors import LibraryDamaged
from rag.types import Answer, Hit, Role, Turn

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_TITLE_CHARS = 60


class Outcome(StrEnum):
    """What came of a question."""

    PENDING = "pending"
    ANSWERED = "answered"
    STOPPED = "stopped"
    FAILED = "failed"


class Verdict(StrEnum):
    """What a person says about an answer."""

    GOOD = "good"
    WRONG_ANSWER = "wrong answer"
    WRONG_SOURCE = "wrong source"
    SHOULD_HAVE_REFUSED = "should have refused"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question of a conversation and what came of it.

    `hits` are the passages found, of which the model was given the first `shown` under the numbers 1 to `shown`, in a
    prompt of `prompt_tokens` out of the `context_tokens` it can read. `scope` is the part of the notes it was limited to, as
    `--scope` takes it. `text` is the answer so far and `error` the message
    when it failed. `answer` is there once it is whole.
    """

    id: str
    question: str
    asked_at: str
    outcome: Outcome = Outcome.PENDING
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


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """A line of the list of conversations; times are UTC, ISO 8601."""

    id: str
    title: str
    updated_at: str
    exchanges: int


def new_id() -> str:
    """A name that nobody guesses: 32 hexadecimal digits."""
    return uuid4().hex


def title_of(question: str) -> str:
    """A conversation's title: its first question on one line, shortened at a word."""
    line = " ".join(question.split())
    return line if len(line) <= _TITLE_CHARS else line[:_TITLE_CHARS].rsplit(" ", 1)[0] + "…"


def history_of(exchanges: Sequence[Exchange]) -> tuple[Turn, ...]:
    """The turns that a follow-up question can refer to; what failed or was stopped before a word is left out."""
    turns: list[Turn] = []
    for exchange in exchanges:
        text = exchange.answer.text if exchange.answer else exchange.text
        if text and exchange.outcome is not Outcome.FAILED:
            turns += [Turn(Role.USER, exchange.question), Turn(Role.ASSISTANT, text)]
    return tuple(turns)


def to_json(exchange: Exchange) -> str:
    """The exchange as JSON."""
    from ui.console import to_json as json_line

    return json_line(exchange)


def from_json(line: str) -> Exchange:
    """The exchange that `to_json` wrote.

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
