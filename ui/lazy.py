"""A value that is opened when it is first needed, by one thread only."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import RLock, Thread
from typing import Generic, TypeVar

from rag.errors import LecternError

T = TypeVar("T")


class Lazy(Generic[T]):
    """Holder of a value that `make` opens once.

    Other threads wait meanwhile. After an error the next `get` tries again.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = RLock()
        self._made: tuple[T] | None = None

    def get(self) -> T:
        """Return the value, opened now if it was not."""
        with self._lock:
            if self._made is None:
                self._made = (self._make(),)
            return self._made[0]

    def open_ahead(self) -> None:
        """Open the value in a thread of its own.

        An expected error comes at the next `get`.
        """

        def work() -> None:
            with suppress(LecternError):
                self.get()

        if self._made is None:
            Thread(target=work, name="lectern-open", daemon=True).start()

    def get_or(self, make: Callable[[], T]) -> T:
        """Return the value, opened by this `make` if it was not."""
        with self._lock:
            if self._made is None:
                self._made = (make(),)
            return self._made[0]

    def opened(self) -> T | None:
        """Return the value, None if it was not opened."""
        made = self._made
        return made[0] if made else None

    def put(self, value: T) -> None:
        """Replace the value."""
        with self._lock:
            self._made = (value,)

    def drop(self) -> T | None:
        """Return the value and forget it; the next `get` opens it again."""
        with self._lock:
            made, self._made = self._made, None
        return made[0] if made else None
