"""`/healthz`: the state of a server in one word, for a load balancer. It needs no key.

Any name in `Host` is answered, because a load balancer sends the address of the server; pages of other sites are refused.
The sentences name no file, address or course: the program's log does.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from ui.asgi import App, Receive, Scope, Send, has_own_origin, has_own_site

if TYPE_CHECKING:
    from ui.application import Application

PATH = "/healthz"
ANSWER_SECONDS = 4.0
"""The longest wait for a check.

Caddy gives up after 5 seconds (`health_timeout`).
"""
REMEMBERED_SECONDS = 2.0
"""The time for which a result is not checked again, however many ask."""
_MODEL_SECONDS = 2.0
_log = logging.getLogger("lectern.health")


def fault(application: Application) -> str:
    """Return the reason why an application cannot answer, empty if it can."""
    try:
        _ = application.library.manifest  # asks the server, unlike the generation
    except Exception as exc:  # noqa: BLE001 - any failure makes the server unfit; the log has the reason
        _log.warning("the library cannot be read: %s", exc)
        return "The library cannot be read; the log of the server has the reason."
    if application.quotes:
        return ""
    model = application.opened_model
    if model is None:
        return "The language model is not loaded yet."
    check = getattr(model, "check_alive", None)
    try:
        if check is not None:
            check(_MODEL_SECONDS)
    except Exception as exc:  # noqa: BLE001 - as above
        _log.warning("the language model does not answer: %s", exc)
        return "The language model does not answer; the log of the server has the reason."
    return ""


class HealthFirst:
    """ASGI middleware that answers `/healthz`; other requests go on.

    One check runs at a time, so that nobody can make work with it.
    """

    def __init__(
        self, app: App, *, fault: Callable[[], str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._fault = fault
        self._clock = clock
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="lectern-health")
        self._check: Future[str] | None = None
        self._begun = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] != PATH:
            await self._app(scope, receive, send)
            return
        if not (has_own_origin(scope) and has_own_site(scope)):
            await _send(send, 403, {"status": "error", "reason": "A web page of another site asked."})
            return
        if scope["method"] not in ("GET", "HEAD"):
            await _send(send, 405, {"status": "error", "reason": "Only GET is possible here."})
            return
        reason = await self._reason()
        state = {"status": "failing", "reason": reason} if reason else {"status": "ok"}
        await _send(send, 503 if reason else 200, state)

    async def _reason(self) -> str:
        check = self._check
        if check is None or (check.done() and self._clock() - self._begun >= REMEMBERED_SECONDS):
            self._begun = self._clock()
            check = self._check = self._pool.submit(self._fault)
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(check)), ANSWER_SECONDS)
        except TimeoutError:
            return f"The library or the language model did not answer in {ANSWER_SECONDS:g} seconds."


async def _send(send: Send, status: int, body: dict[str, str]) -> None:
    data = json.dumps(body).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(data)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})
