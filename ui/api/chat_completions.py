"""/v1/chat/completions: a question to the notes in OpenAI's form."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag.types import Role, Turn
from ui.answer_text import answer_record
from ui.api.errors import ApiError, api_error
from ui.api.openai_types import (
    AnswerMessage,
    ChatCompletion,
    ChatMessage,
    ChatRequest,
    Choice,
    Delta,
    LecternField,
    Usage,
)
from ui.api.server_sent import event
from ui.api.service import Asked, Service

if TYPE_CHECKING:
    from rag.events import Event
    from rag.types import Answer

_HONOURED = {
    "model",
    "messages",
    "stream",
    "stream_options",
    "scope",
    "course",
    "exact",
    "everywhere",
    "n",
    "user",
    "metadata",
}
_SYSTEM = ("system", "developer")


@dataclass(frozen=True, slots=True)
class Completion:
    """A question that was checked, with what its answer needs besides.

    `ignored` are the fields of the request that have no effect; `created` is a time in Unix seconds.
    """

    id: str
    model: str
    created: int
    asked: Asked
    ignored: tuple[str, ...]
    usage_wanted: bool


def completion(request: ChatRequest, service: Service, request_id: str) -> Completion:
    """Return the question of a request.

    Raises:
        ApiError: the model or course is unknown (404), or the request wants what notes cannot give (400).
    """
    course = service.courses.of_model(request.model, request.course)
    _check_wishes(request)
    turns = [
        _turn(message, number)
        for number, message in enumerate(request.messages)
        if message.role not in _SYSTEM
    ]
    if not turns or turns[-1].role is not Role.USER:
        raise ApiError(
            400,
            "The last message must be of role `user`: it is the question to the notes.",
            "no_question",
            param="messages",
        )
    options = request.stream_options
    return Completion(
        id=f"chatcmpl-{request_id}",
        model=request.model,
        created=int(time.time()),
        asked=Asked(
            course, turns[-1].content, tuple(turns[:-1]), request.scope, request.exact, request.everywhere
        ),
        ignored=_ignored(request),
        usage_wanted=bool(options and options.include_usage),
    )


async def whole(wanted: Completion, service: Service) -> ChatCompletion:
    """Return the answer in one piece.

    Raises:
        ApiError, LecternError: as for `Service.answer`.
    """
    answer = await service.answer(wanted.asked)
    return ChatCompletion(
        id=wanted.id,
        created=wanted.created,
        model=wanted.model,
        choices=[Choice(message=AnswerMessage(content=answer.text))],
        usage=_usage(answer),
        lectern=_field(wanted, answer),
    )


async def streamed(wanted: Completion, events: AsyncGenerator[Event]) -> AsyncGenerator[bytes]:
    """Yield the answer as server-sent events.

    Its text comes first, then the checked answer in `lectern`. An error is the last event. Text that was streamed cannot be taken back: where checking changed it, the text that counts is
    `lectern.answer`.
    """
    from rag.events import Done, Token

    yield _chunk(wanted, Delta(role="assistant", content=""))
    shown = ""
    try:
        async with aclosing(events):
            async for happened in events:
                if isinstance(happened, Token):
                    shown += happened.text
                    yield _chunk(wanted, Delta(content=happened.text))
                elif isinstance(happened, Done):
                    for piece in _end(wanted, happened.answer, shown):
                        yield piece
    except Exception as exc:  # noqa: BLE001 - the response has begun; the client gets the error as an event
        yield event(_json(api_error(exc).body()))
        return
    yield event("[DONE]")


def _end(wanted: Completion, answer: Answer, shown: str) -> list[bytes]:
    """Return the last events: text not streamed yet, the checked answer, the usage."""
    rest = answer.text.removeprefix(shown) if answer.text.startswith(shown) else ""
    pieces = [_chunk(wanted, Delta(content=rest))] if rest else []
    pieces.append(_chunk(wanted, Delta(), answer))
    if wanted.usage_wanted:
        body = _body(wanted) | {"choices": [], "usage": _usage(answer).model_dump()}
        pieces.append(event(_json(body)))
    return pieces


def _chunk(wanted: Completion, delta: Delta, answer: Answer | None = None) -> bytes:
    """Return a piece as an event; the last one has the answer."""
    choice = {
        "index": 0,
        "delta": delta.model_dump(exclude_none=True),
        "finish_reason": None if answer is None else "stop",
        "logprobs": None,
    }
    body = _body(wanted) | {"choices": [choice]}
    if answer is not None:
        body["lectern"] = _field(wanted, answer).model_dump(mode="json")
    return event(_json(body))


def _body(wanted: Completion) -> dict[str, Any]:
    """Return the fields of every `ChatChunk`."""
    return {
        "id": wanted.id,
        "object": "chat.completion.chunk",
        "created": wanted.created,
        "model": wanted.model,
    }


def _field(wanted: Completion, answer: Answer) -> LecternField:
    return LecternField.model_validate(
        answer_record(wanted.id, answer)
        | {"course": wanted.asked.course.name, "ignored": list(wanted.ignored)}
    )


def _usage(answer: Answer) -> Usage:
    prompt, written = answer.timings.prompt_tokens, answer.timings.answer_tokens
    return Usage(prompt_tokens=prompt, completion_tokens=written, total_tokens=prompt + written)


def _check_wishes(request: ChatRequest) -> None:
    """Raise an error for what an answer from notes cannot be."""
    if request.tools or request.functions:
        raise ApiError(
            400,
            "Lectern answers from notes and calls no tools; leave `tools` out.",
            "unsupported",
            param="tools",
        )
    if request.n not in (None, 1):
        raise ApiError(400, f"Lectern gives one answer, and `n` is {request.n}.", "unsupported", param="n")
    wished = (request.response_format or {}).get("type", "text")
    if wished != "text":
        raise ApiError(
            400,
            f"Lectern answers in text with citations in the field `lectern`, not as {wished!r}; leave `response_format` out.",
            "unsupported",
            param="response_format",
        )


def _turn(message: ChatMessage, number: int) -> Turn:
    """Return a message as one of a conversation.

    Raises:
        ApiError: it is of a tool, or has more than text.
    """
    param = f"messages.{number}"
    if message.role not in ("user", "assistant"):
        raise ApiError(
            400,
            f"A message has role `{message.role}`; Lectern reads `user` and `assistant`.",
            "unsupported",
            param=param,
        )
    parts: Sequence[str] = [message.content] if isinstance(message.content, str) else ()
    if isinstance(message.content, list):
        strange = next(
            (part.type for part in message.content if part.type not in ("text", "input_text")), None
        )
        if strange is not None:
            raise ApiError(
                400,
                f"A message has a part of type {strange!r}; Lectern reads text only.",
                "unsupported",
                param=param,
            )
        parts = [part.text for part in message.content]
    return Turn(Role(message.role), "\n".join(parts))


def _ignored(request: ChatRequest) -> tuple[str, ...]:
    """Return the fields of the request that have no effect, as the client named them."""
    given = request.model_dump(exclude_none=True, exclude_unset=True)
    names = sorted(
        name for name, value in given.items() if name not in _HONOURED and value not in ([], {}, "")
    )
    system = ["system message"] if any(message.role in _SYSTEM for message in request.messages) else []
    return (*system, *names)


def _json(body: object) -> str:
    return json.dumps(body, ensure_ascii=False)
