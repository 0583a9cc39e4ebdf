"""The log of the questions that were asked, `questions.sqlite`.

A person is in it by an id that is no name. It can be switched off, deletes what is older than a number of days, and forgets
all of one person. The times come from a steady clock, and a jump of the clock deletes nothing.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rag.library.checksums import Checked
from rag.library.side_database import SideDatabase

FILE_NAME = "questions.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS questions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, exchange TEXT NOT NULL, person TEXT NOT NULL, asked_at TEXT NOT NULL,
    question TEXT NOT NULL, kind TEXT NOT NULL, document TEXT NOT NULL, near INTEGER NOT NULL, nearness REAL,
    seconds REAL NOT NULL, verdict TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT
"""
_COLUMNS = (
    "id", "exchange", "person", "asked_at", "question", "kind", "document", "near", "nearness", "seconds", "verdict"
)  # fmt: skip
QUESTIONS = Checked("questions", "questions", "{}.id", _COLUMNS)
_OFF, _SEEN = "off", "seen_at"


@dataclass(frozen=True, slots=True)
class LoggedQuestion:
    """A question as it was asked and answered.

    `exchange` and `person` are ids, `asked_at` is UTC in ISO 8601, and `kind` that of the answer. `document` is that of the
    first citation, else of the nearest passage. `near` is False where no passage was near enough, `nearness` the score of
    the nearest one (None without), `seconds` the time until the whole answer, `verdict` the person's, empty without.
    """

    exchange: str
    person: str
    asked_at: str
    question: str
    kind: str
    document: str
    near: bool
    nearness: float | None
    seconds: float
    verdict: str = ""


class SteadyClock:
    """A clock that never jumps while the process runs."""

    def __init__(self) -> None:
        self._start, self._counted = datetime.now(UTC), time.monotonic()

    def now(self) -> datetime:
        """Return the time."""
        return self._start + timedelta(seconds=time.monotonic() - self._counted)


CLOCK = SteadyClock()


class QuestionLog:
    """The log of one library. Any thread of any process may read and write."""

    def __init__(self, folder: Path, *, enabled: bool = True, keep_days: int = 180) -> None:
        """Remember the settings; the file is made with the first question."""
        self._database = SideDatabase(folder / FILE_NAME, _SCHEMA, (QUESTIONS,), "The log of questions")
        self._enabled = enabled
        self.keep_days = keep_days

    @property
    def on(self) -> bool:
        """True if questions are logged."""
        return self._enabled and not self._state(_OFF)

    def switch(self, on: bool) -> None:
        """Log from now on, or no longer; what is in the log stays."""
        with self._database.writing() as connection:
            _keep(connection, _OFF, "" if on else "yes")

    def add(self, asked: LoggedQuestion) -> None:
        """Add a question, unless the log is off."""
        if not self.on:
            return
        row = (asked.exchange, asked.person, asked.asked_at, asked.question, asked.kind, asked.document,
               int(asked.near), asked.nearness, asked.seconds, asked.verdict)  # fmt: skip
        with self._database.writing() as connection:
            connection.execute(
                f"INSERT INTO questions ({', '.join(_COLUMNS[1:])}) VALUES ({', '.join('?' * len(row))})", row
            )

    def judge(self, exchange: str, person: str, verdict: str) -> None:
        """Keep a person's verdict on their own question, if it is in the log."""
        if not self._database.exists:
            return
        with self._database.writing() as connection:
            query = "UPDATE questions SET verdict = ? WHERE exchange = ? AND person = ? AND exchange <> ''"
            connection.execute(query, (verdict, exchange, person))

    def questions(self, since: str = "") -> list[LoggedQuestion]:
        """Return the questions from a date on, oldest first.

        The date is in ISO 8601. Damaged questions are left out.
        """
        if not self._database.exists:
            return []
        query = (
            f"SELECT {', '.join(_COLUMNS[1:])} FROM questions q WHERE q.asked_at >= ? AND {QUESTIONS.sound('q')} "
            "ORDER BY q.id"
        )
        with self._database.reading() as connection:
            return [_read(row) for row in connection.execute(query, (since,))]

    def count_of(self, person: str) -> int:
        """Return the number of a person's questions."""
        if not self._database.exists:
            return 0
        with self._database.reading() as connection:
            query = "SELECT COUNT(*) FROM questions WHERE person = ?"
            return int(connection.execute(query, (person,)).fetchone()[0])

    def delete_of(self, person: str) -> int:
        """Delete all questions of a person, and return how many."""
        if not self._database.exists:
            return 0
        with self._database.writing() as connection:
            connection.execute("PRAGMA secure_delete = ON")
            return connection.execute("DELETE FROM questions WHERE person = ?", (person,)).rowcount

    def delete_all(self) -> int:
        """Delete every question, and return how many."""
        if not self._database.exists:
            return 0
        with self._database.writing() as connection:
            connection.execute("PRAGMA secure_delete = ON")
            return connection.execute("DELETE FROM questions").rowcount

    def prune(self, now: datetime | None = None) -> int:
        """Delete the questions older than `keep_days`, and return how many.

        A time that is further from the last one seen than `keep_days` may be a clock that jumped: then nothing is deleted
        before a second look finds the same.
        """
        if not self._database.exists:
            return 0
        now, most = now or CLOCK.now(), timedelta(days=self.keep_days)
        with self._database.writing() as connection:
            row = connection.execute("SELECT value FROM state WHERE key = ?", (_SEEN,)).fetchone()
            _keep(connection, _SEEN, now.isoformat())
            if row is None or abs(now - datetime.fromisoformat(row[0])) > most:
                return 0
            before = (now - most).isoformat()
            return connection.execute("DELETE FROM questions WHERE asked_at < ?", (before,)).rowcount

    def damaged(self) -> int:
        """Return the number of damaged rows."""
        return self._database.damaged()

    def _state(self, key: str) -> str:
        if not self._database.exists:
            return ""
        with self._database.reading() as connection:
            row = connection.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else ""


def _read(row: Sequence[Any]) -> LoggedQuestion:
    exchange, person, asked_at, question, kind, document, near, nearness, seconds, verdict = row
    return LoggedQuestion(
        exchange, person, asked_at, question, kind, document, bool(near), nearness, seconds, verdict
    )


def _keep(connection: sqlite3.Connection, key: str, value: str) -> None:
    connection.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (key, value))
