"""A blocking iterator in a thread of its own, which the page can stop waiting for.

A language model gives nothing while it reads a long prompt. Whoever waits for it in the same thread cannot be stopped
before the first token; here the wait ends at once and the model at its next token.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Generic, TypeVar

T = TypeVar("T")
_POLL_SECONDS = 0.05


class _End:
    """The last item of the worker, with the error that ended it, if any."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class Batches(Generic[T]):
    """Iterator over lists of the items that `start()` yields.

    Each list comes at least `interval_seconds` after the one before.

    The first item comes at once, and so does one that is `urgent`. When `stop` is set, or this object is closed, the
    iteration ends and the iterator is closed by its own thread as soon as it yields. An error in the iterator is raised here after what it gave before.
    """

    def __init__(
        self,
        start: Callable[[], Iterator[T]],
        stop: threading.Event,
        interval_seconds: float = 0.06,
        urgent: Callable[[T], bool] = lambda item: False,
    ) -> None:
        self._start = start
        self._urgent = urgent
        self._stop = stop
        self._interval = interval_seconds
        self._items: queue.SimpleQueue[T | _End] = queue.SimpleQueue()

    def __iter__(self) -> Iterator[list[T]]:
        threading.Thread(target=self._work, name="lectern-batches", daemon=True).start()
        sent = 0.0
        gathered: list[T] = []
        try:
            while not self._stop.is_set():
                item = self._next(sent + self._interval - monotonic() if gathered else _POLL_SECONDS)
                if isinstance(item, _End):
                    if gathered:
                        yield gathered
                    if item.error is not None:
                        raise item.error
                    return
                if item is not None:
                    gathered.append(item)
                    sent = 0.0 if self._urgent(item) else sent
                if gathered and monotonic() - sent >= self._interval:
                    yield gathered
                    gathered = []
                    sent = monotonic()
            if gathered:
                yield gathered
        finally:
            self._stop.set()

    def _next(self, wait_seconds: float) -> T | _End | None:
        try:
            return self._items.get(timeout=min(max(wait_seconds, 0.001), _POLL_SECONDS))
        except queue.Empty:
            return None

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            iterator = self._start()
            for item in iterator:
                if self._stop.is_set():
                    break
                self._items.put(item)
            close = getattr(iterator, "close", None)
            if close is not None:
                close()
        except BaseException as exc:  # noqa: BLE001 - raised again by the thread that waits
            error = exc
        self._items.put(_End(error))
