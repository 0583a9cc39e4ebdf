"""Answers and changes of the model in turn.

As many answers as the model decodes together are made at once; more wait in a line of bounded length, in which every
one knows its place. An answer is one model's from its rewriting to its receipt: the engine's own queue changes
a model between two requests, and one answer may be several of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, Event
from typing import TYPE_CHECKING

from rag.errors import ModelBusy
from ui.metrics.questions import QuestionMetrics

if TYPE_CHECKING:
    from rag.chain import Question
    from rag.events import Event as ChainEvent
    from ui.web.asking import Chain

AT_ONCE = 8
"""Answers made at once: the requests that OpenVINO decodes together."""
_LOOK_SECONDS = 0.1


def _nowhere(place: int) -> None:
    """Take no notice of a place in the line."""


class Turns:
    """Lock for a number of answers at once, or one change of the model.

    A change waits for the answers under way, and answers asked after it wait for it.
    """

    def __init__(self, at_once: int = AT_ONCE, waiting: int = 16) -> None:
        self._moved = Condition()
        self._at_once = at_once
        self._most_waiting = waiting
        self._line: list[object] = []
        self._answers = 0
        self._changing = False
        self.metrics = QuestionMetrics()
        self.metrics.waiting["page"] = lambda: len(self._line)

    @property
    def answering(self) -> bool:
        """True if an answer is under way."""
        return self._answers > 0

    @contextmanager
    def answer(self, stop: Event | None = None, place: Callable[[int], None] = _nowhere) -> Iterator[None]:
        """Wait for a turn and take the time of one answer.

        `place` is called with the number of questions before this one whenever it changes, and with 0 when the turn has
        come. A question that is stopped leaves the line.

        Raises:
            ModelBusy: the line is as long as it may be.
        """
        ticket = object()
        with self._moved:
            if len(self._line) >= self._most_waiting:
                raise ModelBusy(
                    f"{self._answers} questions are being answered and {len(self._line)} are waiting, which is as many as "
                    "may wait (model.queue_length). Ask again in a minute."
                )
            self._line.append(ticket)
            try:
                self._wait(ticket, stop or Event(), place)
                self._answers += 1
            finally:
                self._line.remove(ticket)
                self._moved.notify_all()
        try:
            yield
        finally:
            with self._moved:
                self._answers -= 1
                self._moved.notify_all()

    @contextmanager
    def change(self) -> Iterator[None]:
        """Wait for a turn and take the time of one change."""
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

    def _wait(self, ticket: object, stop: Event, place: Callable[[int], None]) -> None:
        shown = 0
        while not stop.is_set():
            ahead = self._line.index(ticket)
            if not ahead and not self._changing and self._answers < self._at_once:
                break
            # Those being answered are before it too; under a change of the model only the line counts.
            before = ahead + self._answers
            if before != shown:
                place(before)
                shown = before
            self._moved.wait(_LOOK_SECONDS)
        if shown:
            place(0)


class ChainInTurn:
    """A chain whose answers take their turn.

    The chain is looked up when the turn has come. `stop` and `place` are those of `Turns.answer`.
    """

    def __init__(
        self,
        turns: Turns,
        chain: Callable[[], Chain],
        stop: Event | None = None,
        place: Callable[[int], None] = _nowhere,
    ) -> None:
        self._turns = turns
        self._chain = chain
        self._stop = stop
        self._place = place

    def stream(self, input: Question) -> Iterator[ChainEvent]:  # noqa: A002 - LangChain's name
        """Yield the events of one question; none if it is stopped in the line."""
        return self._turns.metrics.measured(lambda: self._answered(input))

    def _answered(self, question: Question) -> Iterator[ChainEvent]:
        with self._turns.answer(self._stop, self._place):
            if self._stop is None or not self._stop.is_set():
                yield from self._chain().stream(question)
