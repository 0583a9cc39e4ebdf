"""The courses that the API serves: libraries by name, with one set of models."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from rag.errors import QuestionError, SettingsError
from ui.api.errors import ApiError
from ui.metrics.questions import MeasuredChain, QuestionMetrics

if TYPE_CHECKING:
    from pathlib import Path

    from rag.chain import Question
    from rag.events import Event
    from rag.search.scope import Scope
    from rag.settings_loading import LoadedSettings
    from ui.application import Application

MODEL = "lectern"
"""The model of the default course; that of course NAME is `lectern/NAME`."""


class Chain(Protocol):
    """The part of `rag.chain.AnswerChain` that the API needs."""

    def stream(self, input: Question) -> Iterator[Event]:  # noqa: A002 - LangChain's name
        """Yield the events of one question; closing the iterator stops the model."""
        ...


@dataclass(frozen=True, slots=True)
class Course:
    """A library under its name.

    `chain` returns the chain within a scope and may wait for its model to load.
    """

    name: str
    application: Application
    chain: Callable[[Scope], Chain]

    def scope(self, texts: Sequence[str]) -> Scope:
        """Return the scope that texts such as `lecture:3` describe.

        Raises:
            ApiError: a text is no scope, or no document is inside (400).
        """
        from rag.search.scope import parse_scope

        try:
            scope = parse_scope(texts)
            self.application.check_scope(scope)
        except QuestionError as exc:
            raise ApiError(400, str(exc), "invalid_scope", param="scope") from exc
        return scope


class Courses:
    """The courses by name; the first one is the default.

    `others` opens and returns those that come and go while the server runs, `opened` those of all that are open now; without
    it all are. Their chains add to the `metrics`.
    """

    def __init__(
        self,
        courses: Sequence[Course],
        others: Callable[[], Sequence[Course]],
        metrics: QuestionMetrics,
        opened: Callable[[], Sequence[Course]] | None = None,
    ) -> None:
        self.metrics = metrics
        self.opened = opened or (lambda: tuple(self))
        self._courses = tuple(courses)
        self._others = others
        self.default = courses[0]

    def __iter__(self) -> Iterator[Course]:
        return iter((*self._courses, *self._others()))

    def named(self, name: str | None) -> Course:
        """Return a course, the default one without a name.

        Raises:
            ApiError: there is no such course (404).
        """
        if not name:
            return self.default
        courses = {course.name: course for course in self}
        found = courses.get(name)
        if found is None:
            known = ", ".join(courses)
            raise ApiError(
                404,
                f"There is no course {name!r}; this server has: {known}.",
                "course_not_found",
                param="course",
            )
        return found

    def models(self) -> dict[str, Course]:
        """Return model name to course."""
        return {MODEL: self.default} | {f"{MODEL}/{course.name}": course for course in self}

    def of_model(self, model: str, name: str | None) -> Course:
        """Return the course of a model name and the field `course`.

        Raises:
            ApiError: there is no such model or course (404), or they contradict each other (400).
        """
        found = self.models().get(model)
        if found is None:
            known = ", ".join(self.models())
            raise ApiError(
                404,
                f"There is no model {model!r}; this server has: {known}.",
                "model_not_found",
                param="model",
            )
        if not name:
            return found
        asked = self.named(name)
        if model != MODEL and asked is not found:
            raise ApiError(
                400,
                f"The model {model!r} is of course {found.name!r}, but `course` is {name!r}; leave one of them out.",
                "course_mismatch",
                param="course",
            )
        return asked


def open_courses(loaded: LoadedSettings, others: Mapping[str, str | Path]) -> Courses:
    """Return the library of the settings as the default course, and others beside it.

    The default course has the name of its folder, or of its course on a server. All use the same models.

    Raises:
        LibraryMissing: one of the folders has no library.
        SettingsError: the name of another course is the default one's.
    """
    from rag.settings_loading import library_place
    from ui.application import Application

    first = Application(loaded)
    default = loaded.server.course if loaded.server else first.folder.resolve().name
    if default in others:
        raise SettingsError(
            f"Two courses are named {default!r}: the library {first.place} and the one that --course names. Choose another name "
            "for the second (--course NAME=DIR)."
        )
    metrics = QuestionMetrics()
    found = [_measured(default, first, metrics)]
    for name, library in others.items():
        folder, server = library_place(str(library))
        other = Application(replace(loaded, library=folder, server=server))
        other.share_models(first)
        found.append(_measured(name, other, metrics))
    for course in found:
        _ = course.application.library
    return Courses(found, tuple, metrics)


def _measured(name: str, application: Application, metrics: QuestionMetrics) -> Course:
    """Return a course whose answers are counted."""
    return Course(name, application, lambda scope: MeasuredChain(metrics, lambda: application.chain(scope)))
