"""The checks of every request before anything else is done with it.

In this order: the name in `Host`, other web pages, the key or password, the rate, the type and size of the body. Every
response gets a request id and headers; every request becomes one line of the log, without its text, query or key.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
import time
from collections import deque
from dataclasses import dataclass

from rag.settings import ApiSettings
from ui.access import Access
from ui.accounts.cookies import cookie_of
from ui.accounts.person import PERSON, Person
from ui.accounts.store import AccountStore
from ui.api.errors import ApiError, api_error
from ui.api.keys import KeyRing
from ui.api.rate_limit import RateLimit
from ui.asgi import App, Message, Receive, Scope, Send, has_own_origin, has_own_site, header

ID_HEADER = b"x-request-id"
BODY_SECONDS = 30.0
"""Longest time that a client may take to send its body."""
_MOST_DRAINED_BYTES = 64_000_000
"""Bytes that are read and dropped of a body that is too large.

So its client sees the refusal and not a broken connection.
"""
_ID = re.compile(r"[\w.-]{1,64}")
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
)
_log = logging.getLogger("lectern.api")


@dataclass(frozen=True, slots=True)
class People:
    """The accounts of a server, and the name of their session cookie."""

    accounts: AccountStore
    cookie: str

    def behind(self, scope: Scope) -> Person | None:
        """Return the person whose browser asks, None for anybody else."""
        return self.accounts.in_session(cookie_of(scope, self.cookie))


class ApiGuard:
    """ASGI middleware before the API."""

    def __init__(
        self,
        app: App,
        *,
        access: Access,
        keys: KeyRing,
        settings: ApiSettings,
        origins: frozenset[str],
        people: People | None = None,
    ) -> None:
        self._app = app
        self._access = access
        self._keys = keys
        self._people = people
        self._most_bytes = settings.max_body_bytes
        self._rate = RateLimit(settings.requests_per_minute)
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sending = _Sending(send, _request_id(header(scope, ID_HEADER)))
        scope.setdefault("state", {})["request_id"] = sending.id
        started, who = time.perf_counter(), "-"
        try:
            self._check_origin(scope)
            if not self._asks_leave(scope):
                who = self._client(scope)
                self._check_rate(who)
                receive = await self._body(scope, receive)
            await self._app(scope, receive, sending)
        except Exception as exc:  # noqa: BLE001 - the client gets one sentence, the log the reason
            error = api_error(exc)
            if error.code == "internal_error":
                _log.error("%s failed", sending.id, exc_info=exc)
            await sending.refuse(error)
        finally:
            took = 1000 * (time.perf_counter() - started)
            _log.info(
                "%s %s %s %s %d %.0f ms",
                sending.id,
                who,
                scope["method"],
                scope["path"],
                sending.status,
                took,
            )

    def _asks_leave(self, scope: Scope) -> bool:
        """Return True for a browser's question if a page of an allowed origin may ask."""
        return scope["method"] == "OPTIONS" and header(scope, b"origin") in self._origins

    def _check_origin(self, scope: Scope) -> None:
        """Refuse names that are not ours and pages that are not allowed."""
        if not self._access.serves(header(scope, b"host")):
            raise ApiError(
                421,
                "Lectern does not answer to this name; use 127.0.0.1, or start it with --allow-host NAME.",
                "wrong_host",
            )
        if header(scope, b"origin") in self._origins:
            return
        if not (has_own_origin(scope) and has_own_site(scope)):
            raise ApiError(
                403,
                "A web page of another site asked; add its origin to the setting api.origins if it may.",
                "foreign_origin",
            )

    def _client(self, scope: Scope) -> str:
        """Return the name of the key that asks, else the address.

        Raises:
            ApiError: a secret is needed and none that is valid was sent (401), or too many wrong ones were (429)."""
        address = (scope.get("client") or ("-",))[0]
        given = header(scope, b"authorization")
        logs_in = self._people is not None and self._people.accounts.required
        if not (self._access.reachable or self._access.has_password or self._keys.required or logs_in):
            return str(address)
        if self._people and logs_in and (person := self._people.behind(scope)) is not None:
            scope[PERSON] = person
            return f"user:{person.id}"
        scheme, _, secret = given.partition(" ")
        if scheme.lower() == "bearer" and (owner := self._keys.owner(secret.strip())) is not None:
            return f"key:{owner}"
        if not self._access.has_password:
            raise _without_key(given)
        status = self._access.refusal(header(scope, b"host"), given, str(address))
        if status == 429:
            raise ApiError(429, "Too many wrong keys came from this address.", "wrong_keys", retry_after=60)
        if status:
            raise _without_key(given)
        return str(address)

    def _check_rate(self, who: str) -> None:
        wait = self._rate.wait_seconds(who)
        if wait:
            raise ApiError(
                429,
                "Too many requests a minute (api.requests_per_minute); wait as long as Retry-After says.",
                "rate_limited",
                retry_after=wait,
            )

    async def _body(self, scope: Scope, receive: Receive) -> Receive:
        """Return a `receive` with the whole body, read now.

        Raises:
            ApiError: it is no JSON (415), too large (413) or too slow (408).
        """
        if scope["method"] not in ("POST", "PUT", "PATCH"):
            return receive
        kind = header(scope, b"content-type").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise ApiError(
                415,
                f"The body's type is {kind or 'not given'}; send JSON with the header `content-type: application/json`.",
                "unsupported_media_type",
            )
        try:
            async with asyncio.timeout(BODY_SECONDS):
                messages = await self._read(receive, header(scope, b"content-length"))
        except TimeoutError as exc:
            raise ApiError(
                408, f"The body did not come within {BODY_SECONDS:.0f} seconds.", "body_too_slow"
            ) from exc

        async def replayed() -> Message:
            return messages.popleft() if messages else await receive()

        return replayed

    async def _read(self, receive: Receive, length: str) -> deque[Message]:
        messages: deque[Message] = deque()
        size = 0
        while True:
            message = await receive()
            size += len(message.get("body", b""))
            if size <= self._most_bytes:
                messages.append(message)
            ended = message["type"] == "http.disconnect" or not message.get("more_body")
            if size > self._most_bytes and (ended or size > _MOST_DRAINED_BYTES):
                found = f"{int(length):,}" if length.isdecimal() else f"more than {self._most_bytes:,}"
                raise ApiError(
                    413,
                    f"The body has {found} bytes; at most {self._most_bytes:,} are read (api.max_body_bytes).",
                    "body_too_large",
                )
            if ended:
                return messages


