"""Headers on every response, and requests that are refused.

Gradio brings many more addresses than the page uses, some of which fetch others for whoever asks. Only those
are served that a real browser was seen to ask for; everything else is not found.

Gradio sends no content-security policy. Ours allows nothing from outside, no frames and no inline script
without the nonce of that one response: markup that slipped into a page from a poisoned note can neither run
nor load anything. `unsafe-eval` stays, because Gradio's `HTML` component compiles its templates in the
browser.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path

from rag.errors import InputError
from ui.access import WAIT_SECONDS, Access
from ui.asgi import App, Message, Receive, Scope, Send, has_own_origin, has_own_site, header
from ui.web.courses.path import course_in, path_in_course
from ui.web.language import gettext as _
from ui.web.language import noted
from ui.web.request_body import received_again, whole_body
from ui.web.uploads import uploaded_file

Header = tuple[bytes, bytes]

_POLICY = b"content-security-policy"
_SANDBOX = b"default-src 'none'; sandbox"
_SCRIPT = re.compile(rb"<script\b")
_FIXED_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)
_OWN_REFERRER = (b"referrer-policy", b"same-origin")
"""The policy of pages with forms.

Under `no-referrer` a browser sends a form with the `Origin` null, as if it were foreign.
"""
_PAGE = "/"
_PLAIN = re.compile(r"/(login|logout|account|account/questions)$|/lectern/(evaluate|monitor|model|golden)")
_FILE = "/gradio_api/file="
_PICTURE = "/lectern/picture/"
_READ = re.compile(
    r"/|/favicon\.ico|/theme\.css|/assets/[\w./-]+|/static/js/iframeResizer\.contentWindow\.min\.js"
    r"|/lectern/static/[\w.-]+|/lectern/picture/[0-9a-f]{32}|/lectern/export/[^/]+|/lectern/study/[a-z]+"
    r"|/(login|account)|/lectern/(evaluate|monitor|model|golden)(/[\w.-]+)*"
    r"|/gradio_api/(heartbeat/[^/]+|queue/data|upload_progress|file=.+)"
)
_WRITTEN = re.compile(
    r"/gradio_api/(queue/join|run/predict|upload)|/(login|logout|account|account/questions)|/lectern/(evaluate|monitor|model|golden)(/[\w.-]+)*"
)
"""Addresses that the page writes to; `_READ` has those that it reads.

They are all that the browser tests ask for, and the link on a file that was chosen (`file=`). Who may use them is
decided behind the guard (`ui.web.gate`).
"""
_JSON = re.compile(r"/gradio_api/(queue/join|run/predict)")
"""Addresses whose bodies are JSON.

An upload has the bound `chat.max_upload_bytes`.
"""
MOST_JSON_BYTES = 1_000_000
"""Largest body of an event.

