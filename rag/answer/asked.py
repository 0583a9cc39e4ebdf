"""A routed question with what the kinds of answers need to answer it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from rag.answer.found import Draft
from rag.answer.notes import Notes
from rag.answer.pair_scorer import PassageScore
from rag.answer.route import Route
from rag.answer.scope_in_words import Named
from rag.search.scope import Scope
from rag.types import Decision, Hit, Turn

T = TypeVar("T")
SEARCHED = 12
"""Passages of the documents named that are looked for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A stand-alone question with its passages, scores and named documents.

    `sure` is False where the router only suspects the kind, so that a kind answers on strong evidence alone.
    `counted` is True where only a list with as many items as the question names counts. `answer` answers a simpler
    question on the usual path and returns None where the notes do not answer it. `everywhere` is True where the
    documents that the question names are no limit. `kept` has what one kind worked out and another can use.
    """

    question: str
    route: Route
    notes: Notes
    hits: tuple[Hit, ...]
    scores: tuple[PassageScore, ...]
    scope: Scope | None
    named: Named | None
    sure: bool
    answer: Callable[[str], Draft | None]
    decision: Decision
    history: Sequence[Turn] = ()
    everywhere: bool = False
    counted: bool = False
    kept: dict[object, Any] = field(default_factory=dict)

    @property
    def inside(self) -> Scope | None:
        """The scope of the documents that the question names, else the person's own."""
        return self.named.scope() if self.named else self.scope

    @property
    def near(self) -> tuple[Hit, ...]:
        """The passages of the documents named, else those found; best first."""
        if self.named is None:
            return self.hits
        return self.once("near", lambda: tuple(self.notes.search(self.question, SEARCHED, self.inside)))

    def once(self, key: object, make: Callable[[], T]) -> T:
        """Return what `make` returns, worked out once for all kinds that are tried."""
        if key not in self.kept:
            self.kept[key] = make()
        return cast("T", self.kept[key])
