"""Addresses of libraries on a PostgreSQL server.

They have the form `postgresql://USER@HOST/DATABASE#COURSE`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from rag.errors import SettingsError

_SCHEMES = ("postgresql://", "postgres://")
_SECRETS = frozenset({"password", "sslpassword"})
_COURSE = re.compile(r"\w[\w .-]{0,62}")
FORM = "postgresql://USER@HOST/DATABASE#COURSE"
_PASSWORD = re.compile(r"(postgres(?:ql)?://)[^\s@]*@|((?:ssl)?password=)[^\s&#]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """A course in a database. Only `connection`, which is never printed, may have a password."""

    connection: str = field(repr=False)
    shown: str
    course: str

    @property
    def folder_name(self) -> str:
        """A name for a folder that this address alone has."""
        plain = re.sub(r"[^a-z0-9]+", "-", self.course.lower()).strip("-") or "course"
        return f"{plain}-{sha256(self.shown.encode()).hexdigest()[:12]}"


def is_server_address(text: str) -> bool:
    """Return whether a library is named by an address of a server, not by a folder."""
    return text.startswith(_SCHEMES)


def parse_address(text: str) -> ServerAddress:
    """Return the parts of an address.

    Raises:
        SettingsError: a part is missing or malformed; the message does not repeat the address.
    """
    try:
        parts = urlsplit(text)
        _ = parts.port if "," not in parts.netloc else None
    except ValueError as exc:
        raise SettingsError(
            f"The library's address cannot be read: expected {FORM}. Write signs such as # or / of a password as %23 or %2F, or "
            "better keep the password in ~/.pgpass."
        ) from exc
    course = unquote(parts.fragment)
    if not _COURSE.fullmatch(course):
        raise SettingsError(
            f"The library's address names no course: expected {FORM}, the course 1 to 63 letters, digits, spaces, dots or hyphens. "
            "Quote it in a shell, because of the #."
        )
    user, at, hosts = parts.netloc.rpartition("@")
    options = [
        pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0].lower() not in _SECRETS
    ]
    query = f"?{urlencode(options, safe='/')}" if options else ""
    shown = f"postgresql://{user.partition(':')[0]}{at}{hosts}{parts.path}{query}#{parts.fragment}"
    return ServerAddress(parts._replace(fragment="").geturl(), shown, course)


def without_passwords(text: str) -> str:
    """Return a text in which the users and passwords of addresses are three dots."""
    return _PASSWORD.sub(
        lambda found: f"{found.group(1)}...@" if found.group(1) else f"{found.group(2)}...", text
    )
