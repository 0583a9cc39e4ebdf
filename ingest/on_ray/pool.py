"""A pool of actors: work whose actor is lost is done again on another one.

One thread waits for each actor, so that the rest of an ingest needs to know nothing of Ray.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

MOST_LOSSES = 3
"""Actors that a piece of work may cost before this process does it.

Also those that a node may lose in a row before it is left. Chosen.
"""

Given = TypeVar("Given")
Made = TypeVar("Made")


class ActorLost(Exception):
    """An actor or its node is gone."""


@dataclass(slots=True)
class _Work(Generic[Given, Made]):
    given: Given
    losses: int = 0
    future: Future[Made] = field(default_factory=Future)


class ActorPool(Generic[Given, Made]):
    """Does work on actors, one at a time on each.

    `start` starts an actor on a node and returns its method, and raises `ActorLost` where the node is gone. `here` does the same
    work in this process: after several actors were lost with it, or when no actor is left.
    """

    def __init__(
        self,
        nodes: Sequence[str],
        start: Callable[[str], Callable[[Given], Made]],
        here: Callable[[Given], Made],
    ) -> None:
        self.losses = 0
        self._start, self._here = start, here
        self._work: deque[_Work[Given, Made]] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._left = len(nodes)
        self._threads = [threading.Thread(target=self._serve, args=(node,), daemon=True) for node in nodes]
        for thread in self._threads:
            thread.start()

    def submit(self, given: Given) -> Future[Made]:
        """Add a piece of work."""
        work: _Work[Given, Made] = _Work(given)
        with self._changed:
            self._work.append(work)
            self._changed.notify()
        return work.future

    def close(self, stop_actors: Callable[[], None]) -> None:
        """Give up what is left; `stop_actors` ends the calls that the threads wait for."""
        with self._changed:
            self._closing = True
            for work in self._work:
                work.future.cancel()
            self._work.clear()
            self._changed.notify_all()
        stop_actors()
        for thread in self._threads:
            thread.join()

    def _serve(self, node: str) -> None:
        """Do work on an actor of a node until the pool is closed or the node is lost."""
        actor: Callable[[Given], Made] | None = None
        in_a_row = 0
        while in_a_row < MOST_LOSSES and (work := self._next()):
            try:
                actor = actor or self._start(node)
                self._finish(work, actor)
                in_a_row = 0
            except ActorLost:
                actor, in_a_row = None, in_a_row + 1
                self._put_back(work)
        with self._changed:
            self._left -= 1
            last = not self._left
        while last and (work := self._next()):
            self._finish(work, self._here)

    def _next(self) -> _Work[Given, Made] | None:
        """Wait for work; None once the pool is closed."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._work or self._closing)
                if self._closing:
                    return None
                work = self._work.popleft()
                if work.future.running() or work.future.set_running_or_notify_cancel():
                    return work

    def _finish(self, work: _Work[Given, Made], actor: Callable[[Given], Made]) -> None:
        """Do a piece of work and hand over its result or error.

        Raises:
            ActorLost: the actor is gone.
        """
        do = self._here if work.losses >= MOST_LOSSES else actor
        try:
            made = do(work.given)
        except ActorLost:
            raise
        except BaseException as exc:  # noqa: BLE001 - it belongs to the thread that waits for the result
            work.future.set_exception(exc)
        else:
            work.future.set_result(made)

    def _put_back(self, work: _Work[Given, Made]) -> None:
        with self._changed:
            self.losses += 1
            work.losses += 1
            if self._closing:
                work.future.set_exception(ActorLost())
                return
            self._work.appendleft(work)
            self._changed.notify()
