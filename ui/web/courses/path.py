"""The course in the address: `/course/ID/…`, and `/…` for the first one.

The part in front is taken for the root of the page, as behind a proxy, so that everything the page asks for has the course in
its address: no event of one course's page can reach another.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rag.library.course_list import COURSE_ID
from ui.asgi import App, Receive, Scope, Send

if TYPE_CHECKING:
    import gradio as gr

_PREFIX = re.compile(rf"/course/({COURSE_ID})(?=/|$)")
_KEY = "lectern.course"


def address_of(course: str) -> str:
    """Return the address of a course's page."""
    return f"/course/{course}/" if course else "/"


def course_in(scope: Scope) -> str:
    """Return the id of the course in a request's address, empty for the first one."""
    return str(scope.get(_KEY, ""))


def course_of(request: gr.Request) -> str:
    """Return the id of the course whose page sent an event."""
    return course_in(request.request.scope)  # type: ignore[union-attr]


def path_in_course(scope: Scope) -> str:
    """Return the path of a request without the course."""
    path, course = str(scope.get("path", "")), course_in(scope)
    return path.removeprefix(f"/course/{course}") if course else path


class CoursePath:
    """ASGI middleware that makes the course of an address the root of the page."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        found = _PREFIX.match(scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await self._app(scope, receive, send)
        elif found.end() == len(scope["path"]):
            headers = [(b"location", f"{found.group()}/".encode()), (b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 307, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
        else:
            root = scope.get("root_path", "") + found.group()
            await self._app({**scope, "root_path": root, _KEY: found.group(1)}, receive, send)
