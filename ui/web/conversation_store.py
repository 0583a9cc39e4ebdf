"""The conversations about one library: `conversations.sqlite` in its folder.

It is a file of its own, because conversations are written while an ingest has the library locked, and
because deleting a conversation must not touch the notes. One transaction per exchange; WAL, so that several
tabs read while one writes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rag.errors import LibraryDamaged
from rag.library.checksums import Checked, damaged_rows, has_checks, install
from rag.library.side_database import WAIT_SECONDS, connected, errors_of
from ui.web.conversation import ConversationSummary, Exchange, ExchangeOutcome, from_json, title_of, to_json

FILE_NAME = "conversations.sqlite"
_UNDO_TIME = timedelta(days=1)
"""Time for which a deleted conversation is kept."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS conversations (
    id TEXT PRIMARY KEY, title TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL, deleted_at TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS exchanges (
    id TEXT PRIMARY KEY, conversation_id TEXT NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
    position INTEGER NOT NULL, content TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS exchanges_of ON exchanges (conversation_id, position);
"""
CONVERSATIONS = Checked(
    "conversations", "conversations", "{}.id", ("id", "title", "created_at", "updated_at", "deleted_at")
)
EXCHANGES = Checked("exchanges", "exchanges", "{}.id", ("id", "conversation_id", "position", "content"))
_DAMAGED = (
    "This exchange is damaged on the disk and cannot be shown. Ask the question again, or take the conversations back from a "
    "backup (lectern restore)."
)
_SELECT = (
    f"SELECT e.id, CAST(e.content AS BLOB), {EXCHANGES.sound('e')}, e.position FROM exchanges e NOT INDEXED "
    "JOIN conversations c ON c.id = e.conversation_id WHERE c.deleted_at IS NULL"
)
_BY_TABLE = "SELECT COUNT(*) FROM exchanges NOT INDEXED WHERE conversation_id = c.id"
_BY_INDEX = "SELECT COUNT(*) FROM exchanges INDEXED BY exchanges_of WHERE conversation_id = c.id"
"""A damaged table can hide a row that the index still knows.

A damaged index can hide one that is in the table.
"""


class ConversationStore:
    """The conversations about one library. Any thread of any process may read and write."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE_NAME
        with self._connection() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)
            columns = {row[1] for row in connection.execute("PRAGMA table_info(conversations)")}
            if "deleted_at" not in columns:  # of a version without Undo
                connection.execute("ALTER TABLE conversations ADD COLUMN deleted_at TEXT")
            if not has_checks(connection):
                connection.execute("BEGIN IMMEDIATE")
                install(connection, (CONVERSATIONS, EXCHANGES))
                connection.execute("COMMIT")
            before = (datetime.now(UTC) - _UNDO_TIME).isoformat()
            connection.execute("DELETE FROM conversations WHERE deleted_at < ?", (before,))

    def conversations(self, words: str = "") -> list[ConversationSummary]:
        """Return the conversations, the last used first.

        With `words`, only those with all of them in the title, in one question or in one answer, in any case.
        """
        wanted = words.casefold().split()
        text = f"IIF({EXCHANGES.sound('e')}, coalesce(e.content ->> '{{}}', ''), '')"
        texts = f"c.title || char(10) || {text.format('$.question')} || char(10) || {text.format('$.text')}"
        found = " AND ".join([f"instr(folded({texts}), ?) > 0"] * len(wanted))
        query = (
            f"SELECT c.id, IIF({CONVERSATIONS.sound('c')}, c.title, '(damaged)'), CAST(c.updated_at AS BLOB), "
            f"max(({_BY_TABLE}), ({_BY_INDEX})) "
            "FROM conversations c LEFT JOIN exchanges e ON e.conversation_id = c.id "
            f"WHERE c.deleted_at IS NULL {'AND ' + found if found else ''} "
            "GROUP BY c.id ORDER BY c.updated_at DESC, c.rowid DESC"
        )
        with self._connection() as connection:
            connection.create_function("folded", 1, str.casefold, deterministic=True)
            return [
                ConversationSummary(identity, title, updated.decode("utf-8", "replace"), count)
                for identity, title, updated, count in connection.execute(query, wanted)
            ]

    def rename(self, conversation: str, title: str) -> None:
        """Give a conversation another title; an empty one changes nothing."""
        if title.strip():
            with self._connection() as connection:
                connection.execute(
                    "UPDATE conversations SET title = ? WHERE id = ?", (title_of(title), conversation)
                )

    def exchanges(self, conversation: str) -> list[Exchange]:
        """Return the exchanges of a conversation in order; empty if it does not exist.

        In place of one that is damaged on the disk there is a failed one with the reason. The table is read without
        its index, because a damaged one would hide exchanges; one that only the index knows is damaged.
        """
        query = f"{_SELECT} AND c.id = ?"
        known = (
            "SELECT e.rowid, position FROM exchanges e INDEXED BY exchanges_of JOIN conversations c ON c.id = conversation_id "
            "WHERE conversation_id = ? AND deleted_at IS NULL"
        )
        with self._connection() as connection:
            rows = connection.execute(query, (conversation,)).fetchall()
            there = {row[-1] for row in rows}
            lost = connection.execute(known, (conversation,)).fetchall()
        rows += [(f"lost-{row}", b"", False, position) for row, position in lost if position not in there]
        return [_read(*row[:-1]) for row in sorted(rows, key=_position)]

    def exchange(self, identity: str) -> Exchange | None:
        """Return the exchange of that id, None if there is none."""
        with self._connection() as connection:
            row = connection.execute(f"{_SELECT} AND e.id = ?", (identity,)).fetchone()
        return _read(*row[:-1]) if row else None

    def conversation_of(self, exchange: str) -> str:
        """Return the conversation of an exchange, empty if there is none."""
        with self._connection() as connection:
            query = "SELECT conversation_id FROM exchanges WHERE id = ?"
            row = connection.execute(query, (exchange,)).fetchone()
        return str(row[0]) if row else ""

    def save(self, conversation: str, exchange: Exchange, instead_of: str = "") -> None:
        """Add an exchange to a conversation, or replace the one with its id.

        The conversation is made when it is not there, with the question as its title. The exchange with the id
        `instead_of` is deleted in the same transaction: either both are done or nothing is.
        """
        now = datetime.now(UTC).isoformat()
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(
                "INSERT INTO conversations (id, title, created_at, updated_at) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at",
                (conversation, title_of(exchange.question), now, now),
            )
            connection.execute(
                "INSERT INTO exchanges SELECT ?1, ?2, COALESCE(MAX(position), 0) + 1, ?3 FROM exchanges "
                "WHERE conversation_id = ?2 ON CONFLICT (id) DO UPDATE SET content = excluded.content",
                (exchange.id, conversation, to_json(exchange)),
            )
            connection.execute("DELETE FROM exchanges WHERE id = ? AND id <> ?", (instead_of, exchange.id))
            connection.execute("COMMIT")

    def forget(self, conversation: str) -> str:
        """Delete a conversation with its exchanges, and return its title.

        It is empty if there is none. `restore` brings it back for a day.
        """
        now = datetime.now(UTC).isoformat()
        with self._connection() as connection:
            found = connection.execute(
                "UPDATE conversations SET deleted_at = ? WHERE id = ? RETURNING title", (now, conversation)
            ).fetchone()
        return str(found[0]) if found else ""

    def restore(self, conversation: str) -> None:
        """Bring a deleted conversation back; nothing happens if it is gone."""
        with self._connection() as connection:
            connection.execute("UPDATE conversations SET deleted_at = NULL WHERE id = ?", (conversation,))

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        otherwise = "; delete it to start without the history"
        with errors_of(self._file, "The conversations", otherwise), connected(self._file) as connection:
            yield connection


def damaged_conversations(folder: Path) -> int:
    """Return the number of damaged conversations and exchanges of a library.

    Nothing is written; there may be no conversations.

    Raises:
        LibraryDamaged: the file is no sound database.
    """
    file = folder / FILE_NAME
    try:
        return damaged_rows(file, (CONVERSATIONS, EXCHANGES), WAIT_SECONDS)
    except (sqlite3.Error, UnicodeDecodeError) as exc:
        raise LibraryDamaged(f"The conversations in {file} cannot be read ({exc}).") from exc


def _position(row: tuple[Any, ...]) -> int:
    """Return the place in its conversation, 0 where it is damaged."""
    return row[-1] if isinstance(row[-1], int) else 0


def _read(identity: str, content: bytes, is_sound: int | None) -> Exchange:
    """Return a stored exchange; a failed one with the reason if it cannot be read."""
    try:
        if is_sound:
            return from_json(content.decode())
        reason = _DAMAGED
    except LibraryDamaged as exc:
        reason = str(exc)
    return Exchange(identity, "(a damaged exchange)", "", ExchangeOutcome.FAILED, error=reason)
