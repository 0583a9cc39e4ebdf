"""The copies of uploaded files in the library's own folder.

A file of a folder keeps its path. Two files of one name are both kept; whether a file takes the place of an
earlier one of its name is for the person to decide.
"""

from __future__ import annotations

import filecmp
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rag.errors import InputError
from rag.system.atomic_write import replacing
from ui.web.language import gettext as _
from ui.web.uploads import relative_name, uploaded_file

_MOST_WAITING = 1000
"""Most files that wait for a decision; the oldest are forgotten first."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An uploaded file whose name another file has, until the person decides.

    `batch` is the same for all files of one upload.
    """

    token: str
    batch: str
    file: Path
    name: str


class KeptUploads:
    """The folder of copies, and the files that wait for a decision."""

    def __init__(self, folder: Path, incoming: Path) -> None:
        self.folder = folder
        self._incoming = incoming
        self._waiting: dict[str, Waiting] = {}

    def keep(self, files: Sequence[Path]) -> tuple[list[Path], list[Waiting]]:
        """Return (the copies of the files, those that wait for a decision).

        Raises:
            OSError: a copy cannot be written.
        """
        kept: list[Path] = []
        batch = secrets.token_hex(8)
        waiting: list[Waiting] = []
        for file in dict.fromkeys(files):
            name = relative_name(file.name)
            place = self.folder / name
            if place in kept and not _same(file, place):
                place = self._free(name)
            if place.exists() and place not in kept and not _same(file, place):
                waiting.append(Waiting(secrets.token_hex(8), batch, file, name))
                continue
            if place not in kept:
                _copied(file, place)
                kept.append(place)
        self._waiting.update({one.token: one for one in waiting})
        for token in list(self._waiting)[:-_MOST_WAITING]:
            del self._waiting[token]
        return kept, waiting

    def decide(self, token: str, *, replace: bool) -> tuple[Path, list[Waiting]]:
        """Return (the copy of a file that waited, what still waits of its upload).

        Raises:
            InputError: nothing waits under this token, or the uploaded file is gone.
            OSError: the copy cannot be written.
        """
        decided = self._waiting.pop(token, None)
        if decided is None:
            raise InputError(
                _("This file does not wait for a decision any more: choose it again under “Files to add”.")
            )
        file = uploaded_file(str(decided.file), self._incoming)
        place = self.folder / decided.name if replace else self._free(decided.name)
        _copied(file, place)
        return place, [one for one in self._waiting.values() if one.batch == decided.batch]

    def remove(self, copy: Path) -> None:
        """Delete a copy and the folders that it leaves empty, and no other file."""
        folder = self.folder.resolve()
        if not copy.is_relative_to(folder) or not copy.is_file():
            return
        copy.unlink(missing_ok=True)
        for parent in copy.parents:
            if parent == folder or any(parent.iterdir()):
                break
            parent.rmdir()

    def _free(self, name: str) -> Path:
        """Return a place for a second file of a name: `slides (2).md`."""
        path = PurePosixPath(name)
        number = 2
        while (place := self.folder / path.with_name(f"{path.stem} ({number}){path.suffix}")).exists():
            number += 1
        return place


def _copied(file: Path, place: Path) -> None:
    """Copy a file; at any moment its place has the old content or the whole new one."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with replacing(place) as draft:
        shutil.copyfile(file, draft)


def _same(one: Path, other: Path) -> bool:
    return other.is_file() and filecmp.cmp(one, other, shallow=False)
