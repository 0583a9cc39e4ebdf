"""Addresses of libraries on a PostgreSQL server.

They have the form `postgresql://USER@HOST/DATABASE#COURSE`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import sha256
from unicodedata import category, normalize
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from rag.errors import SettingsError

_SCHEMES = ("postgresql://", "postgres://")
_SECRETS = frozenset(
    {"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"}
)
"""Options of libpq that are secrets, also of PostgreSQL 18."""
_COURSE_CHARS = 63
FORM = "postgresql://USER@HOST/DATABASE#COURSE"
_PLACES = frozenset({"host", "hostaddr", "port", "user", "dbname", "service"})
"""Options of libpq that name another server, user or database."""
_PASSWORD = re.compile(
    rf"(postgres(?:ql)?://).*@|((?:{'|'.join(sorted(_SECRETS))})=)[^\s&#]*", re.IGNORECASE | re.DOTALL
)
"""Up to the last `@`: a password that was not encoded may have anything before it."""


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """A course in a database. Only `connection`, which is never printed, may have a password."""

    connection: str = field(repr=False)
    shown: str
    course: str

    @property
    def folder_name(self) -> str:
        """A name for a folder that this course alone has.

        Options such as `sslmode` do not change it: the folder has the accounts and the keys of the API.
        """
        plain = re.sub(r"[^a-z0-9]+", "-", self.course.lower()).strip("-") or "course"
        before, _, query = self.shown.partition("#")[0].partition("?")
        places = sorted(pair for pair in parse_qsl(query) if pair[0] in _PLACES)
        identity = f"{before}?{urlencode(places)}#{self.course}"
        return f"{plain}-{sha256(identity.encode()).hexdigest()[:12]}"


def is_server_address(text: str) -> bool:
    """Return whether a library is named by an address of a server, not by a folder."""
    return text.strip().lower().startswith(_SCHEMES)


def parse_address(text: str) -> ServerAddress:
    """Return the parts of an address.

    Raises:
        SettingsError: a part is missing or malformed; the message does not repeat the address.
    """
    try:
        parts = urlsplit(text.strip())
        _ = parts.port if "," not in parts.netloc else None
        if text.count("@") > ("@" in parts.netloc):
            raise ValueError("a password with signs that end it")
    except ValueError:  # its message may have the password
        raise SettingsError(
            f"The library's address cannot be read: expected {FORM}. Write the signs @ # / ? of a password or a name as %40 %23 "
            "%2F %3F, or better keep the password in ~/.pgpass."
        ) from None
    course = normalize("NFC", unquote(parts.fragment))
    if not _is_course(course):
        raise SettingsError(
            f"The library's address names no course: expected {FORM}, the course 1 to 63 letters, digits, spaces, dots or hyphens. "
            "Quote it in a shell, because of the #."
        )
    user, at, hosts = parts.netloc.rpartition("@")
    options = [
        pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0].lower() not in _SECRETS
    ]
    query = f"?{urlencode(options, safe='/')}" if options else ""
    fragment = course.replace(" ", "%20")
    shown = f"postgresql://{user.partition(':')[0]}{at}{hosts}{parts.path}{query}#{fragment}"
    connection = f"postgresql://{parts.netloc}{parts.path}{'?' if parts.query else ''}{parts.query}"
    return ServerAddress(connection, shown, course)


def _is_course(text: str) -> bool:
    """Return whether a text can be the name of a course, in any script."""
    plain = "".join(sign for sign in text if category(sign)[0] != "M")  # the vowels of Hindi or Thai
    return (
        1 <= len(text) <= _COURSE_CHARS and bool(re.fullmatch(r"\w[\w .-]*", plain)) and text[0] == plain[0]
    )


def without_passwords(text: str) -> str:
    """Return one word of a command with three dots for users and passwords."""
    return _PASSWORD.sub(
        lambda found: f"{found.group(1)}...@" if found.group(1) else f"{found.group(2)}...", text
    )
