"""What the server adds to every response and refuses in every request, so that the page stays between the person and us.

Gradio sends no content-security policy. Ours allows nothing from outside, no frames and no inline script without the
nonce of that one response: markup that slipped into a page from a poisoned note can neither run nor load anything.
`unsafe-eval` stays, because Gradio's `HTML` component compiles its templates in the browser.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from ipaddress import ip_address
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_SCRIPT = re.compile(rb"<script\b")
_FIXED_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def policy(nonce: str) -> str:
    """The content-security policy of one response."""
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' 'nonce-{nonce}' 'unsafe-eval'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "frame-src 'none'",
            "frame-ancestors 'none'",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
        )
    )


def is_loopback(host: str) -> bool:
    """Whether an address or name means this machine only."""
    if host in LOOPBACK_NAMES:
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def host_of(header: str) -> str:
    """The host in a `Host` header without its port, lower case."""
    host = header.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host


class Guard:
    """ASGI middleware: security headers and a script nonce on every response, and requests of other pages refused.

    A foreign `Host` on a loopback server is a page on the web that resolves its own name to 127.0.0.1 (DNS rebinding); a
    foreign `Origin` is one that sends a form or a file to us behind the person's back.
    """

    def __init__(self, app: App, *, loopback_only: bool) -> None:
        self._app = app
        self._loopback_only = loopback_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host, origin = _header(scope, b"host"), _header(scope, b"origin")
        if self._loopback_only and not is_loopback(host_of(host)):
            await _refuse(send, 421)
            return
        if origin and origin.partition("://")[2].lower() != host.lower():
            await _refuse(send, 403)
            return
        await self._app(scope, receive, _Guarded(send))


class _Guarded:
    """Sends one response; of an HTML page the body is held back until it is whole and its scripts have the nonce."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._nonce = secrets.token_urlsafe(16)
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = self._headers(message["headers"])
            html = any(n == b"content-type" and v.startswith(b"text/html") for n, v in message["headers"])
            packed = any(n == b"content-encoding" for n, v in message["headers"])
            if html and not packed:
                self._start = message
                return
        elif message["type"] == "http.response.body" and self._start is not None:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._send_page()
            return
        await self._send(message)

    async def _send_page(self) -> None:
        start = self._start
        if start is None:
            return
        body = _SCRIPT.sub(b'<script nonce="' + self._nonce.encode() + b'"', self._body)
        kept = [(n, v) for n, v in start["headers"] if n != b"content-length"]
        start["headers"] = [*kept, (b"content-length", str(len(body)).encode())]
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})

    def _headers(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        ours = (*_FIXED_HEADERS, (b"content-security-policy", policy(self._nonce).encode()))
        names = {name for name, _ in ours}
        return [*((n.lower(), v) for n, v in headers if n.lower() not in names), *ours]


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for found, value in scope["headers"] if found == name), "")


async def _refuse(send: Send, status: int) -> None:
    text = b"This address is not served. Open http://127.0.0.1 with the port that lectern chat printed."
    await send(
        {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]}
    )
    await send({"type": "http.response.body", "body": text})
