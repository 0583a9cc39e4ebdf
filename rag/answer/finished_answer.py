"""The last step: a draft with all that every answer carries."""

from __future__ import annotations

from rag.answer.found import Clock, Draft, Found
from rag.types import Answer, AnswerKind, Diagnostics, Hit, Receipt, Unread


def finished_answer(
    found: Found, draft: Draft, clock: Clock, receipt: Receipt, unread: tuple[Unread, ...] = ()
) -> Answer:
    """Return the draft with all that every answer carries."""
    return Answer(
        question=found.question,
        standalone_question=found.standalone,
        text=draft.text,
        abstained=draft.kind is AnswerKind.NONE,
        sentences=draft.sentences,
        citations=draft.citations,
        hits=_with_cited(found, draft),
        timings=clock.timings(draft.prompt_tokens, draft.answer_tokens),
        receipt=receipt,
        omissions=(*found.omissions, *draft.omissions),
        kind=draft.kind,
        answers_question=draft.answers_question,
        conflicts=draft.conflicts,
        unread=unread,
        scope=draft.scope or found.scope,
        details=Diagnostics(
            gate=found.decision.reason,
            gate_score=found.decision.score,
            probability=found.decision.probability,
            shown=len(draft.passages),
            passages=tuple(hit.chunk.id for hit in draft.passages),
            model_text=draft.model_text,
            context_tokens=draft.context_tokens,
            context_assumed=draft.context_assumed,
        ),
    )


def _with_cited(found: Found, draft: Draft) -> tuple[Hit, ...]:
    """Return the hits of the search, then what the draft shows beside them.

    A comparison or a table has passages of searches of its own; whoever reads the answer finds them all here.
    """
    known = {hit.chunk.id for hit in found.hits}
    return (*found.hits, *(hit for hit in draft.passages if hit.chunk.id not in known))
