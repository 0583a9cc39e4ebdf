"""Searches come before readings, and no more networks run at once than have cores."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from rag.answer import network_turns
from rag.answer.network_turns import NetworkTurns
from tests.patience import PATIENCE_SECONDS


@pytest.fixture
def begin() -> Callable[[Callable[[], None]], threading.Thread]:
    def started(work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread

    return started


def test_one_network_runs_at_a_time(begin: Callable[[Callable[[], None]], threading.Thread]) -> None:
    turns, order, inside = NetworkTurns(1), [], threading.Event()

    def second() -> None:
        inside.set()
        with turns.reading():
            order.append("second")

    with turns.reading():
        thread = begin(second)
        assert inside.wait(PATIENCE_SECONDS)
        order.append("first")
    thread.join(PATIENCE_SECONDS)
    assert order == ["first", "second"]


def test_a_reading_waits_for_searches_that_come_meanwhile(
    begin: Callable[[Callable[[], None]], threading.Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network_turns, "_MOST_WAIT", PATIENCE_SECONDS)
    turns, order = NetworkTurns(1), []

    def read() -> None:
        with turns.reading():
            order.append("read")

    with turns.search():
        thread = begin(read)
        with turns.search():
            order.append("searched")
        order.append("searched")
    thread.join(PATIENCE_SECONDS)
    assert order == ["searched", "searched", "read"]


def test_a_reading_comes_to_its_turn_though_searches_never_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_turns, "_MOST_WAIT", 0.01)
    turns = NetworkTurns(1)
    with turns.search(), turns.reading():
        pass


def test_a_reading_that_waited_long_enough_for_searches_sleeps_until_its_turn(
    begin: Callable[[Callable[[], None]], threading.Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network_turns, "_MOST_WAIT", 0.0)
    turns, waits, waiting = NetworkTurns(1), [], threading.Event()
    wait = turns._changed.wait

    def counted(timeout: float | None = None) -> bool:
        waits.append(timeout)
        waiting.set()
        return wait(timeout)

    monkeypatch.setattr(turns._changed, "wait", counted)

    def read() -> None:
        with turns.reading():
            pass

    with turns.search(), turns.reading():
        thread = begin(read)
        assert waiting.wait(PATIENCE_SECONDS)
    thread.join(PATIENCE_SECONDS)
    assert set(waits) == {None}


def test_a_search_and_a_reading_that_fail_give_their_turns_back() -> None:
    turns = NetworkTurns(1)
    for turn in (turns.search, turns.reading):
        with pytest.raises(RuntimeError), turn():
            raise RuntimeError
    with turns.reading():
        pass


def test_none_comes_in_after_the_end(begin: Callable[[Callable[[], None]], threading.Thread]) -> None:
    turns, came = NetworkTurns(1), threading.Event()

    def read() -> None:
        with turns.reading():
            came.set()

    turns.end()
    begin(read)
    assert not came.wait(0.1)
