"""A limit on the requests of one client: a token bucket for each."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

_MOST_CLIENTS = 10_000
_BURST_SECONDS = 10.0
"""A client that was quiet may send the requests of this time at once."""


class RateLimit:
    """At most so many requests a minute from each client, with short bursts. Safe to share between threads."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Make the limit; 0 requests a minute is no limit."""
        self._per_second = per_minute / 60
        self._most = max(1.0, self._per_second * _BURST_SECONDS)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def wait_seconds(self, client: str) -> float:
        """Return 0 and count a request, or the seconds until one is allowed."""
        if not self._per_second:
            return 0.0
        now = self._clock()
        with self._lock:
            tokens, since = self._buckets.pop(client, (self._most, now))
            tokens = min(self._most, tokens + (now - since) * self._per_second)
            allowed = tokens >= 1
            self._buckets[client] = (tokens - 1 if allowed else tokens, now)
            while len(self._buckets) > _MOST_CLIENTS:
                self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - tokens) / self._per_second
