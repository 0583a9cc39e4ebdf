"""The SQLite file behind a library: schema, connections and error messages.

WAL lets any number of processes read while one writes. `synchronous=NORMAL` makes a commit survive the death
of the process at any instant; a power cut may undo the last few commits (the file stays consistent, and the
next ingest does that work again). Where a file outside the library must agree with it, `Library.set_epoch`
waits for the disk.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rag.errors import LibraryBusy, LibraryDamaged
from rag.library.checked_tables import TABLES
from rag.library.checksums import install, register
from rag.text.search_words import TOKENIZER, search_words

SCHEMA_VERSION = 4
"""Version of the tables below and their checksums (`rag.library.checked_tables`).

A library of version 3 has an index of words as they are written, and one of version 2 has no checksums either: they are read, and
the next ingest adds what is missing. Any other version is refused.
"""
READABLE_VERSIONS = frozenset({2, 3, SCHEMA_VERSION})
CHECKED_VERSION = 3
"""The first version with checksums."""

HEADING_SEPARATOR = "\x1f"
"""Sign between the headings of a chunk in one column.

FTS5 treats it as a space, and no note contains it.
"""

_BUSY_SECONDS = 30.0
"""Longest wait for another writer, whose transactions are one document each."""
_PAGE_CACHE_KIBIBYTES = 16_384
"""SQLite's page cache a connection: 16 MiB in place of 2. Not measured."""
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
CREATE TABLE failures (
    source TEXT PRIMARY KEY, path TEXT NOT NULL, reason TEXT NOT NULL,
    size_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, reader TEXT NOT NULL, failed_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE feedback (
    id INTEGER PRIMARY KEY, question TEXT NOT NULL, answer_json TEXT NOT NULL, verdict TEXT NOT NULL,
    note TEXT NOT NULL, given_at TEXT NOT NULL
);
"""
_WORDS = f"""
CREATE VIEW chunk_words AS SELECT id, search_words(title) AS title, search_words(headings) AS headings,
    search_words(text) AS text FROM chunks;
CREATE VIRTUAL TABLE chunks_fts USING fts5(
    title, headings, text, content='chunk_words', content_rowid='id', tokenize='{TOKENIZER}'
);
CREATE VIRTUAL TABLE chunks_vocab USING fts5vocab(chunks_fts, row);
CREATE TRIGGER chunks_inserted AFTER INSERT ON chunks BEGIN
    INSERT INTO chunks_fts(rowid, title, headings, text)
    VALUES (new.id, search_words(new.title), search_words(new.headings), search_words(new.text));
END;
CREATE TRIGGER chunks_deleted AFTER DELETE ON chunks BEGIN
    INSERT INTO chunks_fts(chunks_fts, rowid, title, headings, text)
    VALUES ('delete', old.id, search_words(old.title), search_words(old.headings), search_words(old.text));
END;
"""
"""The index of words, with those of `rag.text.search_words`."""


@contextmanager
def translated(file: Path) -> Iterator[None]:
    """Turn SQLite's errors about `file` into Lectern's.

    Raises:
        LibraryDamaged: the disk is full, or the file fails SQLite's own checks.
        LibraryBusy: another process locked the file for longer than half a minute.
    """
    try:
        yield
    except sqlite3.OperationalError as exc:
        reason = str(exc)
        if "full" in reason or "disk I/O" in reason:
            raise LibraryDamaged(
                f"The disk of {file} is full ({reason}). Nothing that was saved before is lost: free some "
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
        if any(sign in reason for sign in ("decode", "no such", "raised exception", "fts5", "vtable")):
            raise LibraryDamaged(_damaged(file, reason)) from exc
        raise
    except UnicodeDecodeError as exc:
        raise LibraryDamaged(_damaged(file, str(exc))) from exc
    except sqlite3.IntegrityError:
        raise  # a broken constraint is our mistake, not damage: the advice below would cost a person a sound library
    except sqlite3.DatabaseError as exc:
        raise LibraryDamaged(
            f"{file} is not a sound library ({exc}). Move its folder away and ingest the notes again; "
            "`lectern doctor` says more."
        ) from exc


def _damaged(file: Path, reason: str) -> str:
    return (
        f"{file} is damaged on the disk ({reason}). `lectern doctor --deep` says what is damaged and names the command that "
        "repairs it."
    )


def connect(file: Path, *, write: bool) -> sqlite3.Connection:
    """Return a connection in autocommit mode, which writes only with `write`.

    It may pass between threads.
    """
    with translated(file):
        connection = sqlite3.connect(
            _address(file, write),
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        register(connection)
        register_words(connection)
        connection.execute(f"PRAGMA cache_size=-{_PAGE_CACHE_KIBIBYTES}")
        if write:
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA foreign_keys=ON")
        else:
            connection.execute("PRAGMA query_only=ON")
    return connection


def _address(file: Path, write: bool) -> str:
    """Return the URI of a database; where nothing may be written, it cannot change.

    A reader of a WAL database writes an index of the log beside it. On a read-only disk it cannot, and need not
    if the log is empty.
    """
    address = "file::memory:" if str(file) == ":memory:" else file.absolute().as_uri()
    log = file.with_name(f"{file.name}-wal")
    if write or os.access(file.parent, os.W_OK) or (log.exists() and log.stat().st_size):
        return address
    return f"{address}?immutable=1"


def create(file: Path, values: dict[str, str]) -> None:
    """Make the tables and the manifest's first `values` in one transaction.

    An existing schema stays as it is.
    """
    with translated(file):
        connection = connect(file, write=True)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("BEGIN IMMEDIATE")
            if not has_schema(connection):
                make_tables(connection)
                connection.executemany("INSERT INTO manifest VALUES (?, ?)", values.items())
            connection.execute("COMMIT")
        finally:
            connection.close()


def make_tables(connection: sqlite3.Connection) -> None:
    """Make the tables of an empty library, inside a given transaction."""
    for statement in _statements(_SCHEMA + _WORDS):
        connection.execute(statement)
    install(connection, TABLES)


def register_words(connection: sqlite3.Connection) -> None:
    """Give a connection the function of the index of words."""
    connection.create_function("search_words", 1, search_words, deterministic=True)


def renew_words(connection: sqlite3.Connection) -> None:
    """Make the index of words of an earlier version anew, inside a given transaction."""
    for kind, name in (("TRIGGER", "chunks_inserted"), ("TRIGGER", "chunks_deleted"), ("TABLE", "chunks_vocab"),
                       ("TABLE", "chunks_fts"), ("VIEW", "chunk_words")):  # fmt: skip
        connection.execute(f"DROP {kind} IF EXISTS {name}")
    for statement in _statements(_WORDS):
        connection.execute(statement)
    connection.execute("INSERT INTO chunks_fts(chunks_fts) VALUES ('rebuild')")


def has_schema(connection: sqlite3.Connection) -> bool:
    """Return whether the file is a library, so that its first transaction is there."""
    row = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'manifest'").fetchone()
    return row is not None


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a script one at a time.

    `executescript` would commit between them.
    """
    pending = ""
    for line in script.splitlines():
        pending += line + "\n"
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
