"""The metrics of the questions that a server answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rag.errors import LecternError
from rag.types import AnswerKind
from ui.metrics.exposition import Counter, Histogram, family

if TYPE_CHECKING:
    from rag.chain import Question
    from rag.events import Event

_SEARCH_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
"""Bounds of a search in seconds.

On two cores it takes tens of milliseconds (docs/deployment.md).
"""
_ANSWER_BOUNDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 120)
"""Bounds of an answer in seconds, up to the default of `model.timeout_seconds`."""


class Chain(Protocol):
    """The part of `rag.chain.AnswerChain` that is measured."""

    def stream(self, input: Question) -> Iterator[Event]:  # noqa: A002 - LangChain's name
        """Yield the events of one question."""
        ...


class QuestionMetrics:
    """Counts and seconds of all questions of a process. Safe to share between threads.

    `waiting` has a function for each queue, which returns the number of requests that wait in it.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self.waiting: dict[str, Callable[[], int]] = {}
        kinds = [kind.value for kind in AnswerKind]
        self._answers = Counter("lectern_answers_total", "Answers by kind; none is a refusal.", "kind", kinds)
        self._errors = Counter("lectern_errors_total", "Questions that failed, by type of error.", "type")
        self._search = Histogram(
            "lectern_search_seconds", "Seconds of the searches of a question.", _SEARCH_BOUNDS
        )
        self._first = Histogram(
            "lectern_first_token_seconds",
            "Seconds from a question to the first token of its answer, in the line too.",
            _ANSWER_BOUNDS,
        )
        self._whole = Histogram(
            "lectern_answer_seconds",
            "Seconds from a question to its checked answer, in the line too.",
            _ANSWER_BOUNDS,
        )

    def failed(self, kind: str) -> None:
        """Count a question that failed or was refused a place in a queue."""
        self._errors.add(kind)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count a question that fails before it reaches its chain."""
        try:
            yield
        except LecternError as exc:
            self.failed(type(exc).__name__)
            raise

    def measured(self, start: Callable[[], Iterator[Event]]) -> Iterator[Event]:
        """Yield the events of one question, and count them."""
        from rag.events import Done, Token

        began, written = self._clock(), False
        events: Iterator[Event] | None = None
        try:
            events = start()
            for event in events:
                if isinstance(event, Token) and not written:
                    written = True
                    self._first.add(self._clock() - began)
                if isinstance(event, Done):
                    self._answers.add(event.answer.kind.value)
                    self._search.add(event.answer.timings.retrieve_seconds)
                    self._whole.add(self._clock() - began)
                yield event
        except Exception as exc:
            self.failed(type(exc).__name__)
            raise
        finally:
            close = getattr(events, "close", None)
            if close is not None:
                close()

    def lines(self) -> Iterator[str]:
        """Yield the lines of the exposition."""
        for metric in (self._answers, self._errors, self._search, self._first, self._whole):
            yield from metric.lines()
        waiting = [({"queue": name}, float(count())) for name, count in self.waiting.items()]
        yield from family("lectern_requests_waiting", "Requests that wait in a queue.", "gauge", waiting)


class MeasuredChain:
    """A chain whose answers are counted; it is opened when a question comes."""

    def __init__(self, metrics: QuestionMetrics, chain: Callable[[], Chain]) -> None:
        self._metrics = metrics
        self._chain = chain

    def stream(self, input: Question) -> Iterator[Event]:  # noqa: A002 - LangChain's name
        """Yield the events of one question; closing the iterator stops the model."""
        return self._metrics.measured(lambda: self._chain().stream(input))
