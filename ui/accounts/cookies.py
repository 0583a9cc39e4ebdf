"""The cookies of a browser that is logged in, or that guards its forms."""

from __future__ import annotations

from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from pathlib import Path

from ui.asgi import Scope, header


def session_cookie(library: Path) -> str:
    """Return the name of the session cookie of a library.

    Browsers send a cookie to every port of a host, so two servers on one machine need two names.
    """
    return f"lectern-{sha256(str(library.resolve()).encode()).hexdigest()[:12]}"


def cookie_of(scope: Scope, name: str) -> str:
    """Return a cookie of a request, empty without it or if the header cannot be read."""
    try:
        found = SimpleCookie(header(scope, b"cookie")).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


def set_cookie(scope: Scope, name: str, value: str, seconds: int | None, same_site: str = "lax") -> bytes:
    """Return the value of a `Set-Cookie` header.

    `seconds` is its longest life, None for as long as the browser runs. No script can read it, and over TLS it never goes
    back without.
    """
    cookie: SimpleCookie = SimpleCookie({name: value})
    morsel = cookie[name]
    morsel["path"], morsel["httponly"], morsel["samesite"] = "/", True, same_site
    if seconds is not None:
        morsel["max-age"] = seconds
    if scope.get("scheme") == "https":
        morsel["secure"] = True
    return morsel.OutputString().encode("latin-1")
