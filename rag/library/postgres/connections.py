"""The connections to a server: one a thread for reading and one for writing.

A lock of the server itself, which ends with its connection however its process dies, lets one thread of one process change a
course's documents at a time. It belongs to a session, so a pooler between Lectern and the server must not share sessions.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import psycopg
from psycopg import sql

from rag.errors import LibraryUnreachable
from rag.library.nested_lock import NestedLock, busy_elsewhere
from rag.library.postgres.errors import translated, translated_connecting
from rag.library.postgres.notices import ChangeNotices, channel
from rag.library.postgres.vector_type import register_vectors
from rag.system.atomic_write import host_name
from rag.system.server_address import ServerAddress

_DEFAULTS = {
    "connect_timeout": "10",
    "keepalives_idle": "60",
    "keepalives_interval": "10",
    "keepalives_count": "6",
    "tcp_user_timeout": "120000",
}
"""Options of libpq that an address may change: seconds, but the last in ms.

They end the wait for a server that vanished, which is a quarter of an hour or more otherwise. Chosen, not measured.
"""
_SERVER_KEEPALIVES = {"tcp_keepalives_idle": 60, "tcp_keepalives_interval": 10, "tcp_keepalives_count": 6}
"""Seconds of the same for the server.

Otherwise it keeps the lock of a machine that vanished for two hours.
"""
_LOCK = 0x4C454354
"""First key of the lock of a course, `LECT`; the second is the course's number."""

Connection = psycopg.Connection[tuple[Any, ...]]


