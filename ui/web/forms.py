"""The plain pages of the web app, and forms that no other site can send.

A form carries the token of a cookie that no script reads and no other site's request brings (double submission). The guard
has refused foreign origins before.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from markupsafe import Markup

from rag.errors import InputError
from ui.accounts.cookies import cookie_of, set_cookie
from ui.accounts.person import OWNER, PERSON, Person
from ui.web.courses.path import path_in_course
from ui.web.language import current, direction, number
from ui.web.language import gettext as _
from ui.web.request_body import whole_body
from ui.web.views.render import render

_COOKIE = "lectern-form"
_FIELD = "token"
MOST_FORM_BYTES = 200_000
"""Largest form; a golden question has a few thousand bytes."""


def person_of(request: Request) -> Person:
    """Return the person of a request that passed the gate.

    Raises:
        InputError: it did not pass.
    """
    found = request.scope.get(PERSON)
    if not isinstance(found, Person):
        raise InputError(_("Log in first: open / for the page."))
    return found


def page(
    request: Request, view: str, *, status: int = 200, write: Callable[..., Markup] = render, **values: Any
) -> HTMLResponse:
    """Return the page of a template, which gets the person and the token of its forms."""
    token = cookie_of(request.scope, _COOKIE) or secrets.token_urlsafe(32)
    person = request.scope.get(PERSON, OWNER)
    language = current()
    frame = {
        "language": language,
        "direction": direction(language),
        "here": path_in_course(request.scope),
        "root": request.scope.get("root_path", ""),
    }
    text = write(view, token=token, person=person, **frame, **values)
    response = HTMLResponse(text, status_code=status, headers={"cache-control": "no-store"})
    response.raw_headers.append(
        (b"set-cookie", set_cookie(request.scope, _COOKIE, token, None, same_site="strict"))
    )
    return response


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a form; of a field that comes twice, the first.

    Raises:
        InputError: the form is not one of our page, or too long.
    """
    body = await whole_body(request.receive, MOST_FORM_BYTES)
    if body is None:
        raise InputError(
            _(
                "The form has more than %(most)s bytes. Shorten its text and send it again.",
                most=number(MOST_FORM_BYTES),
            )
        )
    try:
        given = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=100)
    except ValueError as exc:
        raise InputError(_("The form cannot be read. Load the page again and fill it in once more.")) from exc
    fields = {name: values[0] for name, values in given.items()}
    expected = cookie_of(request.scope, _COOKIE)
    if not expected or not hmac.compare_digest(expected.encode(), fields.pop(_FIELD, "").encode()):
        raise InputError(
            _("This form is too old or came from another page. Load the page again and send it once more.")
        )
    return fields


def go_to(address: str, cookie: bytes | None = None) -> RedirectResponse:
    """Return the answer to a form that was done: the browser opens another page."""
    response = RedirectResponse(address, status_code=303, headers={"cache-control": "no-store"})
    if cookie is not None:
        response.raw_headers.append((b"set-cookie", cookie))
    return response
