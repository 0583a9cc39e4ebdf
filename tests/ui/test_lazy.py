"""A lazy value: opened once by however many threads, again after an error or a drop."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ui.lazy import Lazy


def test_many_threads_open_it_once() -> None:
    made: list[int] = []
    start = threading.Barrier(8)

    def make() -> int:
        time.sleep(0.02)
        made.append(1)
        return len(made)

    lazy = Lazy(make)

    def get() -> int:
        start.wait()
        return lazy.get()

    with ThreadPoolExecutor(8) as pool:
        assert [future.result() for future in [pool.submit(get) for _ in range(8)]] == [1] * 8
    assert made == [1]


def test_an_error_is_not_kept() -> None:
    outcomes: list[int | Exception] = [ValueError("busy"), 7]

    def make() -> int:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    lazy = Lazy(make)
    with pytest.raises(ValueError, match="busy"):
        lazy.get()
    assert lazy.opened() is None
    assert lazy.get() == 7


def test_a_dropped_value_is_opened_again() -> None:
    numbers = iter(range(10))
    lazy = Lazy(lambda: next(numbers))
    assert lazy.drop() is None
    assert (lazy.get(), lazy.drop(), lazy.get()) == (0, 0, 1)
    lazy.put(9)
    assert (lazy.get(), lazy.get_or(lambda: 5), lazy.opened()) == (9, 9, 9)
    lazy.drop()
    assert lazy.get_or(lambda: 5) == lazy.get() == 5