class ServerConnections:
    """Connections to one course. Any thread may read; one thread of one process writes."""

    def __init__(self, address: ServerAddress) -> None:
        self.place = address.shown
        self.course = 0
        self._address = address
        self._local = threading.local()
        self._opened: list[tuple[threading.Thread, Connection]] = []
        self._opening = threading.Lock()
        self._notices = ChangeNotices(self._open)
        self._lock = NestedLock(self.place, self._take, self._release)

    def close(self) -> None:
        """Close every connection; the next use opens new ones."""
        self._notices.close()
        for _, connection in self._opened:
            connection.close()
        self._opened.clear()
        self._local = threading.local()

    @property
    def reading(self) -> Connection:
        """This thread's connection for reading."""
        return self._of_thread("reading")

    @property
    def writing(self) -> Connection:
        """This thread's connection for writing."""
        return self._of_thread("writing")

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Yield a connection that sees one unchanging state of the database.

        May be nested in one thread: the outermost state counts.
        """
        with translated(self.place):
            if not _is_idle(self.reading):
                yield self.reading
                return
            self._execute("reading", "SELECT 1")  # opens the connection anew if it was lost
            connection = self.reading
            with connection.transaction():
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                query = "SELECT generation FROM lectern.courses WHERE id = %s"
                row = connection.execute(query, (self.course,)).fetchone()  # the first query fixes the state
                self._local.generation = row[0] if row else None
                try:
                    yield connection
                finally:
                    self._local.generation = None

    @contextmanager
    def transaction(self, *, locked: bool, counts: bool = True) -> Iterator[Connection]:
        """Yield a connection in a transaction that is committed at the end.

        If anything fails, the transaction is undone. `locked` takes the write lock; `counts` raises the library's generation.
        """
        if locked:
            with self.lock(), self.transaction(locked=False, counts=counts) as connection:
                yield connection
            return
        with translated(self.place):
            if not self._lock.is_taken and _is_idle(self.writing):
                self._execute("writing", "SELECT 1")  # opens the connection anew if it was lost
            connection = self.writing
            with connection.transaction():
                yield connection
                if counts:
                    self._announce(connection)
        if counts:
            self._notices.forget()

    def generation(self) -> int | None:
        """Return the snapshot's number of changes, else the newest known.

        None if the course is gone, or its user may not see it.
        """
        inside: int | None = getattr(self._local, "generation", None)
        if inside is not None:
            return inside
        query = "SELECT generation FROM lectern.courses WHERE id = %s"
        return self._notices.generation(
            self.course, lambda: ([*self.rows(query, (self.course,)), (None,)])[0][0]
        )

    @property
    def notices(self) -> ChangeNotices:
        """The notices of changes that other processes make."""
        return self._notices

    def _announce(self, connection: Connection) -> None:
        """Raise the generation, and send a notice to other processes with the commit.

        Raises:
            LibraryUnreachable: the course is gone, or its user may not change it.
        """
        query = "UPDATE lectern.courses SET generation = generation + 1 WHERE id = %s"
        if not connection.execute(query, (self.course,)).rowcount:  # policies hide rows, they raise nothing
            raise LibraryUnreachable(
                f"The course of {self.place} was removed, or its user may not change it. Ask the owner of the database for: "
                "SELECT lectern.admit('USER', 'COURSE', true)"
            )
        connection.execute("SELECT pg_notify(%s, '')", (channel(self.course),))

    def lock(self) -> AbstractContextManager[None]:
        """Take the course's write lock for the length of a `with`.

        Raises:
            LibraryBusy: another process or thread has it; the message names the process.
        """
        return self._lock.taken()

    def rows(self, query: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query, read through this thread's connection."""
        with translated(self.place):
            return self._execute("reading", query, values)

    def has_checksums(self) -> bool:
        """Return whether the server checks its pages when it reads them."""
        return bool(self.rows("SELECT current_setting('data_checksums') = 'on'")[0][0])

    def _execute(
        self, name: str, query: str, values: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[tuple[Any, ...]]:
        """Return the rows of a query.

        Outside a transaction a lost connection is opened anew.
        """
        connection = self._of_thread(name)
        again = _is_idle(connection)
        try:
            return connection.execute(query, values, binary=True).fetchall()
        except psycopg.OperationalError:
            if not (again and connection.closed):
                raise
        return self._of_thread(name).execute(query, values, binary=True).fetchall()

    def _take(self) -> None:
        with translated(self.place):
            query = "SELECT pg_try_advisory_lock(%s, %s)"
            if not self._execute("writing", query, (_LOCK, self.course))[0][0]:
                raise busy_elsewhere(self._holder(), self.place)

    def _release(self) -> None:
        held: Connection = self._local.writing
        if not held.closed:  # the server ends the lock of a lost connection itself
            with translated(self.place):
                held.execute("SELECT pg_advisory_unlock(%s, %s)", (_LOCK, self.course))

    def _holder(self) -> str:
        query = (
            "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.granted "
            "AND l.locktype = 'advisory' AND l.classid::bigint = %s AND l.objid::bigint = %s AND l.objsubid = 2 "
            "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        rows = self.rows(query, (_LOCK, self.course))
        return f" ({rows[0][0]})" if rows and rows[0][0] else ""

    def _of_thread(self, name: str) -> Connection:
        """Return this thread's connection of that name, opened anew where it was lost."""
        found: Connection | None = getattr(self._local, name, None)
        if found is not None and not found.closed:
            return found
        if found is not None and name == "writing" and self._lock.is_taken:
            raise LibraryUnreachable(
                f"The connection to {self.place} was lost while writing. Nothing that was saved before is lost: run the same "
                "command again."
            )
        opened = self._open()
        setattr(self._local, name, opened)
        with self._opening:
            self._forget_dead_threads()
            self._opened.append((threading.current_thread(), opened))
        return opened

    def _open(self) -> Connection:
        database = psycopg.conninfo.conninfo_to_dict(self._conninfo()).get("dbname", "")
        with translated_connecting(self.place, str(database)):
            connection = psycopg.connect(self._conninfo(), autocommit=True)
        with translated(self.place):
            where = connection.execute(
                "SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE extname = 'vector'"
            ).fetchone()
            schema = sql.Identifier(where[0] if where else "public")
            keepalives = [f"SET {option} TO {value}" for option, value in _SERVER_KEEPALIVES.items()]
            path = sql.SQL("SET search_path TO lectern, {}").format(schema)
            connection.execute(sql.SQL("; ").join([path, *map(sql.SQL, keepalives)]))
            register_vectors(connection)
        return connection

    def _conninfo(self) -> str:
        name = f"lectern on {host_name()}, number {os.getpid()}"[:63]
        try:
            given = psycopg.conninfo.conninfo_to_dict(self._address.connection)
            always = {"application_name": name, "client_encoding": "utf8"}
            return psycopg.conninfo.make_conninfo("", **(_DEFAULTS | given | always))
        except psycopg.ProgrammingError:
            raise LibraryUnreachable(
                f"The address {self.place} has an option that PostgreSQL does not know, or a malformed part. Correct it and try again."
            ) from None  # libpq repeats the address, with its password

    def _forget_dead_threads(self) -> None:
        """Close the connections of threads that ended: a server has few."""
        for thread, connection in self._opened:
            if not thread.is_alive():
                connection.close()
        self._opened = [pair for pair in self._opened if pair[0].is_alive()]


def _is_idle(connection: Connection) -> bool:
    """Return whether no transaction is open."""
    return connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
