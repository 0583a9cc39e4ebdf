"""/api/ask and /api/documents in the forms of the command line's JSON."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from rag.types import Role, Turn
from ui.answer_text import answer_record, hit_record
from ui.api.courses import Course
from ui.api.errors import api_error
from ui.api.note_types import AskRequest, DocumentBlock, DocumentList, ListedDocument, WholeDocument
from ui.api.server_sent import event
from ui.api.service import Asked, Service

if TYPE_CHECKING:
    from rag.events import Event

EVENTS_SCHEMA = {
    "type": "string",
    "description": (
        "Events `rewritten` {question}, `searched` {hits}, `retrieved` {hits, passages, shown, tier}, `closest` {text} where a model writes, "
        "`token` {text}, and at the end `done` "
        "with an AnswerRecord or `error` with an ErrorAnswer."
    ),
}


def asked(body: AskRequest, service: Service) -> Asked:
    """Return the question of a request.

    Raises:
        ApiError: the course is unknown (404).
    """
    history = tuple(Turn(Role(message.role), message.content) for message in body.history)
    course = service.courses.named(body.course)
    return Asked(course, body.question, history, body.scope, body.exact, body.everywhere)


async def event_stream(identifier: str, events: AsyncGenerator[Event]) -> AsyncGenerator[bytes]:
    """Yield what happens as server-sent events; an error is the last one."""
    try:
        async with aclosing(events):
            async for happened in events:
                name, body = _named(identifier, happened)
                yield event(json.dumps(body, ensure_ascii=False), name)
    except Exception as exc:  # noqa: BLE001 - the response has begun; the client gets the error as an event
        yield event(json.dumps(api_error(exc).body(), ensure_ascii=False), "error")


def listed(course: Course) -> DocumentList:
    """Return the documents of a course without their texts."""
    records = course.application.library.documents()
    return DocumentList(
        course=course.name,
        documents=[
            ListedDocument(
                path=one.path,
                title=one.title,
                kind=one.kind,
                chunks=one.chunks,
                size_bytes=one.size_bytes,
                ingested_at=one.ingested_at,
                tags=list(one.tags),
            )
            for one in records
        ],
    )


def whole(course: Course, path: str) -> WholeDocument:
    """Return a document with its text and blocks.

    Raises:
        LibraryMissing: there is none of that name.
    """
    found = course.application.library.document(path)
    return WholeDocument(
        course=course.name,
        path=found.path,
        title=found.title,
        kind=found.kind,
        tags=list(found.tags),
        text=found.text,
        blocks=[
            DocumentBlock(
                kind=block.kind,
                start=block.start,
                end=block.end,
                locator=str(block.locator.within(found.path)),
            )
            for block in found.blocks
        ],
    )


def _named(identifier: str, happened: Event) -> tuple[str, dict[str, Any]]:
    """Return an event's name and body."""
    from rag.events import Closest, Done, Retrieved, Rewritten, Searched, Token

    match happened:
        case Rewritten():
            return "rewritten", {"question": happened.question}
        case Searched():
            return "searched", {"hits": [hit_record(hit) for hit in happened.hits]}
        case Retrieved():
            return "retrieved", {
                "hits": [hit_record(hit) for hit in happened.hits],
                "passages": [hit.chunk.id for hit in happened.passages],
                "shown": happened.shown,
                "tier": happened.decision.tier.value,
            }
        case Closest():
            return "closest", {"text": happened.text}
        case Token():
            return "token", {"text": happened.text}
        case Done():
            return "done", answer_record(identifier, happened.answer)
