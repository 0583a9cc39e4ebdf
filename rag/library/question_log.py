"""The log of the questions that were asked, `questions.sqlite`.

A person is in it by an id that is no name. It can be switched off, deletes what is older than a number of days, and forgets
all of one person. The times come from a steady clock, and a jump of the clock deletes nothing. The vector of a question is
kept beside it and deleted with it, so that the Monitor page embeds each question once.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS vectors (
    question INTEGER PRIMARY KEY REFERENCES questions(id) ON DELETE CASCADE, embedder TEXT NOT NULL, vector BLOB NOT NULL
) STRICT
"""
_FORM = 2
"""2 has the vectors of the questions."""
_COLUMNS = (
    "id", "exchange", "person", "asked_at", "question", "kind", "document", "near", "nearness", "seconds", "verdict"
)  # fmt: skip
QUESTIONS = Checked("questions", "questions", "{}.id", _COLUMNS)
VECTORS = Checked("vectors", "vectors", "{}.question", ("question", "embedder", "vector"))
_OFF, _SEEN = "off", "seen_at"
_LOOK_EVERY = timedelta(hours=1)
"""Least time between two looks for old questions.

So a jump of the clock is believed after this time.
"""


@dataclass(frozen=True, slots=True)
class LoggedQuestion:
    """A question as it was asked and answered.

    `exchange` and `person` are ids, `asked_at` is UTC in ISO 8601, and `kind` that of the answer. `document` is that of the
    first citation, else of the nearest passage. `near` is False where no passage was near enough, `nearness` the score of
    the nearest one (None without), `seconds` the time until the whole answer, `verdict` the person's, empty without. `id` is
    the row of the log, 0 for a question that is in none.
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
    id: int = field(default=0, compare=False)


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
        self._database = SideDatabase(
            folder / FILE_NAME, _SCHEMA, (QUESTIONS, VECTORS), "The log of questions", _FORM
        )
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
        """Add a question, unless the log is off; old ones are deleted."""
        if not self.on:
            return
        row = (asked.exchange, asked.person, asked.asked_at, asked.question, asked.kind, asked.document,
               int(asked.near), asked.nearness, asked.seconds, asked.verdict)  # fmt: skip
        with self._database.writing() as connection:
            connection.execute(
                f"INSERT INTO questions ({', '.join(_COLUMNS[1:])}) VALUES ({', '.join('?' * len(row))})", row
            )
            self._forget(connection, datetime.fromisoformat(asked.asked_at))

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
            f"SELECT {', '.join(_COLUMNS)} FROM questions q WHERE q.asked_at >= ? AND {QUESTIONS.sound('q')} "
            "ORDER BY q.id"
        )
        with self._database.reading() as connection:
            return [_read(row) for row in connection.execute(query, (since,))]

    def vectors(self, embedder: str) -> dict[int, bytes]:
        """Return the vectors that are kept, by the id of their question.

        They are bytes of float32, those of the embedder with this fingerprint. Damaged ones are left out.
        """
        if not self._database.exists:
            return {}
        query = f"SELECT v.question, v.vector FROM vectors v WHERE v.embedder = ? AND {VECTORS.sound('v')}"
        with self._database.reading() as connection:
            return dict(connection.execute(query, (embedder,)).fetchall())

    def keep_vectors(self, embedder: str, vectors: Mapping[int, bytes]) -> None:
        """Keep vectors of questions that are still in the log.

        They replace another embedder's.
        """
        query = "INSERT OR REPLACE INTO vectors SELECT q.id, ?, ? FROM questions q WHERE q.id = ?"
        with self._database.writing() as connection:
            connection.executemany(query, ((embedder, vector, one) for one, vector in vectors.items()))

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
        before a look an hour later finds the same. Within an hour of the last look nothing is looked for.
        """
        if not self._database.exists:
            return 0
        with self._database.writing() as connection:
            return self._forget(connection, now or CLOCK.now())

    def _forget(self, connection: sqlite3.Connection, now: datetime) -> int:
        most = timedelta(days=self.keep_days)
        row = connection.execute("SELECT value FROM state WHERE key = ?", (_SEEN,)).fetchone()
        since = abs(now - datetime.fromisoformat(row[0])) if row else None
        if since is not None and since < _LOOK_EVERY:
            return 0
        _keep(connection, _SEEN, now.isoformat())
        if since is None or since > most:
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
    identity, exchange, person, asked_at, question, kind, document, near, nearness, seconds, verdict = row
    return LoggedQuestion(
        exchange, person, asked_at, question, kind, document, bool(near), nearness, seconds, verdict, identity
    )


def _keep(connection: sqlite3.Connection, key: str, value: str) -> None:
    connection.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (key, value))
