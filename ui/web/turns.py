"""Answers and changes of the model in turn: an answer is one model's from its rewriting to its receipt.

The engine's own queue changes a model between two requests, and one answer may be several of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.chain import Question
    from rag.chain_events import Event
    from ui.web.asking import Chain


class Turns:
    """Any number of answers at once, or one change: it waits for those under way, and those asked after it wait for it."""

    def __init__(self) -> None:
        self._moved = Condition()
        self._answers = 0
        self._changing = False

    @property
    def answering(self) -> bool:
        """Whether an answer is under way."""
        return self._answers > 0

    @contextmanager
    def answer(self) -> Iterator[None]:
        """The time of one answer."""
        with self._moved:
            self._moved.wait_for(lambda: not self._changing)
            self._answers += 1
        try:
            yield
        finally:
            with self._moved:
                self._answers -= 1
                self._moved.notify_all()

    @contextmanager
    def change(self) -> Iterator[None]:
        """The time of one change."""
        with self._moved:
            self._moved.wait_for(lambda: not self._changing)
            self._changing = True
            self._moved.wait_for(lambda: not self._answers)
        try:
            yield
        finally:
            with self._moved:
                self._changing = False
                self._moved.notify_all()


class ChainInTurn:
    """A chain whose answers take their turn; which chain it is, is asked when the turn has come."""

    def __init__(self, turns: Turns, chain: Callable[[], Chain]) -> None:
        self._turns = turns
        self._chain = chain

    def stream(self, input: Question) -> Iterator[Event]:  # noqa: A002 - LangChain's name
        """The events of one question."""
        with self._turns.answer():
            yield from self._chain().stream(input)
