"""The person behind a request, and the folder with this person's own files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from rag.library.backup import PEOPLE

PERSON = "lectern.person"
"""Key of the person in the scope of a request."""


class Role(StrEnum):
    """The rights of a person.

    A teacher may change the library and sees Evaluate, Monitor and Model.
    """

    STUDENT = "student"
    TEACHER = "teacher"


@dataclass(frozen=True, slots=True)
class Person:
    """A person by an id that is no name.

    The id is empty for the one person of a server without accounts.
    """

    id: str
    name: str
    role: Role

    @property
    def teaches(self) -> bool:
        """True if the person may change the library."""
        return self.role is Role.TEACHER

    @property
    def has_account(self) -> bool:
        """True if the person logs in by name."""
        return bool(self.name)

    def folder(self, library: Path) -> Path:
        """Return the folder with the person's own files; it is made if necessary.

        It is the library's own folder where there are no accounts.
        """
        if not self.id:
            return library
        folder = library / PEOPLE / self.id
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder


OWNER = Person("", "", Role.TEACHER)
"""The one person of a server without accounts, who has every right."""


def guest(token: str) -> Person:
    """Return the person of a browser that knows the shared password."""
    return Person(f"guest-{sha256(token.encode()).hexdigest()[:32]}", "", Role.TEACHER)
