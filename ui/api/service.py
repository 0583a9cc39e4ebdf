"""The answers of the API, whichever form they are asked and sent in."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from rag.settings import ApiSettings
from ui.answer_text import hit_record
from ui.api.courses import Course, Courses
from ui.api.errors import ApiError
from ui.api.note_types import ServiceStatus
from ui.api.work_queue import WorkQueue
from ui.metrics.libraries import LibraryMetrics
from ui.question_logging import log_answer

if TYPE_CHECKING:
    from rag.chain import Question
    from rag.events import Event
    from rag.library.store import LibraryStore
    from rag.types import Answer, Turn

T = TypeVar("T")
LOOK_UPS = 4
"""Searches, embeddings and documents read at once; each takes milliseconds."""

_SCRAPES = 4
"""Scrapes that may wait.

One takes ten seconds or more for a library on a server that is down.
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question to a course.

    `scope` has texts such as `lecture:3`; an `exact` question is searched as typed, one asked `everywhere` not only
    in the notes that it names. `person` is the id of who asks.
    """

    course: Course
    question: str
    history: Sequence[Turn] = ()
    scope: Sequence[str] = ()
    exact: bool = False
    everywhere: bool = False
    person: str = ""


class Service:
    """Searches and answers over the courses, each in its bounded queue.

    Answers do not wait for searches, nor searches for answers.
    """

    def __init__(self, courses: Courses, settings: ApiSettings) -> None:
        self.courses = courses
        self.answers = WorkQueue("answers", settings.parallel, settings.queue_length)
        self.look_ups = WorkQueue("searches", LOOK_UPS, 4 * settings.queue_length)
        self._scrapes = WorkQueue("metrics", 1, _SCRAPES)
        courses.metrics.waiting["answers"] = lambda: self.answers.waiting
        courses.metrics.waiting["searches"] = lambda: self.look_ups.waiting
        self._libraries = LibraryMetrics()

    def status(self) -> ServiceStatus:
        """Return how full the queues are."""
        return ServiceStatus(answers=self.answers.status(), searches=self.look_ups.status())

    async def metrics(self) -> str:
        """Return the metrics of questions and open libraries in Prometheus' text format.

        One thread counts, with a connection of its own to a library on a server. It is not one for searches, which may all
        be busy when the metrics are wanted most.

        Raises:
            ApiError: too many wait (429).
        """
        return await self._scrapes.run(self._exposition)

    def _exposition(self) -> str:
        libraries = [(course.name, partial(_library, course)) for course in self.courses.opened()]
        lines = (*self.courses.metrics.lines(), *self._libraries.lines(libraries))
        return "\n".join((*lines, ""))

    def close(self) -> None:
        """Take no more work."""
        self.answers.close()
        self.look_ups.close()
        self._scrapes.close()

    async def look_up(self, work: Callable[[], T]) -> T:
        """Return the result of quick work, done in a thread.

        Raises:
            ApiError: too many wait (429).
        """
        return await self.look_ups.run(work)

    async def search(self, course: Course, question: str, k: int, scope: Sequence[str]) -> dict[str, Any]:
        """Return the hits of a question in the form of the interface.

        Raises:
            ApiError: too many wait (429), or the scope cannot be used (400).
            QuestionError: the question is empty.
        """
        return await self.look_up(lambda: found(course, question, k, scope))

    async def events(self, asked: Asked) -> AsyncGenerator[Event]:
        """Yield the events of a question as they happen; closing stops the model.

        Raises:
            ApiError: too many wait (429), or the scope cannot be used (400).
            QuestionError: the question is empty or too long.
        """
        try:
            async with aclosing(self.answers.stream(lambda: self._chain_events(asked))) as events:
                async for event in events:
                    yield event
        except ApiError as exc:  # other errors are counted where they come from
            self.courses.metrics.failed(exc.code)
            raise

    async def answer(self, asked: Asked) -> Answer:
        """Return the answer to a question.

        Raises:
            ApiError, QuestionError: as for `events`.
        """
        from rag.events import Done

        async with aclosing(self.events(asked)) as events:
            async for event in events:
                if isinstance(event, Done):
                    return event.answer
        raise ApiError(500, "The answer ended before it was complete; ask again.", "incomplete")

    def _chain_events(self, asked: Asked) -> Iterator[Event]:
        question: Question = {
            "question": asked.question,
            "history": asked.history,
            "exact": asked.exact,
            "everywhere": asked.everywhere,
        }
        with self.courses.metrics.counted():
            scope = asked.course.scope(asked.scope)
        return _logged(asked, asked.course.chain(scope).stream(question))


def found(
    course: Course, question: str, k: int, scope: Sequence[str], identifier: str = ""
) -> dict[str, Any]:
    """Return the hits of a question in the form of `lectern search --json`.

    Raises:
        ApiError: the scope cannot be used (400).
        QuestionError: the question is empty.
    """
    started = time.perf_counter()
    hits = course.application.searcher.search(question, k, course.scope(scope) or None)
    seconds = time.perf_counter() - started
    return {
        "id": identifier,
        "question": question,
        "hits": [hit_record(hit) for hit in hits],
        "seconds": seconds,
    }


def _library(course: Course) -> LibraryStore:
    return course.application.library


def _logged(asked: Asked, events: Iterator[Event]) -> Iterator[Event]:
    """Yield the events; the answer is added to the log of questions."""
    from rag.events import Done

    application = asked.course.application
    try:
        for event in events:
            if isinstance(event, Done):
                log_answer(application.folder, application.settings, event.answer, person=asked.person)
            yield event
    finally:
        close = getattr(events, "close", None)
        if close is not None:
            close()
