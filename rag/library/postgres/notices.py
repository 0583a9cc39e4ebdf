"""The server's notices of changes to a course.

With them a process need not ask for the generation each time. Every change of a course sends one (`NOTIFY`) when it is committed. A connection that only listens has them in its socket, where
looking costs no query. Without that connection, on a replica for example, the generation is asked for each time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import psycopg
from psycopg import sql

from rag.errors import LibraryError

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]
_AGAIN_SECONDS = 10.0
"""Time before listening is tried again after it failed. Chosen."""


def channel(course: int) -> str:
    """Return the name under which changes of a course are announced."""
    return f"lectern_{course}"


class ChangeNotices:
    """The generation of a course, asked for again after a notice. Any thread may use it."""

    def __init__(self, open_connection: Callable[[], Connection]) -> None:
        self._open = open_connection
        self._lock = threading.Lock()
        self._listening: Connection | None = None
        self._not_before = 0.0
        self._known: int | None = None

    @property
    def listens(self) -> bool:
        """True if notices arrive."""
        return self._listening is not None

    def generation(self, course: int, read: Callable[[], int]) -> int:
        """Return the generation; `read` asks the server."""
        with self._lock:
            self._hear(course)
            if self._listening is None:
                return read()
            if self._known is None:
                self._known = read()
            return self._known

    def forget(self) -> None:
        """Have the generation asked for again: this process has made a change."""
        with self._lock:
            self._known = None

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        with self._lock:
            self._leave(0.0)

    def _hear(self, course: int) -> None:
        """Look for notices that have arrived, without waiting."""
        try:
            if self._listening is None:
                if time.monotonic() < self._not_before:
                    return
                opened = self._open()
                self._listening, self._known = (
                    opened,
                    None,
                )  # what is asked for from now on is followed by notices
                opened.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel(course))))
            self._listening.pgconn.consume_input()
            while self._listening.pgconn.notifies():
                self._known = None
        except (psycopg.Error, LibraryError):
            self._leave(_AGAIN_SECONDS)

    def _leave(self, seconds: float) -> None:
        if self._listening is not None:
            self._listening.close()
        self._listening = self._known = None
        self._not_before = time.monotonic() + seconds
