"""Slower and slower answers to wrong passwords, for each account and address.

The clock is monotonic, so a jump of the wall clock opens nothing. The oldest entry is forgotten first.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

FREE_TRIES = 5
"""Wrong passwords for one account from one address before the first wait."""
MOST_OF_ACCOUNT = 50
"""Wrong passwords for one account from all addresses before it waits.

Source: NIST SP 800-63B, section 5.2.2, allows 100 in a row.
"""
MOST_OF_ADDRESS = 100
"""Wrong passwords from one address for all accounts before it waits.

A whole school may share an address.
"""
FIRST_WAIT_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 300.0
_FORGOTTEN_AFTER_SECONDS = 3600.0
_MOST_ENTRIES = 10_000

_Key = tuple[str, str]


class LoginLimit:
    """Counts of wrong passwords. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: OrderedDict[_Key, tuple[int, float]] = OrderedDict()
        self._lock = Lock()

    def try_now(self, name: str, address: str) -> float:
        """Return the seconds until this address may try this account again.

        0 is now; then the try counts as wrong until `right`, so that many at once are not free.
        """
        with self._lock:
            wait = max(self._wait(key, free) for key, free in _keys(name, address))
            if not wait:
                for key, _ in _keys(name, address):
                    self._count(key)
            return wait

    def right(self, name: str, address: str) -> None:
        """Take a try back that was right.

        The wrong ones of this account from this address are forgotten.
        """
        with self._lock:
            for key, _ in _keys(name, address):
                count, last = self._counts.pop(key, (0, 0.0))
                if all(key) or count <= 1:
                    continue
                self._counts[key] = (count - 1, last)

    def _count(self, key: _Key) -> None:
        now = self._clock()
        count, last = self._counts.pop(key, (0, now))
        self._counts[key] = (1 if now - last > _FORGOTTEN_AFTER_SECONDS else count + 1, now)
        while len(self._counts) > _MOST_ENTRIES:
            self._counts.popitem(last=False)

    def _wait(self, key: _Key, free: int) -> float:
        count, last = self._counts.get(key, (0, 0.0))
        if count < free:
            return 0.0
        wait = min(FIRST_WAIT_SECONDS * 2.0 ** min(count - free, 16), LONGEST_WAIT_SECONDS)
        return max(0.0, last + wait - self._clock())


def _keys(name: str, address: str) -> tuple[tuple[_Key, int], ...]:
    folded = name.casefold()
    return (
        ((folded, address), FREE_TRIES),
        ((folded, ""), MOST_OF_ACCOUNT),
        (("", address), MOST_OF_ADDRESS),
    )
