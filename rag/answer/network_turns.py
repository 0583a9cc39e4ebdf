"""The order in which questions at the same time use the processor.

A search takes a few hundredths of a second and shows a person the passages; reading them takes longer and uses every core. So
searches come first, and no more networks run at once than have cores of their own.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition
from time import monotonic

MOST_STREAMS = 4
"""Cores that one network uses at most."""
_MOST_WAIT = 1.0
"""Seconds for which a reading lets searches go first.

It must come to its turn under any load.
"""
_LONGEST_END = 60.0
"""Seconds that the end of the process waits for the networks."""


class NetworkTurns:
    """Counts searches and the threads inside networks. Safe to use from any thread.

    The end of the process waits for the networks: one that ends while another thread is inside OpenVINO is aborted.
    """

    def __init__(self, at_once: int) -> None:
        self._changed = Condition()
        self._at_once = at_once
        self._inside, self._searching, self._ended = 0, 0, False

    @contextmanager
    def search(self) -> Iterator[None]:
        """Take the time of a search, which waits for nothing."""
        self._count_search(1)
        try:
            yield
        finally:
            self._count_search(-1)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Wait for a turn, and take the time of one run of a network."""
        latest = monotonic() + _MOST_WAIT
        with self._changed:
            while self._ended or self._inside >= self._at_once or self._let_searches(latest):
                left = latest - monotonic()
                self._changed.wait(left if self._searching and left > 0 else None)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    def end(self) -> None:
        """Wait until no thread is inside, and let none in."""
        with self._changed:
            self._ended = True
            self._changed.wait_for(lambda: not self._inside, _LONGEST_END)

    def _let_searches(self, latest: float) -> bool:
        return self._searching > 0 and monotonic() < latest

    def _count_search(self, change: int) -> None:
        with self._changed:
            self._searching += change
            self._changed.notify_all()


TURNS = NetworkTurns(max(1, (os.cpu_count() or 1) // MOST_STREAMS))
"""The turns of this process."""
atexit.register(TURNS.end)