The longest question (`answer.max_question_chars`) has 100,000 bytes at most, as escaped JSON.
"""
_ADDRESSES = {"GET": _READ, "HEAD": _READ, "POST": _WRITTEN}
_REFUSALS = {
    403: noted(
        "Another web page asked for this, but only Lectern's own page may: open Lectern in its own tab."
    ),
    404: noted("There is nothing at this address: open / for the page."),
    401: noted("Lectern asks for its password. Any user name will do."),
    410: noted("This course is not here any more: open / and choose another one, or bring it back there."),
    413: noted(
        "That is more text than an event of this page may have. Put long text into a note and add the note."
    ),
    421: noted(
        "Lectern does not answer to this name. Open the address that lectern chat printed; behind a proxy, start it "
        "with --allow-host NAME."
    ),
    429: noted("Too many wrong passwords came from this address. Wait a minute and try again."),
}


def policy(nonce: str = "") -> str:
    """Return the content-security policy of one response.

    Inline scripts run only with the nonce, and not at all without one.
    """
    inline = f"'nonce-{nonce}' " if nonce else ""
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' {inline}'unsafe-eval'",
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


class Guard:
    """ASGI middleware that refuses other sites and guards every response.

    Names and password are checked first (`ui.access`). A foreign `Origin` is a page on the web that sends a
    form or a file to us behind the person's back; a foreign `Sec-Fetch-Site` is one that reads, frames or
    opens an address of ours, which it may do with the page alone, in a tab.
    """

    def __init__(
        self,
        app: App,
        *,
        access: Access,
        uploads: Path,
        most_json_bytes: int = MOST_JSON_BYTES,
        has_course: Callable[[str], bool] = lambda course: not course,
    ) -> None:
        self._app = app
        self._most_json_bytes = most_json_bytes
        self._access = access
        self._uploads = uploads
        self._has_course = has_course

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
        elif scope["type"] != "http":
            await self._app(scope, receive, send)
        elif status := self._refusal(scope):
            await _refuse(send, status)
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = path_in_course(scope)
        sent = _guarded(path, send)
        if not _JSON.fullmatch(path):
            await self._app(scope, receive, sent)
            return
        body = await whole_body(receive, self._most_json_bytes)
        if body is None:
            await _refuse(send, 413)
        else:
            await self._app(scope, received_again(body, receive), sent)

    def _refusal(self, scope: Scope) -> int:
        """Return the status with which the request is refused, 0 if it is served."""
        host = header(scope, b"host")
        client = (scope.get("client") or ("",))[0]
        if self._access.has_accounts:  # everyone logs in behind this guard, see `ui.web.gate`
            status = 0 if self._access.serves(host) else 421
        else:
            status = self._access.refusal(host, header(scope, b"authorization"), client)
        if status:
            return status
        if not has_own_origin(scope) or not (has_own_site(scope) or _opens_page(scope)):
            return 403
        path = path_in_course(scope)
        if path == _PAGE and not self._has_course(course_in(scope)):
            return 410
        return 0 if self._is_served(scope["method"], path) else 404

    def _is_served(self, method: str, path: str) -> bool:
        """Return True if the page needs this address."""
        addresses = _ADDRESSES.get(method)
        if addresses is None or not addresses.fullmatch(path):
            return False
        if not path.startswith(_FILE):
            return True
        try:
            uploaded_file(path.removeprefix(_FILE), self._uploads)
        except InputError:
            return False
        return True


def _opens_page(scope: Scope) -> bool:
    """Return True if a link elsewhere opens the page in a tab."""
    wanted = (header(scope, b"sec-fetch-mode"), header(scope, b"sec-fetch-dest"))
    return scope["method"] == "GET" and path_in_course(scope) == _PAGE and wanted == ("navigate", "document")


def _guarded(path: str, send: Send) -> Send:
    """Return `send` with our headers on what is sent for this address."""
    if path == _PAGE:
        return _PageSend(send)
    if path.startswith(_FILE):
        own: tuple[Header, ...] = ((_POLICY, _SANDBOX), (b"content-disposition", b"attachment"))
    elif path.startswith(_PICTURE):
        own = ((_POLICY, _SANDBOX),)
    elif _PLAIN.match(path):
        own = ((_POLICY, policy().encode()), _OWN_REFERRER)
    else:
        own = ((_POLICY, policy().encode()),)

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = _with(message["headers"], own)
        await send(message)

    return sent


class _PageSend:
    """`send` for the page, which gives the nonce to its scripts.

    An HTML body is sent when it is whole.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._nonce = secrets.token_urlsafe(16)
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = _with(message["headers"], ((_POLICY, policy(self._nonce).encode()),))
            html = any(n == b"content-type" and v.startswith(b"text/html") for n, v in message["headers"])
            packed = any(n == b"content-encoding" for n, v in message["headers"])
            if html and not packed:
                self._start = message
                return
        elif message["type"] == "http.response.body" and self._start is not None:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._send_whole(self._start)
            return
        await self._send(message)

    async def _send_whole(self, start: Message) -> None:
        body = _SCRIPT.sub(b'<script nonce="' + self._nonce.encode() + b'"', self._body)
        kept = [(n, v) for n, v in start["headers"] if n != b"content-length"]
        start["headers"] = [*kept, (b"content-length", str(len(body)).encode())]
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})


def _with(headers: Iterable[Header], own: tuple[Header, ...]) -> list[Header]:
    """Return the headers, any of the same name replaced by the fixed and our own."""
    given = {name for name, _ in own}
    ours = (*(fixed for fixed in _FIXED_HEADERS if fixed[0] not in given), *own)
    names = {name for name, _ in ours}
    return [*((n.lower(), v) for n, v in headers if n.lower() not in names), *ours]


async def _refuse(send: Send, status: int) -> None:
    own: tuple[Header, ...] = ((_POLICY, _SANDBOX), (b"content-type", b"text/plain; charset=utf-8"))
    if status == 401:
        own += ((b"www-authenticate", b'Basic realm="Lectern", charset="UTF-8"'),)
    if status == 429:
        own += ((b"retry-after", str(round(WAIT_SECONDS)).encode()),)
    await send({"type": "http.response.start", "status": status, "headers": _with((), own)})
    await send({"type": "http.response.body", "body": _(_REFUSALS[status]).encode()})
