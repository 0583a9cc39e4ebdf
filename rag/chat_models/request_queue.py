"""The bounded queue in front of an in-process model: who may enter, what readers wait on, how nobody hangs.

The engine's own threads serve; any thread may submit, read or cancel. A request ends exactly once: with a finish reason, or
with the error that its reader then raises.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

from rag.chat_models.generation import FinishReason, GenerationRequest, TokenBatch
from rag.errors import LecternError, ModelBusy, ModelFailed


class Running:
    """A request under way: the reader's end of it, and for the server its progress and whatever the engine hangs on it."""

    def __init__(self, request: GenerationRequest, queue_of: RequestQueue) -> None:
        self.request = request
        self.produced: list[int] = []
        self.cancelled = threading.Event()
        self.taken = False
        self._queue_of = queue_of
        self._batches: queue.SimpleQueue[TokenBatch | LecternError] = queue.SimpleQueue()
        self._ended = False

    def __iter__(self) -> Iterator[TokenBatch]:
        while True:
            batch = self._batches.get()
            if isinstance(batch, LecternError):
                raise batch
            yield batch
            if batch.finish is not None:
                return

    def cancel(self) -> None:
        """Free the request's place, at once if it still waits; a reader sees `FinishReason.CANCELLED`."""
        self.cancelled.set()
        self._queue_of.withdraw(self)

    def deliver(self, ids: tuple[int, ...]) -> None:
        """Hand tokens to the reader. `produced` is the server's own count of them, and for it to keep."""
        self._batches.put(TokenBatch(ids))

    def finish(self, reason: FinishReason) -> None:
        """End the request; later calls change nothing."""
        if not self._ended:
            self._ended = True
            self._queue_of.leave()
            self._batches.put(TokenBatch((), reason))

    def fail(self, exc: Exception) -> None:
        """End the request with an error for its reader."""
        if self._ended:
            return
        self._ended = True
        self._queue_of.leave()
        if isinstance(exc, LecternError):
            self._batches.put(exc)
            return
        failure = ModelFailed(f"the model failed while generating: {exc}")
        failure.__cause__ = exc
        self._batches.put(failure)


class _Change:
    """Something to be done to the model between two requests, by the thread that asks for it while the server stands still."""

    def __init__(self) -> None:
        self.due = threading.Event()
        self.done = threading.Event()
        self.refused = False


class RequestQueue:
    """At most `parallel` requests running and `waiting` more behind them, and changes of the model in their turn between them."""

    def __init__(self, parallel: int, waiting: int) -> None:
        self.parallel = parallel
        self._waiting = waiting
        self._inside = 0
        self._lock = threading.RLock()
        self._arrivals: queue.SimpleQueue[Running | _Change | None] = queue.SimpleQueue()
        self._change: _Change | None = None
        self._closed = False

    def submit(self, request: GenerationRequest) -> Running:
        """The request, queued.

        Raises:
            ModelBusy: as many requests as allowed are running or waiting.
            ModelFailed: the model was closed.
        """
        with self._lock:
            if self._closed:
                raise ModelFailed("the model has been closed; open it again")
            if self._inside >= self.parallel + self._waiting:
                raise ModelBusy(
                    f"{self._inside} requests are running or waiting for the model, and {self._waiting} may wait "
                    "(model.queue_length); try again in a moment"
                )
            self._inside += 1
            running = Running(request, self)
            self._arrivals.put(running)
        return running

    def change(self, action: Callable[[], None]) -> None:
        """Do something to the model after every request that came before it has ended, and before any that comes later begins.

        Only for a queue whose server calls `make_change`. Runs in the caller's thread and returns when it is done.

        Raises:
            ModelFailed: the model was closed.
        """
        change = _Change()
        with self._lock:
            if self._closed:
                raise ModelFailed("the model has been closed; open it again")
            self._arrivals.put(change)
        try:
            change.due.wait()
            if change.refused:
                raise ModelFailed("the model was closed before it could be changed; open it again")
            action()
        finally:
            change.done.set()

    def make_change(self) -> None:
        """Let the change whose turn it is happen, if there is one; called by the server while nothing runs."""
        change, self._change = self._change, None
        if change is not None:
            change.refused = self._closed
            change.due.set()
            change.done.wait()

    def next(self, block: bool) -> Running | None:
        """The next request, None when there is none (after waiting for one if `block`), a change is due or the queue is closed."""
        while self._change is None:
            try:
                running = self._arrivals.get(block=block)
            except queue.Empty:
                return None
            if running is None:
                self._arrivals.put(None)  # the end is for every thread that waits here
                return None
            if isinstance(running, _Change):
                self._change = running
                return None
            with self._lock:
                if not running.cancelled.is_set():
                    running.taken = True
                    return running
        return None

    def withdraw(self, running: Running) -> None:
        """Let a cancelled request go that nobody has taken yet."""
        with self._lock:
            if not running.taken:
                running.finish(FinishReason.CANCELLED)

    @property
    def closed(self) -> bool:
        """Whether no more requests are taken."""
        return self._closed

    @property
    def inside(self) -> int:
        """How many requests are running or waiting."""
        return self._inside

    def leave(self) -> None:
        """Free one place."""
        with self._lock:
            self._inside -= 1

    def close(self) -> None:
        """Take no more requests and changes; the ones that wait end as cancelled."""
        with self._lock:
            self._closed = True
        while True:
            try:
                running = self._arrivals.get(block=False)
            except queue.Empty:
                break
            if isinstance(running, _Change):
                running.refused = True
                running.due.set()
            elif running is not None:
                self.withdraw(running)
        self._arrivals.put(None)


class QueuedEngine:
    """An engine behind a queue: anybody submits, threads of its own serve until it is closed."""

    def __init__(self, name: str, parallel: int, waiting: int, threads: int = 1) -> None:
        self.name = name
        self._queue = RequestQueue(parallel, waiting)
        self._threads = [
            threading.Thread(target=self._serve, name=f"lectern-{name}-{number}", daemon=True)
            for number in range(threads)
        ]

    def submit(self, request: GenerationRequest) -> Running:
        """A generation for the request, decoded together with the others under way.

        Raises:
            ModelBusy: as many requests as allowed are running or waiting.
        """
        return self._queue.submit(request)

    def close(self) -> None:
        """Free the model's memory; the requests under way and those that wait end as cancelled."""
        self._queue.close()
        for thread in self._threads:
            thread.join()

    def _start(self) -> None:
        """Begin to serve; called when the engine is ready."""
        for thread in self._threads:
            thread.start()

    def _serve(self) -> None:
        """Take requests from the queue until it is closed."""
        raise NotImplementedError
