"""The courses beside a library: their names, and the folders of their libraries.

The library that the app was started with is the first course, and its id is empty. The libraries of the others are in its
folder `courses`, each under the course's id, so that `lectern search --library DIR/courses/ID` works on them too.
A removed course can be brought back for a day.
"""

from __future__ import annotations

import json
import re
import shutil
import threading
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rag.errors import InputError, LibraryDamaged
from rag.library.backup import COURSES, COURSES_FILE
from rag.library.course_list import COURSE_ID
from rag.system.atomic_write import write_text
from ui.web.language import gettext as _
from ui.web.language import noted

MOST_NAME_CHARS = 60
_UNDO_TIME = timedelta(days=1)
_DEFAULT_FOLDER = "library"
_DEFAULT_NAME = noted("My notes")


@dataclass(frozen=True, slots=True)
class CourseEntry:
    """A course by its id and name.

    `removed_at` is UTC, ISO 8601, empty while it is there.
    """

    id: str
    name: str
    removed_at: str = ""


class CourseRegistry:
    """The courses beside a library. Safe to use from any thread."""

    def __init__(self, library: Path) -> None:
        self._library = library
        self._folder = library / COURSES
        self._lock = threading.Lock()

    def courses(self) -> list[CourseEntry]:
        """Return the courses, the first one first, the others as they were made.

        Raises:
            LibraryDamaged: the list cannot be read.
        """
        return [entry for entry in self._read() if not entry.removed_at]

    def removed(self) -> list[CourseEntry]:
        """Return the courses that can be brought back, the last removed one first."""
        gone = [entry for entry in self._read() if entry.removed_at]
        return sorted(gone, key=lambda entry: entry.removed_at, reverse=True)

    def named(self, identity: str) -> CourseEntry | None:
        """Return the course with this id, None if it is not there or removed."""
        return next((entry for entry in self.courses() if entry.id == identity), None)

    def folder(self, identity: str) -> Path:
        """Return the folder of a course's library.

        Raises:
            InputError: there is no such course.
        """
        if not identity:
            return self._library
        if self.named(identity) is None:
            raise InputError(
                _("This course is not here any more. Choose another one at the top of the page.")
            )
        return self._folder / identity

    def make(self, name: str) -> CourseEntry:
        """Add a course.

        Raises:
            InputError: the name is empty or taken, or the list cannot be written.
        """
        with self._lock:
            entries = self._read()
            title = _checked(name, entries)
            made = CourseEntry(self._free_id(title, entries), title)
            self._write([*entries, made])
        return made

    def rename(self, identity: str, name: str) -> None:
        """Give a course another name; its id and its addresses stay.

        Raises:
            InputError: the name is empty or taken, or there is no such course.
        """
        with self._lock:
            entries = self._read()
            self._one(identity, entries)
            title = _checked(name, [entry for entry in entries if entry.id != identity])
            self._write([replace(entry, name=title) if entry.id == identity else entry for entry in entries])

    def remove(self, identity: str) -> CourseEntry:
        """Remove a course; `restore` brings it back for a day.

        Raises:
            InputError: it is the first course, or there is no such course.
        """
        if not identity:
            raise InputError(
                _("The first course is the library that Lectern was started with; it cannot be removed here.")
            )
        return self._mark(identity, datetime.now(UTC).isoformat())

    def restore(self, identity: str) -> CourseEntry:
        """Bring a removed course back.

        Raises:
            InputError: there is none of that id any more.
        """
        return self._mark(identity, "")

    def purge(self) -> None:
        """Delete what was removed more than a day ago."""
        with self._lock:
            before = (datetime.now(UTC) - _UNDO_TIME).isoformat()
            entries = self._read()
            kept = [entry for entry in entries if not entry.removed_at or entry.removed_at > before]
            if len(kept) == len(entries):
                return
            self._write(kept)
        for entry in entries:
            if entry not in kept:
                shutil.rmtree(self._folder / entry.id, ignore_errors=True)

    def _mark(self, identity: str, removed_at: str) -> CourseEntry:
        with self._lock:
            entries = self._read()
            marked = replace(self._one(identity, entries), removed_at=removed_at)
            self._write([marked if entry.id == identity else entry for entry in entries])
        return marked

    def _one(self, identity: str, entries: Sequence[CourseEntry]) -> CourseEntry:
        found = next((entry for entry in entries if entry.id == identity), None)
        if found is None:
            raise InputError(
                _("This course is not here any more. Choose another one at the top of the page.")
            )
        return found

    def _read(self) -> list[CourseEntry]:
        file = self._folder / COURSES_FILE
        try:
            listed = json.loads(file.read_text(encoding="utf-8"))
            entries = [CourseEntry(**each) for each in listed]
            sound = isinstance(listed, list) and all(_is_sound(entry) for entry in entries)
        except FileNotFoundError:
            entries, sound = [], True
        except (OSError, ValueError, TypeError):
            entries, sound = [], False
        if not sound:
            raise LibraryDamaged(
                _(
                    "The list of courses %(file)s cannot be read. Put it back from a backup, or delete it: the first course and "
                    "the folders of the others stay.",
                    file=file,
                )
            )
        if not any(entry.id == "" for entry in entries):
            entries.insert(0, CourseEntry("", self._first_name()))
        return entries

    def _write(self, entries: Sequence[CourseEntry]) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_text(
                self._folder / COURSES_FILE, json.dumps([asdict(entry) for entry in entries], indent=1)
            )
        except OSError as exc:
            raise InputError(
                _(
                    "The courses cannot be kept in %(folder)s (%(why)s). Nothing was changed.",
                    folder=self._folder,
                    why=exc.strerror,
                )
            ) from exc

    def _first_name(self) -> str:
        name = self._library.resolve().name
        return _(_DEFAULT_NAME) if name == _DEFAULT_FOLDER else name

    def _free_id(self, name: str, entries: Sequence[CourseEntry]) -> str:
        """Return an unused id of ASCII letters, digits and hyphens."""
        ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        stem = re.sub(r"[^a-z0-9]+", "-", ascii_name).strip("-")[:40].strip("-") or "course"
        taken = {entry.id for entry in entries} | {self._library.resolve().name}
        number, found = 1, stem
        while found in taken or (self._folder / found).exists():
            number += 1
            found = f"{stem}-{number}"
        return found


def _is_sound(entry: CourseEntry) -> bool:
    texts = all(isinstance(value, str) for value in (entry.id, entry.name, entry.removed_at))
    return texts and (not entry.id or re.fullmatch(COURSE_ID, entry.id) is not None)


def _checked(name: str, others: Sequence[CourseEntry]) -> str:
    """Return a name on one line.

    Raises:
        InputError: it is empty, too long, or another course has it.
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    if not line:
        raise InputError(_("The course has no name. Type one, for example Signals and systems."))
    if len(line) > MOST_NAME_CHARS:
        raise InputError(
            _("The name has %(n)s characters; %(most)s are the most.", n=len(line), most=MOST_NAME_CHARS)
        )
    if any(line.casefold() == entry.name.casefold() for entry in others if not entry.removed_at):
        raise InputError(_("There is a course %(name)s already. Choose another name.", name=line))
    return line
