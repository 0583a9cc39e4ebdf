"""The accounts of a library and their sessions: `accounts.sqlite` in its folder.

A password is stored as an Argon2id hash, a session as the SHA-256 of its random token: a copy of the file lets nobody in.
"""

from __future__ import annotations

import re
import secrets
import shutil
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from rag.errors import LibraryDamaged, SettingsError
from rag.library.backup import PEOPLE
from rag.library.checksums import Checked
from rag.library.side_database import SideDatabase
from ui.accounts.passwords import check_password, hashed, is_right
from ui.accounts.person import Person, Role

FILE_NAME = "accounts.sqlite"
SESSION_TIME = timedelta(days=14)
"""Longest time for which a browser stays logged in."""
_NAME = re.compile(r"[\w][\w.@-]{0,63}")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, folded TEXT NOT NULL UNIQUE, role TEXT NOT NULL, password TEXT NOT NULL,
    made_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS sessions (
    digest TEXT PRIMARY KEY, account_id TEXT NOT NULL REFERENCES accounts(id) ON DELETE CASCADE, ends_at TEXT NOT NULL
) STRICT
"""
ACCOUNTS = Checked("accounts", "accounts", "{}.id", ("id", "name", "folded", "role", "password", "made_at"))
SESSIONS = Checked("sessions", "sessions", "{}.digest", ("digest", "account_id", "ends_at"))


@dataclass(frozen=True, slots=True)
class Account:
    """An account as `lectern users list` shows it; `made_at` is UTC, ISO 8601."""

    person: Person
    made_at: str


class AccountStore:
    """The accounts of one library. Any thread of any process may read and write."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._database = SideDatabase(folder / FILE_NAME, _SCHEMA, (ACCOUNTS, SESSIONS), "The accounts")
        self._required = False

    @property
    def required(self) -> bool:
        """True once there is an account.

        It stays true while the server runs: removing the last account must not open it.
        """
        if not self._required:
            self._required = bool(self.all())
        return self._required

    def all(self) -> list[Account]:
        """Return every account, oldest first.

        Raises:
            LibraryDamaged: an account cannot be read.
        """
        if not self._database.exists:
            return []
        query = (
            f"SELECT id, name, role, made_at, {ACCOUNTS.sound('a')} FROM accounts a ORDER BY made_at, rowid"
        )
        with self._database.reading() as connection:
            return [Account(_person(i, n, r, ok), str(at)) for i, n, r, at, ok in connection.execute(query)]

    def add(self, name: str, password: str, role: Role) -> Account:
        """Make an account.

        Raises:
            SettingsError: the name is none or taken, or the password may not be chosen.
        """
        name = name.strip()
        if not _NAME.fullmatch(name):
            raise SettingsError(
                f"{name!r} is no name for an account: use 1 to 64 letters, digits and . _ - @, and begin with a letter or digit."
            )
        check_password(password, name)
        made = Account(Person(secrets.token_hex(16), name, role), _now().isoformat(timespec="seconds"))
        row = (made.person.id, name, name.casefold(), role.value, hashed(password), made.made_at)
        with self._database.writing() as connection:
            try:
                connection.execute("INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?)", row)
            except sqlite3.IntegrityError as exc:
                raise SettingsError(
                    f"There is an account named {name!r} already. Choose another name, or give it another password: lectern "
                    f"users password {name}"
                ) from exc
        return made

    def remove(self, name: str, *, delete_data: bool = False) -> Person:
        """Remove an account with its sessions, and return the person.

        The conversations and cards stay on the disk, in a folder that nobody reaches in the app, unless `delete_data`.

        Raises:
            SettingsError: there is no such account.
        """
        with self._database.writing() as connection:
            person = _named(connection, name, damaged=True)
            connection.execute("DELETE FROM sessions WHERE account_id = ?", (person.id,))
            connection.execute("DELETE FROM accounts WHERE id = ?", (person.id,))
        if delete_data:
            shutil.rmtree(self._folder / PEOPLE / person.id, ignore_errors=True)
        return person

    def set_password(self, name: str, password: str) -> None:
        """Give an account another password; all its sessions end.

        Raises:
            SettingsError: there is no such account, or the password may not be chosen.
        """
        check_password(password, name)
        stored = hashed(password)
        with self._database.writing() as connection:
            person = _named(connection, name)
            connection.execute("DELETE FROM sessions WHERE account_id = ?", (person.id,))
            connection.execute("UPDATE accounts SET password = ? WHERE id = ?", (stored, person.id))

    def verified(self, name: str, password: str) -> Person | None:
        """Return the person with this name and password, None for any other pair.

        Raises:
            LibraryDamaged: the account is damaged on the disk.
        """
        query = f"SELECT id, name, role, password, {ACCOUNTS.sound('a')} FROM accounts a WHERE folded = ?"
        with self._database.reading() as connection:
            row = connection.execute(query, (name.strip().casefold(),)).fetchone()
        right = is_right(password, row[3] if row else None)
        return _person(row[0], row[1], row[2], row[4]) if row and right else None

    def begin_session(self, person: Person) -> str:
        """Return the token of a new session; sessions that have ended are deleted."""
        token, now = secrets.token_urlsafe(32), _now()
        with self._database.writing() as connection:
            connection.execute("DELETE FROM sessions WHERE ends_at < ?", (now.isoformat(),))
            connection.execute(
                "INSERT INTO sessions VALUES (?, ?, ?)",
                (_digest(token), person.id, (now + SESSION_TIME).isoformat()),
            )
        return token

    def in_session(self, token: str) -> Person | None:
        """Return the person of a session, None if it has ended or never was."""
        if not token or not self._database.exists:
            return None
        query = (
            f"SELECT a.id, a.name, a.role, {ACCOUNTS.sound('a')} AND {SESSIONS.sound('s')} FROM sessions s "
            "JOIN accounts a ON a.id = s.account_id WHERE s.digest = ? AND s.ends_at >= ?"
        )
        with self._database.reading() as connection:
            row = connection.execute(query, (_digest(token), _now().isoformat())).fetchone()
        return _person(*row) if row else None

    def end_session(self, token: str) -> None:
        """End a session; an unknown token changes nothing."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM sessions WHERE digest = ?", (_digest(token),))

    def end_all_sessions(self) -> None:
        """End every session.

        After a restore those that have ended since the backup would go on.
        """
        if not self._database.exists:
            return
        with self._database.writing() as connection:
            connection.execute("DELETE FROM sessions")

    def damaged(self) -> int:
        """Return the number of damaged accounts and sessions."""
        return self._database.damaged()


def _named(connection: sqlite3.Connection, name: str, *, damaged: bool = False) -> Person:
    """Return the person of that name; with `damaged` also of a damaged account."""
    query = f"SELECT id, name, role, {ACCOUNTS.sound('a')} FROM accounts a WHERE folded = ?"
    row = connection.execute(query, (name.strip().casefold(),)).fetchone()
    if row is None:
        raise SettingsError(f"No account is named {name!r}; `lectern users list` shows them.")
    return Person(row[0], row[1], Role.STUDENT) if damaged else _person(*row)


def _person(identity: str, name: str, role: str, is_sound: int | None) -> Person:
    if not is_sound:
        raise LibraryDamaged(
            "An account is damaged on the disk, so it is not used. Take the accounts back from a backup (lectern restore), or "
            "remove and add it again (lectern users list)."
        )
    return Person(identity, name, Role(role))


def _digest(token: str) -> str:
    return sha256(token.encode("utf-8", "replace")).hexdigest()


def _now() -> datetime:
    return datetime.now(UTC)
