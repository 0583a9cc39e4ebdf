"""Server-sent events, and clients that leave before their answer is complete."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing, suppress
from typing import TypeVar

from fastapi import Request
from fastapi.responses import Response

from ui.asgi import Receive, Scope, Send

T = TypeVar("T")

MEDIA_TYPE = "text/event-stream"
HEARTBEAT_SECONDS = 15.0
"""The longest silence of a stream.

Proxies cut silent connections: nginx after 60 seconds (`proxy_read_timeout`).
"""
_HEARTBEAT = b": waiting\n\n"
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


def event(data: str, name: str = "") -> bytes:
    """Return one event. `data` has no line breaks, as JSON without indentation has none.

    Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
    """
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {data}\n\n".encode("utf-8", "replace")


class EventStream(Response):
    """A response of events as they come. When the client leaves, the events' generator is closed at once."""

    media_type = MEDIA_TYPE

    def __init__(self, events: AsyncGenerator[bytes]) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events until they end or the client has left."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async with aclosing(self._events):
            await unless_gone(self._sent(send), receive)

    async def _sent(self, send: Send) -> None:
        pending: asyncio.Task[bytes] | None = None
        try:
            while True:
                pending = pending or asyncio.ensure_future(anext(self._events))
                done, _ = await asyncio.wait({pending}, timeout=HEARTBEAT_SECONDS)
                if not done:
                    await send({"type": "http.response.body", "body": _HEARTBEAT, "more_body": True})
                    continue
                try:
                    body = pending.result()
                except StopAsyncIteration:
                    break
                pending = None
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            if pending is not None and not pending.done():
                pending.cancel()
                with suppress(asyncio.CancelledError, StopAsyncIteration):
                    await pending


async def unless_gone(work: Awaitable[T], receive: Receive) -> T | None:
    """Return the result of `work`, None if the client has left and it was cancelled."""
    task, watcher = asyncio.ensure_future(work), asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({task, watcher}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        return None
    finally:
        for one in (task, watcher):
            if not one.done():
                one.cancel()
                with suppress(asyncio.CancelledError):
                    await one


async def _gone(receive: Receive) -> None:
    """Return when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def answered(work: Awaitable[T], request: Request) -> T | None:
    """Return the result of `work`, None if the request's client has left.

    The request's body must have been read.
    """
    return await unless_gone(work, request.receive)


async def begun(items: AsyncGenerator[T]) -> AsyncGenerator[T]:
    """Return the same items after the first one has come.

    An error before the first item is so raised before a response has begun.
    """
    first = await anext(items)

    async def all_items() -> AsyncGenerator[T]:
        async with aclosing(items):
            yield first
            async for item in items:
                yield item

    return all_items()
