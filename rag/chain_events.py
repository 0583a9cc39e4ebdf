"""What happens while a question is answered, in order."""

from __future__ import annotations

from dataclasses import dataclass

from rag.gate import Decision
from rag.types import Answer, Hit


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The question that is searched; the same as the question where it stands alone."""

    question: str


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The hits, best first, how many of them the model is shown, and the gate's decision.

    `passages` are the hits that the model is shown, in the order of their numbers: not always the first ones, because one
    that does not fit is passed over.
    """

    hits: tuple[Hit, ...]
    shown: int
    decision: Decision
    prompt_tokens: int = 0
    context_tokens: int = 0
    passages: tuple[Hit, ...] = ()


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the answer as the model writes it."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The checked answer; always the last event."""

    answer: Answer


Event = Rewritten | Retrieved | Token | Done
