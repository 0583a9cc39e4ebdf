"""A lock between processes that one thread has at a time and may take again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rag.errors import LibraryBusy


class NestedLock:
    """A lock that the outermost `with` of one thread takes and releases.

    `take` and `release` are those of the lock between processes; `take` raises if another process has it.
    """

    def __init__(self, place: Path | str, take: Callable[[], None], release: Callable[[], None]) -> None:
        self._place = place
        self._take, self._release = take, release
        self._thread = threading.RLock()
        self._depth = 0

    @property
    def is_taken(self) -> bool:
        """True while a thread of this process has the lock."""
        return self._depth > 0

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Take the lock for the length of a `with`.

        Raises:
            LibraryBusy: another process or thread has it.
        """
        if not self._thread.acquire(blocking=False):
            raise LibraryBusy(f"This program is already writing to {self._place}; wait until that is done.")
        try:
            if self._depth == 0:
                self._take()
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self._release()
        finally:
            self._thread.release()


def busy_elsewhere(process: str, place: Path | str) -> LibraryBusy:
    """Return the error where another process writes.

    `process` is its name in brackets after a space, or empty.
    """
    return LibraryBusy(
        f"Another process{process} is writing to {place}. Wait until it is done, or stop it; "
        "searching and asking work meanwhile."
    )
