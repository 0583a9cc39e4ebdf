"""The events of answering a question, in the order in which they come."""

from __future__ import annotations

from dataclasses import dataclass

from rag.types import Answer, Decision, Hit


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The question that is searched: as asked, or completed and its spelling repaired."""

    question: str


@dataclass(frozen=True, slots=True)
class Searched:
    """The hits of a search, best first, before anything has read them.

    A question that names a part of the notes may be searched twice.
    """

    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The hits of the search, best first, and the decision on the tier.

    `passages` are the hits that the model is shown, in the order of their numbers, and `shown` is their
    count: not always the first hits, because one that does not fit is skipped. `prompt_tokens` and
    `context_tokens` are the lengths of the prompt and of the model's context, 0 where no model runs.
    """

    hits: tuple[Hit, ...]
    shown: int
    decision: Decision
    prompt_tokens: int = 0
    context_tokens: int = 0
    passages: tuple[Hit, ...] = ()


@dataclass(frozen=True, slots=True)
class Closest:
    """The closest sentences of the notes, shown until a model's first token comes.

    `text` has no citations; it is no part of the answer.
    """

    text: str


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the answer as the model writes it."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The checked answer; always the last event."""

    answer: Answer


Event = Rewritten | Searched | Retrieved | Closest | Token | Done
