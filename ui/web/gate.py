"""The person behind every request of the web app, and this person's rights.

It is behind the guard (`ui.web.security`) and before everything else. With accounts nobody passes without a session. The
events of a browser tab belong to the person who used its name first: another person can neither post nor read them.
A student reaches neither what changes the library nor the pages of teachers.

Without accounts there is one person, who has every right; on an address that other machines reach with a shared password,
each browser is a person of its own.
"""

from __future__ import annotations

import json
import re
import secrets
from collections import OrderedDict
from threading import Lock
from urllib.parse import parse_qs

from fastapi.concurrency import run_in_threadpool

from ui.access import Access
from ui.accounts.cookies import cookie_of, set_cookie
from ui.accounts.person import OWNER, PERSON, Person, guest
from ui.accounts.store import AccountStore
from ui.asgi import App, Message, Receive, Scope, Send
from ui.web.courses.path import path_in_course
from ui.web.language import gettext as _
from ui.web.language import noted
from ui.web.request_body import received_again, whole_body
from ui.web.security import MOST_JSON_BYTES

_OPEN = re.compile(r"/favicon\.ico|/theme\.css|/assets/.*|/static/.*|/lectern/static/.*|/login")
"""Addresses without anything of a person or course."""
_EVENT = re.compile(r"/gradio_api/(queue/join|run/predict)")
_FOLLOWED = re.compile(r"/gradio_api/(queue/data|heartbeat/(?P<session>[^/]+))")
_TEACHERS = re.compile(
    r"/gradio_api/(upload|upload_progress|file=.*)|/lectern/(evaluate|monitor|model|golden)(/.*)?"
)
_GUEST_COOKIE = "lectern-guest"
_MOST_TABS = 20_000
_REFUSALS = {
    401: noted("Log in first: open / for the page."),
    403: noted("Your account may not do this. Ask the teacher of the course."),
    413: noted("That is more text than an event of this page may have."),
}


class TabOwners:
    """The person of each browser tab, the last used ones. Safe to share between threads."""

    def __init__(self) -> None:
        self._owners: OrderedDict[str, str] = OrderedDict()
        self._lock = Lock()

    def belongs(self, tab: str, person: Person) -> bool:
        """Return True if a tab is this person's; a new one becomes it."""
        if not tab:
            return False
        with self._lock:
            owner = self._owners.setdefault(tab, person.id)
            self._owners.move_to_end(tab)
            while len(self._owners) > _MOST_TABS:
                self._owners.popitem(last=False)
        return owner == person.id


class Gate:
    """ASGI middleware that finds the person, and refuses what is not theirs."""

    def __init__(
        self,
        app: App,
        *,
        accounts: AccountStore,
        access: Access,
        cookie: str,
        teacher_events: frozenset[int],
        most_json_bytes: int = MOST_JSON_BYTES,
    ) -> None:
        """Remember the accounts.

        `teacher_events` are the numbers of the events that students may not post.
        """
        self._app = app
        self._accounts = accounts
        self._access = access
        self._cookie = cookie
        self._teacher_events = teacher_events
        self._most_json_bytes = most_json_bytes
        self._tabs = TabOwners()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        path = path_in_course(scope)
        if scope["type"] != "http" or _OPEN.fullmatch(path):
            await self._app(scope, receive, send)
            return
        person, send = await run_in_threadpool(self._person, scope, send)
        if person is None:
            await _leave(scope, send)
            return
        scope[PERSON] = person
        if not person.id:
            await self._app(scope, receive, send)
        elif not person.teaches and _TEACHERS.fullmatch(path):
            await _refuse(send, 403)
        elif _EVENT.fullmatch(path):
            await self._event(person, scope, receive, send)
        elif (found := _FOLLOWED.fullmatch(path)) and not self._tabs.belongs(
            found["session"] or _tab_of_query(scope), person
        ):
            await _refuse(send, 403)
        else:
            await self._app(scope, receive, send)

    def _person(self, scope: Scope, send: Send) -> tuple[Person | None, Send]:
        """Return the person, None for nobody, and `send` that sets a new guest's cookie."""
        if self._accounts.required:
            return self._accounts.in_session(cookie_of(scope, self._cookie)), send
        if not self._access.reachable:
            return OWNER, send
        token = cookie_of(scope, _GUEST_COOKIE)
        if token:
            return guest(token), send
        token = secrets.token_urlsafe(32)
        return guest(token), _with_cookie(send, set_cookie(scope, _GUEST_COOKIE, token, 365 * 86_400))

    async def _event(self, person: Person, scope: Scope, receive: Receive, send: Send) -> None:
        body = await whole_body(receive, self._most_json_bytes)
        if body is None:
            await _refuse(send, 413)
            return
        tab, number = _event_of(body)
        may = person.teaches or number not in self._teacher_events
        if number is None or not may or not self._tabs.belongs(tab, person):
            await _refuse(send, 403)
            return
        await self._app(scope, received_again(body, receive), send)


def _event_of(body: bytes) -> tuple[str, int | None]:
    """Return the tab and number of an event; empty and None where the body is none."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return "", None
    if not isinstance(event, dict):
        return "", None
    tab, number = event.get("session_hash"), event.get("fn_index")
    is_number = isinstance(number, int) and not isinstance(number, bool)
    return tab if isinstance(tab, str) else "", number if is_number else None


def _tab_of_query(scope: Scope) -> str:
    found = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("session_hash", [])
    return found[0] if len(found) == 1 else ""


def _with_cookie(send: Send, cookie: bytes) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"set-cookie", cookie)]
        await send(message)

    return sent


async def _leave(scope: Scope, send: Send) -> None:
    """Send a browser that opens a page to the log-in; anything else is refused."""
    if scope["method"] in ("GET", "HEAD") and not path_in_course(scope).startswith("/gradio_api/"):
        headers = [(b"location", b"/login"), (b"content-length", b"0"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
    else:
        await _refuse(send, 401)


async def _refuse(send: Send, status: int) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": _(_REFUSALS[status]).encode()})
