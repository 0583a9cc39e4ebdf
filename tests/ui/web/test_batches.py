"""A blocking iterator can be left at any moment, and loses nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from tests.patience import PATIENCE_SECONDS
from ui.web.batches import Batches


def flat(batches: Batches[int]) -> list[int]:
    return [item for batch in batches for item in batch]


def test_everything_comes_in_order_and_the_first_at_once() -> None:
    came = threading.Event()

    def slow() -> Iterator[int]:
        yield 0
        assert came.wait(PATIENCE_SECONDS)
        yield from range(1, 100)

    batches = []
    for batch in Batches(slow, threading.Event(), interval_seconds=0.02):
        batches.append(batch)
        came.set()
    assert batches[0] == [0]
    assert [item for batch in batches for item in batch] == list(range(100))
    assert len(batches) < 20


def test_an_urgent_item_does_not_wait_for_the_interval() -> None:
    came = threading.Event()

    def slow() -> Iterator[int]:
        yield from (0, 1)
        assert came.wait(PATIENCE_SECONDS)
        yield 2

    batches = []
    for batch in Batches(
        slow, threading.Event(), interval_seconds=PATIENCE_SECONDS, urgent=lambda item: item == 1
    ):
        batches.append(batch)
        if 1 in batch:
            came.set()
    assert [item for batch in batches for item in batch] == [0, 1, 2]


def test_stop_does_not_wait_for_the_next_item() -> None:
    release, closed, stop = threading.Event(), threading.Event(), threading.Event()

    def blocked() -> Iterator[int]:
        try:
            yield 1
            release.wait(PATIENCE_SECONDS)
            yield 2
        finally:
            closed.set()

    got = []
    for batch in Batches(blocked, stop):
        got += batch
        stop.set()
    assert got == [1] and not closed.is_set(), "it would wait for the second"
    release.set()
    assert closed.wait(PATIENCE_SECONDS), "the iterator is closed by its own thread"


def test_leaving_the_loop_closes_the_iterator() -> None:
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 1
                time.sleep(0.01)
        finally:
            closed.set()

    for _ in Batches(endless, threading.Event()):
        break
    assert closed.wait(PATIENCE_SECONDS)


def test_an_error_comes_after_what_was_given() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    got = []
    with pytest.raises(ValueError, match="no more"):
        for batch in Batches(broken, threading.Event()):
            got += batch
    assert got == [1]
