"""The part of the notes that a search may use: documents, folders, lectures, tags."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from rag.errors import QuestionError
from rag.library.rows import DocumentRecord
from rag.library.store import Allowed, LibraryStore

_LECTURE = re.compile(
    r"(?:^|[/_\W])(?:lecture|lec|lesson|week|wk|module|unit|chapter|chap|ch|session|class|part|day|lab|hw|homework|assignment)"
    r"(?:e?s)?[-_ .]*0*(\d{1,3})(?!\d)",
    re.IGNORECASE,
)
_LEADING_NUMBER = re.compile(r"(?:^|/)0*(\d{1,3})(?=[-_ /]|\.(?!\d)|$)")
"""A name that begins with a number or is one.

`1.2-limits.md` is a section's number, which may be of any lecture.
"""
_KINDS = ("document", "folder", "lecture", "tag")


@dataclass(frozen=True, slots=True)
class Scope:
    """The limits of a search.

    A document must satisfy every kind that is given, by any of the kind's values. `documents` are names,
    whole or of the file alone, or patterns (`*.pdf`); with a `/` in front one is the whole name and nothing
    else. `folders` are prefixes of names, `lectures` numbers as the names of notes or their folders have them
    (`week-3`, `lecture 03`, `03-intro.md`, `lectures/03`), `tags` those of a note's front matter or of
    `lectern documents tag`.
    """

    documents: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    lectures: tuple[int, ...] = ()
    tags: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.documents or self.folders or self.lectures or self.tags)

    def includes(self, record: DocumentRecord) -> bool:
        """Return whether a document is inside."""
        path = record.path
        return (
            (not self.documents or any(_named(path, name) for name in self.documents))
            and (not self.folders or any(path.startswith(folder.strip("/") + "/") for folder in self.folders))
            and (not self.lectures or bool(set(self.lectures) & lecture_numbers(path)))
            and (not self.tags or bool(_folded(self.tags) & _folded(record.tags)))
        )


def lecture_numbers(path: str) -> set[int]:
    """Return the lecture numbers in a document's name and folders.

    `week-2/03-loss.md` has 2 and 3.
    """
    matches = (*_LECTURE.finditer(path), *_LEADING_NUMBER.finditer(path))
    return {int(match.group(1)) for match in matches}


def parse_scope(texts: Sequence[str]) -> Scope:
    """Return the scope that texts such as `folder:week-1` or `lecture:3` describe.

    The kinds are `folder`, `lecture`, `tag` and `document`; a bare name is a document.

    Raises:
        QuestionError: a lecture is no number, or a value is missing.
    """
    values: dict[str, list[str]] = {kind: [] for kind in _KINDS}
    for text in texts:
        kind, colon, value = text.partition(":")
        if not colon or kind not in values:
            kind, value = "document", text
        if not value.strip() or (kind == "lecture" and not value.strip().isdecimal()):
            raise QuestionError(
                f"Cannot use the scope {text!r}: expected document:NAME, folder:NAME, lecture:NUMBER or tag:NAME."
            )
        whole = kind == "document" and value.startswith("/")  # a name as the library has it, spaces and all
        values[kind].append(value if whole else value.strip())
    lectures = tuple(int(value) for value in values["lecture"])
    return Scope(tuple(values["document"]), tuple(values["folder"]), lectures, tuple(values["tag"]))


def records_inside(library: LibraryStore, scope: Scope | None) -> list[DocumentRecord]:
    """Return the documents inside a scope, by name; all where there is no limit.

    Raises:
        QuestionError: no document of the library is inside.
        LibraryDamaged: the library cannot be read.
    """
    inside = [record for record in library.documents() if not scope or scope.includes(record)]
    if scope and not inside:
        raise QuestionError(
            f"No document of the library is inside {describe(scope)}; `lectern documents list` shows what there is."
        )
    return inside


def allowed_passages(library: LibraryStore, scope: Scope | None) -> Allowed | None:
    """Return the passages inside a scope; None where there is no limit.

    Raises:
        QuestionError: no document of the library is inside.
        LibraryDamaged: the library cannot be read.
    """
    if not scope:
        return None
    paths = tuple(record.path for record in records_inside(library, scope))
    return Allowed(library.rowids_in(paths), paths)


def describe(scope: Scope) -> str:
    """Return the scope in words, for messages."""
    lectures = tuple(str(number) for number in scope.lectures)
    parts = zip(_KINDS, (scope.documents, scope.folders, lectures, scope.tags), strict=True)
    return ", ".join(f"{kind} {' or '.join(values)}" for kind, values in parts if values) or "all notes"


def _named(path: str, name: str) -> bool:
    """Return whether `name` names the document.

    It may be the whole name, the file name, or a pattern that fits the name; after a `/` only the first
    counts.
    """
    if name.startswith("/"):
        return path == name[1:]
    return path == name or path.endswith("/" + name) or fnmatchcase(path, name)


def _folded(tags: Sequence[str]) -> set[str]:
    return {tag.casefold() for tag in tags}
