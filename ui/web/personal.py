"""The events of each person, over one library with its models."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

from ui.accounts.person import Person
from ui.web.chat_events import ChatEvents
from ui.web.desk import Desk
from ui.web.study_events import StudyEvents

T = TypeVar("T")
_MOST_PEOPLE = 2000
"""People whose events are kept in memory, the last ones."""


class Personal:
    """The events of the chat and the study page by person."""

    def __init__(self, desk: Desk) -> None:
        self.chat = _Kept(lambda person: ChatEvents(desk, person))
        self.study = _Kept(lambda person: StudyEvents(desk, person))


class _Kept(Generic[T]):
    """One value for each person, made when it is first wanted. Safe to use from any thread."""

    def __init__(self, make: Callable[[Person], T]) -> None:
        self._make = make
        self._values: OrderedDict[str, T] = OrderedDict()
        self._lock = Lock()

    def __call__(self, person: Person) -> T:
        """Return the value of a person."""
        with self._lock:
            if person.id not in self._values:
                self._values[person.id] = self._make(person)
            self._values.move_to_end(person.id)
            while len(self._values) > _MOST_PEOPLE:
                self._values.popitem(last=False)
            return self._values[person.id]
