"""An answer keeps its model to the end, and a change is not put off for ever by new questions."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from tests.patience import PATIENCE_SECONDS
from ui.web.turns import ChainInTurn, Turns


class Chain:
    """Says its name twice, the second time when it may."""

    def __init__(self, name: str, gate: threading.Event) -> None:
        self.name, self.gate = name, gate

    def stream(self, input: Any) -> Iterator[Any]:  # noqa: A002 - LangChain's name
        yield self.name
        assert self.gate.wait(PATIENCE_SECONDS)
        yield self.name


def test_a_change_waits_for_the_answer_under_way_and_what_is_asked_later_waits_for_it() -> None:
    turns, gate, used = Turns(), threading.Event(), ["old"]
    chain: Any = ChainInTurn(turns, lambda: Chain(used[0], gate))  # type: ignore[arg-type, return-value]
    first = chain.stream("?")
    assert next(first) == "old"
    changed, asked_later = threading.Event(), []

    def change() -> None:
        with turns.change():
            used[0] = "new"
            changed.set()

    changing = threading.Thread(target=change)
    changing.start()
    while not turns._changing:
        pass
    later = threading.Thread(target=lambda: asked_later.extend(chain.stream("?")))
    later.start()
    assert not changed.wait(0.1)
    assert turns.answering
    gate.set()
    assert list(first) == ["old"]
    later.join(PATIENCE_SECONDS)
    assert asked_later == ["new", "new"]
    assert not turns.answering


def test_a_stopped_or_failed_answer_and_a_failed_change_leave_their_turn() -> None:
    turns, gate = Turns(), threading.Event()
    chain: Any = ChainInTurn(turns, lambda: Chain("old", gate))  # type: ignore[arg-type, return-value]
    stopped = chain.stream("?")
    next(stopped)
    stopped.close()
    assert not turns.answering
    broken: Any = ChainInTurn(turns, lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    for attempt in (lambda: list(broken.stream("?")), lambda: _failing_change(turns)):
        try:
            attempt()
        except ZeroDivisionError:
            continue
        raise AssertionError("nothing was raised")
    with turns.change():
        assert not turns.answering


def _failing_change(turns: Turns) -> None:
    with turns.change():
        raise ZeroDivisionError
