"""Where conversations are kept: `conversations.sqlite` in the library folder, beside the notes they are about.

A file of its own, because conversations are written while an ingest holds the library, and because deleting what was asked
must not touch what can be answered. One transaction per exchange; WAL, so that several tabs read while one writes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rag.errors import LibraryDamaged
from ui.web.conversation import ConversationSummary, Exchange, from_json, title_of, to_json

FILE_NAME = "conversations.sqlite"
_WAIT_SECONDS = 10.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS conversations (
    id TEXT PRIMARY KEY, title TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS exchanges (
    id TEXT PRIMARY KEY, conversation_id TEXT NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
    position INTEGER NOT NULL, content TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS exchanges_of ON exchanges (conversation_id, position);
"""


class ConversationStore:
    """The conversations about one library. Any thread of any process may read and write."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE_NAME
        with self._connection() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)

    def conversations(self) -> list[ConversationSummary]:
        """Every conversation, the one spoken in last first."""
        query = (
            "SELECT c.id, c.title, c.updated_at, COUNT(e.id) FROM conversations c LEFT JOIN exchanges e "
            "ON e.conversation_id = c.id GROUP BY c.id ORDER BY c.updated_at DESC, c.rowid DESC"
        )
        with self._connection() as connection:
            return [ConversationSummary(*row) for row in connection.execute(query)]

    def exchanges(self, conversation: str) -> list[Exchange]:
        """The exchanges of a conversation in the order they were asked; empty for one that does not exist."""
        query = "SELECT content FROM exchanges WHERE conversation_id = ? ORDER BY position"
        with self._connection() as connection:
            return [from_json(row[0]) for row in connection.execute(query, (conversation,))]

    def exchange(self, identity: str) -> Exchange | None:
        """The exchange of that id, None if there is none."""
        with self._connection() as connection:
            row = connection.execute("SELECT content FROM exchanges WHERE id = ?", (identity,)).fetchone()
        return from_json(row[0]) if row else None

    def save(self, conversation: str, exchange: Exchange) -> None:
        """Puts an exchange at the end of a conversation, or in the place of the one with its id.

        The conversation is made when it is not there, with the question as its title.
        """
        now = datetime.now(UTC).isoformat()
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(
                "INSERT INTO conversations VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at",
                (conversation, title_of(exchange.question), now, now),
            )
            connection.execute(
                "INSERT INTO exchanges SELECT ?1, ?2, COALESCE(MAX(position), 0) + 1, ?3 FROM exchanges "
                "WHERE conversation_id = ?2 ON CONFLICT (id) DO UPDATE SET content = excluded.content",
                (exchange.id, conversation, to_json(exchange)),
            )
            connection.execute("COMMIT")

    def forget_exchange(self, identity: str) -> None:
        """Deletes one exchange; nothing happens if it is not there."""
        with self._connection() as connection:
            connection.execute("DELETE FROM exchanges WHERE id = ?", (identity,))

    def forget(self, conversation: str) -> None:
        """Deletes a conversation with its exchanges; nothing happens if it is not there."""
        with self._connection() as connection:
            connection.execute("DELETE FROM conversations WHERE id = ?", (conversation,))

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = sqlite3.connect(self._file, timeout=_WAIT_SECONDS, isolation_level=None)
            try:
                connection.execute("PRAGMA foreign_keys = ON")
                yield connection
            finally:
                connection.close()
        except sqlite3.Error as exc:
            raise LibraryDamaged(
                f"The conversations in {self._file} cannot be read or written ({exc}). Check that the disk is not full and "
                "the file may be written; delete it to start without the history."
            ) from exc
