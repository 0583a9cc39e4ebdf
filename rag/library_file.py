"""The file behind a library: connections, views and transactions of `library.sqlite`, and what it says of itself.

It knows how many may use it at once: any thread reads through a connection of its own, one writes at a time. What the tables mean
is for `rag.library_reading` and `rag.library`.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rag import database
from rag.errors import LibraryMismatch
from rag.records import Manifest
from rag.write_lock import WriteLock

DATABASE_NAME = "library.sqlite"
_SQL_VARIABLES = 500

Rowids = NDArray[np.int64]


class LibraryFile:
    """A library's folder and the connections to its database. Any thread may read; one thread of one process writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / DATABASE_NAME
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._lock = WriteLock(folder)
        self._check_schema()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes every connection; the object cannot be used afterwards."""
        for connection in self._opened:
            connection.close()
        self._opened.clear()
        self._local = threading.local()

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's own connection, which cannot write."""
        return self._thread_connection("reader")

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """One unchanging view of the library for several reads of this thread, whatever is committed meanwhile.

        May be nested: the outermost view holds.
        """
        if self.connection.in_transaction:
            yield self.connection
            return
        with database.translated(self._file):
            self.connection.execute("BEGIN")
            self.connection.execute("SELECT 1 FROM manifest LIMIT 1")  # only now SQLite fixes the view
            try:
                yield self.connection
            finally:
                self.connection.execute("COMMIT")

    @property
    def generation(self) -> int:
        """How many changes were committed; it grows by one with each."""
        return int(self._value("generation"))

    @property
    def epoch(self) -> str:
        """The token that the library and its `vectors.faiss` share since the file was written; empty if it never was.

        An older library that was put back, or one that lost its last commits to a power cut, uses rowids again. It does
        not have the token of a file from the time that it lost.
        """
        rows = self._rows("SELECT value FROM manifest WHERE key = 'epoch'")
        return str(rows[0][0]) if rows else ""

    def set_epoch(self, epoch: str) -> None:
        """Remembers the token of the index file that is about to be put in place.

        It is on the disk afterwards with everything that was committed before it, whatever happens to the power. Needs no
        write lock: a search that writes the file does it too.
        """
        with self._transaction(locked=False, counts=False, durable=True) as connection:
            connection.execute("INSERT OR REPLACE INTO manifest VALUES ('epoch', ?)", (epoch,))

    @property
    def manifest(self) -> Manifest:
        """What the library was made with."""
        values = dict(self._rows("SELECT key, value FROM manifest"))
        return Manifest(
            int(values["schema"]),
            values["embedder"],
            int(values["dim"]),
            values["chunker"],
            values["created_at"],
        )

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Holds the library's write lock: no other process, and no other thread, changes documents meanwhile.

        Readers are never blocked. May be nested in one thread.

        Raises:
            LibraryBusy: somebody else holds it.
        """
        with self._lock.held():
            yield

    @contextmanager
    def _transaction(
        self, *, locked: bool, counts: bool = True, durable: bool = False
    ) -> Iterator[sqlite3.Connection]:
        """A connection inside one transaction that is committed at the end, or undone if anything fails.

        A `durable` one waits for the disk, and so for all commits before it.
        """
        if locked:
            with self._lock.held(), self._transaction(locked=False, counts=counts) as connection:
                yield connection
            return
        with database.translated(self._file):
            connection = self._thread_connection("writer")
            connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                if counts:
                    connection.execute("UPDATE manifest SET value = value + 1 WHERE key = 'generation'")
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def _thread_connection(self, name: str) -> sqlite3.Connection:
        """This thread's connection of that name ("reader" or "writer"), opened at its first use."""
        found: sqlite3.Connection | None = getattr(self._local, name, None)
        if found is None:
            found = database.connect(self._file, write=name == "writer")
            setattr(self._local, name, found)
            self._opened.append(found)
        return found

    def _check_schema(self) -> None:
        """Refuses a library of another schema version."""
        found = int(self._value("schema"))
        if found != database.SCHEMA_VERSION:
            raise LibraryMismatch(
                f"{self.folder} has library version {found}, this Lectern reads version {database.SCHEMA_VERSION}. Make "
                "a new library: lectern ingest FOLDER --library NEW_FOLDER"
            )

    def _value(self, key: str) -> str:
        rows = self._rows("SELECT value FROM manifest WHERE key = ?", (key,))
        return str(rows[0][0])

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with database.translated(self._file):
            return self.connection.execute(query, values).fetchall()

    def _rows_of(self, query: str, keys: Sequence[Any] | Rowids) -> Iterator[tuple[Any, ...]]:
        """Rows of `query` (which ends in IN) for any number of keys."""
        plain = [int(key) if isinstance(key, np.integer) else key for key in keys]
        for start in range(0, len(plain), _SQL_VARIABLES):
            part = plain[start : start + _SQL_VARIABLES]
            yield from self._rows(f"{query} ({','.join('?' * len(part))})", part)
