"""The registry of the kinds of answers: a route to a maker of drafts.

A kind returns None where the notes have nothing of its form; the question then takes the usual path. So a wrong route costs time and
no answer.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from rag.answer.asked import Asked
from rag.answer.code_lookup import code_draft
from rag.answer.compare import comparison_draft
from rag.answer.explain import explain_draft
from rag.answer.fact_drafts import fact_draft
from rag.answer.follow_up import continue_draft
from rag.answer.found import Draft, Drafting, Found
from rag.answer.likely_kinds import trials
from rag.answer.listing import count_draft, list_draft, parts_draft
from rag.answer.locate import locate_draft
from rag.answer.notes import Notes
from rag.answer.outline_parts import outline_kind_draft
from rag.answer.route import Route, Routed
from rag.answer.scope_in_words import Named
from rag.answer.summarize import summary_draft
from rag.answer.tables import table_draft
from rag.answer.two_questions import two_draft
from rag.events import Event
from rag.search.scope import Scope
from rag.types import AnswerKind, Turn

T = TypeVar("T")


def outlined(asked: Asked) -> Draft | None:
    """Return the numbered parts that the question asks for, else an outline."""
    return (parts_draft(asked) if asked.sure else None) or outline_kind_draft(asked)


KINDS: Mapping[Route, Callable[[Asked], Draft | None]] = {
    Route.LIST: list_draft,
    Route.COUNT: count_draft,
    Route.TABLE: table_draft,
    Route.CODE: code_draft,
    Route.COMPARISON: comparison_draft,
    Route.TWO: two_draft,
    Route.SUMMARY: summary_draft,
    Route.OUTLINE: outlined,
    Route.LOCATE: locate_draft,
    Route.EXPLAIN: explain_draft,
    Route.CONTINUE: continue_draft,
}

INSTEAD: Mapping[Route, tuple[Route, ...]] = {
    Route.COUNT: (Route.TABLE,),
    Route.SUMMARY: (Route.OUTLINE,),
    Route.OUTLINE: (Route.SUMMARY,),
}
"""Kinds tried after one that has nothing."""

WRITTEN_KINDS = frozenset((AnswerKind.ANSWER, AnswerKind.EXTRACT, AnswerKind.COMPARISON))
WRITTEN_ROUTES = frozenset((Route.COMPARISON, Route.CONTINUE, Route.EXPLAIN, Route.TWO))
"""Routes whose drafts are all of the `WRITTEN_KINDS`.

A language model explains and compares better than quotes do, so it answers where there is one.
"""


def kind_draft(asked: Asked) -> Draft | None:
    """Return the draft of the routed kind, or of one near to it. None where the usual path must answer."""
    instead = INSTEAD.get(asked.route, ()) if asked.sure else ()
    for route in (asked.route, *instead):
        kind = KINDS.get(route)
        draft = kind(replace(asked, route=route)) if kind is not None else None
        if draft is not None:
            return draft
    return None


def routed_draft(
    found: Found,
    routed: Routed,
    named: Named | None,
    history: Sequence[Turn],
    notes: Notes | None,
    scope: Scope | None,
    answer: Callable[[str], Draft | None],
    writes: bool,
    everywhere: bool = False,
) -> Draft | None:
    """Return the draft of a question's likely kind, None for the usual path.

    Args:
        named: the documents that the question names.
        answer: answers a simpler question on the usual path.
        writes: a language model writes on the usual path, so that only lists, tables and the like are made here.
        everywhere: the documents that the question names are no limit.
    """
    if notes is None or not found.hits:
        return None
    asked = Asked(
        found.standalone, Route.FACT, notes, found.read_hits, found.scores, scope, named, True, answer, found.decision,
        history, everywhere,
    )  # fmt: skip
    for trial in trials(found.question, routed, bool(history)):
        if writes and trial.route in WRITTEN_ROUTES:
            return None
        draft = kind_draft(replace(asked, route=trial.route, sure=trial.sure, counted=trial.counted))
        if draft is not None:
            return None if writes and draft.kind in WRITTEN_KINDS else _scoped(draft, named)
    return None if writes else fact_draft(asked, found, routed)


def _scoped(draft: Draft, named: Named | None) -> Draft:
    """The draft with the part of the notes named, if all it cites is there."""
    return replace(draft, scope=named.part()) if named is not None and _is_inside(draft, named) else draft


def _is_inside(draft: Draft, named: Named) -> bool:
    return bool(draft.citations) and {one.document for one in draft.citations} <= set(named.documents)


def returned(steps: Generator[Event, None, T]) -> T:
    """Return what steps return, without their events."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            value: T = done.value
            return value


def finished(drafting: Drafting) -> Draft | None:
    """Return the draft of an answerer run to its end, None for a refusal."""
    draft = returned(drafting)
    return None if draft.kind is AnswerKind.NONE else draft
