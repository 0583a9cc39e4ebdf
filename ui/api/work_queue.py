"""A bounded queue before blocking work, with results for asynchronous code.

A fixed number of threads work and a fixed number of requests wait; one more is refused at once with the time after which to
try again. A place is free when its work has ended, not when its client has left: the machine is busy until then.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event, Lock
from typing import Any, TypeVar

from ui.api.errors import ApiError
from ui.api.note_types import QueueStatus

T = TypeVar("T")
_SMOOTHING = 0.2
"""Weight of the latest request in the mean time of one."""


@dataclass(frozen=True, slots=True)
class _Ended:
    """The end of a stream, with the error that ended it, if any."""

    error: Exception | None = None


class WorkQueue:
    """Threads for `parallel` pieces of work, and places for `waiting` more.

    Its methods are for one event loop; `inside` may be read from anywhere.
    """

    def __init__(self, name: str, parallel: int, waiting: int) -> None:
        self._name = name
        self._parallel = parallel
        self._most = parallel + waiting
        self._pool = ThreadPoolExecutor(parallel, thread_name_prefix=f"lectern-{name}")
        self._lock = Lock()
        self._inside = 0
        self._peak = 0
        self._mean_seconds = 1.0

    @property
    def inside(self) -> int:
        """The number of requests that run or wait."""
        return self._inside

    @property
    def waiting(self) -> int:
        """The number of requests that wait."""
        return max(0, self._inside - self._parallel)

    def status(self) -> QueueStatus:
        """Return the requests inside now, at most so far, and at most ever."""
        return QueueStatus(inside=self._inside, peak=self._peak, most=self._most)

    def close(self) -> None:
        """Take no more work; what waits is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def run(self, work: Callable[[], T]) -> T:
        """Return the result of `work`, done in a thread.

        Raises:
            ApiError: the queue is full (429).
        """
        return await asyncio.wrap_future(self._submit(work))

    async def stream(self, start: Callable[[], Iterator[T]]) -> AsyncGenerator[T]:
        """Yield what the iterator of `start` yields, made in a thread.

        Closing this generator closes the iterator at its next item, and drops the work if it still waits.

        Raises:
            ApiError: the queue is full (429).
        """
        loop, left = asyncio.get_running_loop(), Event()
        items: asyncio.Queue[T | _Ended] = asyncio.Queue()

        def put(item: T | _Ended) -> None:
            try:
                loop.call_soon_threadsafe(items.put_nowait, item)
            except RuntimeError:
                left.set()  # the event loop ended, and its clients with it

        future = self._submit(lambda: _pass_on(start, put, left))
        try:
            while True:
                item = await items.get()
                if not isinstance(item, _Ended):
                    yield item
                elif item.error is None:
                    return
                else:
                    raise item.error
        finally:
            left.set()
            future.cancel()

    def _submit(self, work: Callable[[], T]) -> Future[T]:
        with self._lock:
            if self._inside >= self._most:
                raise self._full()
            self._inside += 1
            self._peak = max(self._peak, self._inside)
        try:
            future = self._pool.submit(self._timed, work)
        except RuntimeError as exc:
            self._leave()
            raise ApiError(
                503, "Lectern is stopping; try again in a moment.", "stopping", retry_after=5
            ) from exc
        future.add_done_callback(lambda _: self._leave())
        return future

    def _timed(self, work: Callable[[], T]) -> T:
        started = time.monotonic()
        try:
            return work()
        finally:
            took = time.monotonic() - started
            self._mean_seconds += _SMOOTHING * (took - self._mean_seconds)

    def _leave(self) -> None:
        with self._lock:
            self._inside -= 1

    def _full(self) -> ApiError:
        # The time until half of those inside have gone, as the latest requests went.
        seconds = self._mean_seconds * self._most / self._parallel / 2
        return ApiError(
            429,
            f"{self._most} requests run or wait already, which is the most for {self._name} (api.queue_length); try "
            "again in a moment.",
            "queue_full",
            retry_after=seconds,
        )


def _pass_on(start: Callable[[], Iterator[T]], put: Callable[[T | _Ended], None], left: Event) -> None:
    """Put the items of an iterator until the client has left, and close it."""
    iterator: Any = None
    end = _Ended()
    try:
        iterator = start()
        for item in iterator:
            if left.is_set():
                break
            put(item)
    except Exception as exc:  # noqa: BLE001 - raised again in the event loop
        end = _Ended(exc)
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
    if not left.is_set():
        put(end)