class _Sending:
    """`send` for one response, with its id and headers. `status` is 0 until the response begins."""

    def __init__(self, send: Send, identifier: str) -> None:
        self._send = send
        self.id = identifier
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = (*_HEADERS, (ID_HEADER, self.id.encode()))
            names = {name for name, _ in own}
            message["headers"] = [*((n, v) for n, v in message["headers"] if n.lower() not in names), *own]
        await self._send(message)

    async def refuse(self, error: ApiError) -> None:
        """Send an error, unless a response has begun already."""
        if self.status:
            return
        body = json.dumps(error.body(), ensure_ascii=False).encode()
        headers = [(name.encode(), value.encode()) for name, value in error.headers.items()]
        headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await self({"type": "http.response.start", "status": error.status, "headers": headers})
        await self({"type": "http.response.body", "body": body})


def _without_key(authorization: str) -> ApiError:
    """Return the error for a missing or wrong key."""
    reason = "This key is not valid, or was revoked." if authorization else "A key is needed."
    return ApiError(
        401,
        f"{reason} Send `Authorization: Bearer KEY`; `lectern keys add NAME` makes one.",
        "invalid_api_key",
    )


def _request_id(given: str) -> str:
    """Return the client's own id if it is a plain one, else a new one."""
    return given if _ID.fullmatch(given) else secrets.token_hex(12)
