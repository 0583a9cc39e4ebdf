"""The desks of the courses, each with its library and conversations.

All share the models.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from ui.web.courses.path import course_of
from ui.web.courses.registry import CourseRegistry
from ui.web.desk import Desk

if TYPE_CHECKING:
    import gradio as gr

T = TypeVar("T")


class CourseDesks:
    """The desk of each course, opened when it is first needed. Safe to use from any thread."""

    def __init__(self, first: Desk) -> None:
        self.first = first
        self.registry = CourseRegistry(first.library.folder)
        self._lock = threading.Lock()
        self._desks: dict[str, Desk] = {"": first}

    def desk(self, course: str) -> Desk:
        """Return the desk of a course.

        Raises:
            InputError: there is no such course.
            LecternError: its library cannot be opened.
        """
        folder = self.registry.folder(course)
        with self._lock:
            found = self._desks.get(course)
            if found is None:
                found = self._desks[course] = self.first.beside(folder)
                found.load()
        return found

    def opened(self) -> list[tuple[str, Desk]]:
        """Return the courses that are open now by id, without waiting for another.

        Raises:
            LibraryDamaged: the list of courses cannot be read.
        """
        desks = dict(self._desks)  # a removed course is in it until the program ends
        return [(entry.id, desks[entry.id]) for entry in self.registry.courses() if entry.id in desks]

    def has(self, course: str) -> bool:
        """Return True if there is a course of that id."""
        return not course or self.registry.named(course) is not None

    def of(self, request: gr.Request) -> Desk:
        """Return the desk of the course whose page sent an event.

        Raises:
            LecternError: as for `desk`.
        """
        return self.desk(course_of(request))


class PerCourse(Generic[T]):
    """A part of the app for each course, made when it is first needed. Safe to use from any thread."""

    def __init__(self, desks: CourseDesks, make: Callable[[Desk], T]) -> None:
        self._desks = desks
        self._make = make
        self._lock = threading.Lock()
        self._made: dict[str, T] = {}

    def __call__(self, request: gr.Request) -> T:
        """Return the part of the course whose page sent an event.

        Raises:
            LecternError: there is no such course, or its library cannot be opened.
        """
        return self.of(course_of(request))

    def of(self, course: str) -> T:
        """Return the part of a course.

        Raises:
            LecternError: as above.
        """
        desk = self._desks.desk(course)
        with self._lock:
            if course not in self._made:
                self._made[course] = self._make(desk)
            return self._made[course]
