"""The bounded queue in front of an in-process model.

The engine's own threads serve; any thread may submit, read or cancel. A request ends exactly once: with a
finish reason, or with an error that is raised where its tokens are read. So no thread waits forever.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

from rag.chat_models.serving.protocol import FinishReason, GenerationRequest, TokenBatch
from rag.errors import LecternError, ModelBusy, ModelFailed


class Running:
    """A running request, shared by the thread that reads it and the engine.

    The engine keeps its progress here.
    """

    def __init__(self, request: GenerationRequest, queue_of: RequestQueue) -> None:
        self.request = request
        self.produced: list[int] = []
        self.cancelled = threading.Event()
        self.taken = False
        self._queue_of = queue_of
        self._on_cancel: Callable[[], None] | None = None
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
        """Free the request's place, at once if it is waiting.

        The reading thread gets `FinishReason.CANCELLED`.
        """
        self.cancelled.set()
        self._queue_of.withdraw(self)
        if self._on_cancel is not None:
            self._on_cancel()

    def when_cancelled(self, act: Callable[[], None]) -> None:
        """Call `act` when the request is cancelled; now if it already is.

        For an engine in another process, which cannot look at `cancelled`. It may be called twice.
        """
        self._on_cancel = act
        if self.cancelled.is_set():
            act()

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
    """A change of the model between two requests, made by the thread that asks for it.

    The engine does nothing meanwhile.
    """

    def __init__(self) -> None:
        self.due = threading.Event()
        self.done = threading.Event()
        self.refused = False


class RequestQueue:
    """A queue of at most `parallel` running and `waiting` more requests.

    Changes of the model take their turn between them.
    """

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
            # Counted under the lock that `leave` takes too, so that two threads cannot both take the last place.
            self._inside += 1
            running = Running(request, self)
            self._arrivals.put(running)
        return running

    def change(self, action: Callable[[], None]) -> None:
        """Run an action on the model between two requests.

        All earlier requests have ended, and no later one begins before it is done. It works only with an
        engine that calls `make_change`. The action runs in the caller's thread.

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
        """Let the next change happen, if there is one.

        The engine calls this while no request runs.
        """
        # The engine's thread waits here while the thread that asked runs the action: one sets `due`, the other `done`.
        change, self._change = self._change, None
        if change is not None:
            change.refused = self._closed
            change.due.set()
            change.done.wait()

    def next(self, block: bool) -> Running | None:
        """Return the next request, or None if there is none.

        With `block` it waits for one. It is also None if a change is due or the queue is closed.
        """
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
                # `taken` and `cancelled` are compared under one lock: a request is either withdrawn or run, never both.
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
        """True if no more requests are taken."""
        return self._closed

    @property
    def inside(self) -> int:
        """The number of requests that run or wait."""
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
    """An engine behind a queue, served by threads of its own until it is closed."""

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
        """Free the model's memory; running and waiting requests end as cancelled."""
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
