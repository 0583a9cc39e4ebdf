"""The types and checks of ASGI middleware that the web app and the HTTP API share.

Source: https://asgi.readthedocs.io/en/latest/specs/www.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_OWN_SITES = frozenset({"", "same-origin", "none"})
"""Allowed values of `Sec-Fetch-Site`.

They are those of an old browser, of the page itself, and of a typed or kept address.
"""


def header(scope: Scope, name: bytes) -> str:
    """Return a request's header, whose name is given in lower case; empty without it."""
    return next((value.decode("latin-1") for found, value in scope["headers"] if found == name), "")


def has_own_origin(scope: Scope) -> bool:
    """Return True if no page of another `Origin` sends the request."""
    origin = header(scope, b"origin")
    return not origin or origin.partition("://")[2].lower() == header(scope, b"host").lower()


def has_own_site(scope: Scope) -> bool:
    """Return True if `Sec-Fetch-Site` names no page of another site."""
    return header(scope, b"sec-fetch-site").lower() in _OWN_SITES
