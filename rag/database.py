"""The SQLite file behind a library: its schema, how connections to it are opened, and what its errors mean.

It knows SQL's side of durability and nothing of documents. WAL lets any number of processes read while one writes.
`synchronous=NORMAL` makes a commit survive the death of the process at any instant; a power cut may undo the last few
commits (the file stays consistent, and the next ingest does that work again). Where a file outside the library is to agree
with it, `Library.set_epoch` waits for the disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rag.errors import LibraryBusy, LibraryDamaged

SCHEMA_VERSION = 2
"""Raised whenever the tables below change; a library of another version is refused, never guessed at."""

HEADING_SEPARATOR = "\x1f"
"""Stands between the headings of a chunk in one column: FTS5 treats it as a space, and no note holds it."""

_BUSY_SECONDS = 30.0
_PAGE_CACHE_KIBIBYTES = 16_384
_SCHEMA = """
CREATE TABLE manifest (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    kind TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    source TEXT NOT NULL,
    tags TEXT NOT NULL,
    warnings TEXT NOT NULL,
    chunk_count INTEGER NOT NULL,
    ingested_at TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX documents_by_content ON documents (content_hash);
CREATE INDEX documents_by_source ON documents (source);
CREATE TABLE blocks (
    document_id INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    kind TEXT NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
    unit TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, heading TEXT NOT NULL,
    level INTEGER NOT NULL, part INTEGER NOT NULL, identity TEXT NOT NULL,
    PRIMARY KEY (document_id, ordinal)
) WITHOUT ROWID;
CREATE TABLE embeddings (id INTEGER PRIMARY KEY, passage BLOB NOT NULL UNIQUE, vector BLOB NOT NULL);
CREATE TABLE sketches (embedding_id INTEGER PRIMARY KEY REFERENCES embeddings ON DELETE CASCADE, sketch BLOB NOT NULL);
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    chunk_id TEXT NOT NULL,
    document_id INTEGER NOT NULL REFERENCES documents,
    ordinal INTEGER NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
    unit TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, heading TEXT NOT NULL,
    embedding_id INTEGER NOT NULL REFERENCES embeddings,
    title TEXT NOT NULL, headings TEXT NOT NULL, text TEXT NOT NULL
);
CREATE INDEX chunks_of_document ON chunks (document_id, ordinal);
CREATE INDEX chunks_of_embedding ON chunks (embedding_id);
CREATE VIRTUAL TABLE chunks_fts USING fts5(
    title, headings, text, content='chunks', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2'
);
CREATE VIRTUAL TABLE chunks_vocab USING fts5vocab(chunks_fts, row);
CREATE TRIGGER chunks_inserted AFTER INSERT ON chunks BEGIN
    INSERT INTO chunks_fts(rowid, title, headings, text) VALUES (new.id, new.title, new.headings, new.text);
END;
CREATE TRIGGER chunks_deleted AFTER DELETE ON chunks BEGIN
    INSERT INTO chunks_fts(chunks_fts, rowid, title, headings, text)
    VALUES ('delete', old.id, old.title, old.headings, old.text);
END;
CREATE TABLE failures (
    source TEXT PRIMARY KEY, path TEXT NOT NULL, reason TEXT NOT NULL,
    size_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, reader TEXT NOT NULL, failed_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE feedback (
    id INTEGER PRIMARY KEY, question TEXT NOT NULL, answer_json TEXT NOT NULL, verdict TEXT NOT NULL,
    note TEXT NOT NULL, given_at TEXT NOT NULL
);
"""


@contextmanager
def translated(file: Path) -> Iterator[None]:
    """Turns SQLite's errors about `file` into Lectern's.

    Raises:
        LibraryDamaged: the disk is full, or the file fails SQLite's own checks.
        LibraryBusy: another process held the file longer than half a minute.
    """
    try:
        yield
    except sqlite3.OperationalError as exc:
        reason = str(exc)
        if "full" in reason or "disk I/O" in reason:
            raise LibraryDamaged(
                f"The disk that holds {file} is full ({reason}). Nothing that was saved before is lost: free some "
                "space and run the same command again."
            ) from exc
        if "locked" in reason or "busy" in reason:
            raise LibraryBusy(
                f"{file} stayed locked for {_BUSY_SECONDS:.0f} seconds; try again in a moment."
            ) from exc
        if "readonly" in reason or "unable to open" in reason:
            raise LibraryDamaged(
                f"{file} cannot be opened for writing ({reason}); check its permissions."
            ) from exc
        raise
    except sqlite3.IntegrityError:
        raise  # a broken constraint is our mistake, not damage: the advice below would cost a person a sound library
    except sqlite3.DatabaseError as exc:
        raise LibraryDamaged(
            f"{file} is not a sound library ({exc}). Move its folder away and ingest the notes again; "
            "`lectern doctor` says more."
        ) from exc


def connect(file: Path, *, write: bool) -> sqlite3.Connection:
    """A connection in autocommit mode; one that may not write unless `write`. It may pass between threads."""
    with translated(file):
        connection = sqlite3.connect(
            file, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute(f"PRAGMA cache_size=-{_PAGE_CACHE_KIBIBYTES}")
        if write:
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA foreign_keys=ON")
        else:
            connection.execute("PRAGMA query_only=ON")
    return connection


def create(file: Path, values: dict[str, str]) -> None:
    """Makes the tables and the manifest's first `values` in one transaction; leaves an existing schema alone."""
    with translated(file):
        connection = connect(file, write=True)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("BEGIN IMMEDIATE")
            if not has_schema(connection):
                for statement in _statements():
                    connection.execute(statement)
                connection.executemany("INSERT INTO manifest VALUES (?, ?)", values.items())
            connection.execute("COMMIT")
        finally:
            connection.close()


def has_schema(connection: sqlite3.Connection) -> bool:
    """Whether the file holds a library (its first transaction was committed)."""
    row = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'manifest'").fetchone()
    return row is not None


def _statements() -> Iterator[str]:
    """The schema one statement at a time (`executescript` would commit between them)."""
    pending = ""
    for line in _SCHEMA.splitlines():
        pending += line + "\n"
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
