"""A value that threads change and browser tabs follow."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")
_LOOK_SECONDS = 0.25


class Feed(Generic[T]):
    """A value with its changes, until its end. Safe to use from any thread."""

    def __init__(self, value: T) -> None:
        self._changed = threading.Condition()
        self._value = value
        self._changes = 0
        self._ended = False

    @property
    def value(self) -> T:
        """The value now."""
        return self._value

    @property
    def ended(self) -> bool:
        """True once the value is the last one."""
        return self._ended

    def publish(self, value: T) -> None:
        """Change the value."""
        with self._changed:
            self._value = value
            self._changes += 1
            self._changed.notify_all()

    def end(self) -> None:
        """Let the tabs know that the value is the last one."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def values(self, wanted: Callable[[], bool] = lambda: True, interval_seconds: float = 0.0) -> Iterator[T]:
        """Yield the value now and after each change, while it is `wanted`.

        The last one is included, and comes at once. Changes that come faster than they are taken are one, and so are
        those within `interval_seconds` of the value before.
        """
        seen = -1
        while wanted():
            with self._changed:
                if seen == self._changes and not self._ended:
                    self._changed.wait(_LOOK_SECONDS)
                changed, ended, value = seen != self._changes, self._ended, self._value
                seen = self._changes
            if changed:
                yield value
                with self._changed:
                    self._changed.wait_for(lambda: self._ended, interval_seconds)
            elif ended:
                return
