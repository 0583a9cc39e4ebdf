"""Content that a parser meets and does not read, counted by kind and place."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from rag.note_warnings import NoteWarning, WarningCode

_FILE_NAME = re.compile(
    r"\S*\.(?:png|jpe?g|gif|bmp|svg|tiff?|webp|emf|wmf|heic|pdf|eps|mp4|mov|mp3|wav|m4a)", re.IGNORECASE
)
_NUMBERED = re.compile(r"[^\W\d_]+[ _-]?\d*|\d+(?:\s*[x×]\s*\d+)?")
"""A size, or one word with a number such as `Picture 4`, which programs write."""


def described(text: str | None) -> str:
    """Return the description of a picture in one line; empty if it describes nothing.

    A file's name and a single word are no description.
    """
    flat = " ".join((text or "").split())
    named = _FILE_NAME.fullmatch(flat) or _NUMBERED.fullmatch(flat)
    return "" if named or not any(map(str.isalnum, flat)) else flat


@dataclass(slots=True)
class Missed:
    """A collector of unread content; places count in `unit`."""

    unit: str
    _places: dict[WarningCode, list[int]] = field(default_factory=dict)
    _names: dict[WarningCode, dict[str, None]] = field(default_factory=dict)

    def add(self, code: WarningCode, place: int, name: str = "") -> None:
        """Count one thing at a place; 0 is no place in particular."""
        self._places.setdefault(code, []).append(place)
        if name:
            self._names.setdefault(code, {})[name] = None

    def take(self, other: Missed, place: int) -> None:
        """Count all that a parser missed in a part of the file, at that part's place."""
        for code, places in other._places.items():
            self._places.setdefault(code, []).extend([place] * len(places))
            self._names.setdefault(code, {}).update(other._names.get(code, {}))

    def warnings(self) -> list[NoteWarning]:
        """Return one warning for each kind, in the order of their first places."""
        return [
            NoteWarning(
                code,
                tuple(sorted({place for place in places if place})),
                count=len(places),
                unit=self.unit,
                names=tuple(self._names.get(code, ())),
            )
            for code, places in self._places.items()
        ]
