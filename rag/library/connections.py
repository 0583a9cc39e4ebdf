"""The connections to a library's database.

Every thread reads through its own connection, and one thread writes at a time. The meaning of the tables is
in `rag.library.queries` and `rag.library.library`.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Container, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from rag.aliases import Rowids
from rag.library import schema
from rag.library.checked_tables import unsound
from rag.library.checksums import Checked, has_checks
from rag.library.write_lock import WriteLock

DATABASE_NAME = "library.sqlite"
_SQL_VARIABLES = 500
"""Keys in one query. SQLite before 3.32 takes 999 at most (`SQLITE_MAX_VARIABLE_NUMBER`)."""


class Connections:
    """Connections to `library.sqlite` in a folder. Any thread may read; one thread of one process writes."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / DATABASE_NAME
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._lock = WriteLock(folder)
        self._checked = False

    def close(self) -> None:
        """Close every connection; the object cannot be used afterwards."""
        for connection in self._opened:
            connection.close()
        self._opened.clear()
        self._local = threading.local()

    @property
    def checked(self) -> bool:
        """True if the library's rows have checksums.

        Those of an earlier version get them at the next ingest.
        """
        if not self._checked:
            with schema.translated(self._file):
                self._checked = has_checks(self.reading)
        return self._checked

    @property
    def reading(self) -> sqlite3.Connection:
        """This thread's connection that cannot write."""
        return self.of_thread("reading")

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that sees one unchanging state of the library.

        Commits of others do not show meanwhile. May be nested in one thread: the outermost state counts.
        """
        if self.reading.in_transaction:
            yield self.reading
            return
        with schema.translated(self._file):
            self.reading.execute("BEGIN")
            self.reading.execute("SELECT 1 FROM manifest LIMIT 1")  # SQLite fixes the state at the first read
            try:
                yield self.reading
            finally:
                self.reading.execute("COMMIT")

    def lock(self) -> AbstractContextManager[None]:
        """Return a context in which nobody else changes documents, in any process.

        Raises:
            LibraryBusy: another thread or process has the lock.
        """
        return self._lock.taken()

    @contextmanager
    def transaction(
        self, *, locked: bool, counts: bool = True, durable: bool = False
    ) -> Iterator[sqlite3.Connection]:
        """Yield a connection in a transaction that is committed at the end.

        If anything fails, the transaction is undone. `locked` takes the write lock; `counts` raises the
        library's generation; `durable` waits for the disk, and so for all commits before this one.
        """
        if locked:
            with self.lock(), self.transaction(locked=False, counts=counts) as connection:
                yield connection
            return
        with schema.translated(self._file):
            connection = self.of_thread("writing")
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

    def check(self, is_sound: object, what: str) -> None:
        """Refuse a row that does not have its checksum; `what` names its document.

        Raises:
            LibraryDamaged: it does not have it.
        """
        if not is_sound:
            raise unsound(self._file.parent, what)

    def check_gone(self, checked: Checked, keys: Sequence[Any] | Rowids, found: Container[int]) -> None:
        """Refuse a row that was not found although its checksum is there.

        Raises:
            LibraryDamaged: there is such a row; damage to a table's pages can make its rows unreachable.
        """
        missing = [int(key) for key in keys if int(key) not in found]
        if missing and self.checked:
            query = f"SELECT key FROM checks WHERE kind = '{checked.kind}' AND key IN"
            self.check(not list(self.rows_of(query, missing)), "A passage")

    def of_thread(self, name: str) -> sqlite3.Connection:
        """Return this thread's connection of that name, opened at its first use.

        The names are "reading" and "writing".
        """
        found: sqlite3.Connection | None = getattr(self._local, name, None)
        if found is None:
            found = schema.connect(self._file, write=name == "writing")
            setattr(self._local, name, found)
            self._opened.append(found)
        return found

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query, read through this thread's connection."""
        with schema.translated(self._file):
            return self.reading.execute(query, values).fetchall()

    def rows_of(self, query: str, keys: Sequence[Any] | Rowids) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of `query`, which ends in `IN`, for any number of keys."""
        plain = [int(key) if isinstance(key, np.integer) else key for key in keys]
        for start in range(0, len(plain), _SQL_VARIABLES):
            part = plain[start : start + _SQL_VARIABLES]
            yield from self.rows(f"{query} ({','.join('?' * len(part))})", part)
