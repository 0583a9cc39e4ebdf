"""PostgreSQL's errors as Lectern's, each one sentence without a password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from rag.errors import LibraryBusy, LibraryDamaged, LibraryError, LibraryUnreachable

_SAVED = "Nothing that was saved before is lost"
_SIGNS = (
    (
        ("password authentication failed", "no password supplied"),
        "refuses the user or the password. Put the right one into ~/.pgpass or PGPASSWORD",
    ),
    (
        ("no pg_hba.conf entry", "pg_hba.conf rejects"),
        "does not let this user in from this machine. Ask its owner for a line in pg_hba.conf",
    ),
    (("too many clients", "too many connections", "remaining connection slots"), "has no connection left. Try again in a moment, or raise max_connections"),
)  # fmt: skip
"""Parts of libpq's messages, which have no codes, and what is wrong then."""


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Turn errors of an open connection to the library `place` into Lectern's.

    Raises:
        LibraryBusy: another transaction is in the way.
        LibraryDamaged: the server's disk is full, or the statement failed for an unexpected reason.
        LibraryUnreachable: the connection was lost, or the role may not do this.
    """
    try:
        yield
    except psycopg.Error as exc:
        raise _of_statement(place, exc) from exc


@contextmanager
def translated_connecting(place: str, database: str) -> Iterator[None]:
    """Turn errors of opening a connection into Lectern's.

    Raises:
        LibraryUnreachable: there is no such server, database or user.
    """
    try:
        yield
    except psycopg.Error as exc:
        reason = " ".join(str(exc).partition("\n")[0].split())
        problem = next((what for signs, what in _SIGNS if any(sign in reason for sign in signs)), "")
        if not problem and f'database "{database}" does not exist' in reason:
            problem = f"has no database {database!r}. Make it with: createdb {database}"
        if not problem and "role " in reason and "does not exist" in reason:
            problem = "does not know this user. Name another in the address, or make it with: createuser"
        if problem:
            raise LibraryUnreachable(f"The server of {place} {problem}.") from exc
        raise LibraryUnreachable(
            f"The server of {place} cannot be reached ({reason}). Check that it runs and that host, port and database are right."
        ) from exc


def _of_statement(place: str, exc: psycopg.Error) -> LibraryError:
    code, reason = exc.sqlstate or "", exc.diag.message_primary or str(exc).partition("\n")[0]
    if code.startswith("53"):
        return LibraryDamaged(
            f"The server of {place} has no disk space or memory left ({reason}). {_SAVED}: make space there and run the "
            "same command again."
        )
    if code in {"40001", "40P01", "55P03", "57014"}:
        return LibraryBusy(f"{place} is busy ({reason}); try again in a moment.")
    if code == "25006":
        return LibraryUnreachable(
            f"The server of {place} is a replica and cannot be written to. Name the primary server in the address."
        )
    if code == "42501":
        return LibraryUnreachable(
            f"The user of {place} may not do this ({reason}). Connect as another user, or ask the owner of the database for: "
            "SELECT lectern.admit('USER', 'COURSE'), to write lectern.admit('USER', 'COURSE', true)"
        )
    if code.startswith(("08", "57P")) or (not code and isinstance(exc, psycopg.OperationalError)):
        return LibraryUnreachable(
            f"The connection to {place} was lost ({reason}). {_SAVED}: run the same command again when the server is back."
        )
    return LibraryDamaged(
        f"The server of {place} reported an error ({code or type(exc).__name__}: {reason}). {_SAVED}; the server's log says more."
    )
