"""The lock between everybody who wants to change a library's documents.

It works between processes and between the threads of one process. The kernel releases it when its owner dies,
however it dies.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path

from filelock import FileLock, Timeout

from rag.errors import LibraryDamaged
from rag.library.nested_lock import NestedLock, busy_elsewhere

LOCK_NAME = "library.lock"


class WriteLock:
    """A lock that one thread on the machine has at a time, and may take again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = FileLock(str(folder / LOCK_NAME), timeout=0, thread_local=False)
        self._holder = folder / f"{LOCK_NAME}.holder"
        self._nested = NestedLock(folder, self._take, self._file.release)

    def taken(self) -> AbstractContextManager[None]:
        """Take the lock for the length of a `with`.

        Raises:
            LibraryBusy: another process or thread has it; the message names the process.
        """
        return self._nested.taken()

    def _take(self) -> None:
        try:
            self._file.acquire()
        except Timeout as exc:
            raise busy_elsewhere(self._named(), self._folder) from exc
        except OSError as exc:
            raise LibraryDamaged(f"{self._folder} cannot be written to ({exc.strerror}).") from exc
        try:
            self._holder.write_text(str(os.getpid()), encoding="ascii")
        except OSError:
            self._holder.unlink(
                missing_ok=True
            )  # it only serves a message; a full disk shows in the first transaction

    def _named(self) -> str:
        try:
            return f" (number {self._holder.read_text(encoding='ascii').strip()})"
        except (OSError, UnicodeDecodeError):
            return ""
