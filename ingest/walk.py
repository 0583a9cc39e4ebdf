"""A walk through folders, links and archives for files that may be notes."""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ingest.archives import is_archive, members
from ingest.kinds import UnreadKind, unread_kinds
from ingest.skipped import (
    BROKEN_LINKS,
    DOUBLE_LINKS,
    HIDDEN_LINKS,
    INNER_ARCHIVES,
    SPECIAL,
    Skipped,
    hidden,
    licence,
    passed_over_folder,
)
from rag.errors import InputError, UnreadableNote


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that may be a note. `name` is relative to `root`, the given folder, with forward slashes.

    `source` of a file in an archive is the archive's path with the file's name behind it.
    """

    source: Path
    root: Path
    name: str
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A folder, archive or file that could not be examined; its notes are unknown."""

    source: Path
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to look into.

    `real` is its path without links, `root` the given folder, `beside` are the names in the folder around it.
    """

    path: Path
    real: Path
    root: Path
    beside: Collection[str] = ()


class Walk:
    """The files that were found so far and all that was passed over, each once."""

    def __init__(self) -> None:
        self.files: dict[Path, FoundFile] = {}
        self.skipped: list[Skipped] = []
        self.unreadable: dict[Path, Unreadable] = {}
        self.listed: list[Path] = []
        self.broken_links: list[Path] = []
        self._roots: list[Path] = []
        self._links: list[tuple[Path, Path]] = []
        self._real: set[Path] = set()
        self._unread = unread_kinds()

    def add(self, file: FoundFile) -> None:
        """Add a file, once."""
        self.files.setdefault(file.source, file)
        self._real.add(file.source)

    def add_named(self, file: FoundFile) -> None:
        """Add a file that was named outright, unless it is of a kind that cannot be read."""
        kind = self._unread.get(file.source.suffix.lower())
        if kind is not None and kind.advice:
            self._skip(file.name, kind)
        else:
            self.add(file)

    def look_through(self, root: Path) -> None:
        """Look through a given folder; links wait for `follow_links`.

        Raises:
            InputError: the folder itself cannot be listed; its notes would seem to be gone.
        """
        self._roots.append(root)
        self._look_through(_Folder(root, root, root))
        if root not in self.listed:
            reason = (
                self.unreadable[root].reason if root in self.unreadable else "It went while it was looked at."
            )
            raise InputError(f"{printable(str(root))}: {reason} Nothing was changed.")

    def follow_links(self) -> None:
        """Look through linked folders and add linked files, each once.

        A link to a folder around a given one is not followed, because it leads out of the notes, nor one into a
        hidden folder, where programs keep keys and settings.
        """
        while self._links:
            path, root = self._links.pop(0)
            try:
                target = path.resolve(strict=True)
                status = target.stat()
            except (OSError, RuntimeError):
                self.broken_links.append(path)
                self._skip(name_below(path, root), BROKEN_LINKS)
                continue
            is_folder = stat.S_ISDIR(status.st_mode)
            if any(hidden(part) for part in target.parts):
                self._skip(name_below(path, root) + "/" * is_folder, HIDDEN_LINKS)
            elif target in self._real or any(one.is_relative_to(target) for one in self._roots):
                self._skip(name_below(path, root) + "/" * is_folder, DOUBLE_LINKS)
            elif is_folder:
                self._look_through(_Folder(path, target, root))
            else:
                self._real.add(target)
                self._take(path, root, status)

    def look_into_archive(self, archive: Path, root: Path) -> None:
        """Add the files of an archive by the rules for those of a folder."""
        try:
            status = archive.stat()
            found = members(archive)
        except (UnreadableNote, OSError) as exc:
            reason = str(exc) if isinstance(exc, UnreadableNote) else f"It cannot be opened ({exc.strerror})."
            self.unreadable[archive] = Unreadable(archive, name_below(archive, root), reason)
            return
        self.listed.append(archive)
        names = [PurePosixPath(member.name) for member in found]
        shut = _passed_over_members(names)
        around = name_below(archive, root)
        for folder, kind in shut.items():
            self._skip(f"{around}/{folder}/", kind)
        for member, name in zip(found, names, strict=True):
            if shut.keys().isdisjoint(name.parents):
                if is_archive(Path(name)):
                    self._skip(f"{around}/{name}", INNER_ARCHIVES)
                elif unread := self._kind_of_skip(name.name):
                    self._skip(f"{around}/{name}", unread)
                else:
                    file = FoundFile(
                        archive / name, root, f"{around}/{name}", member.size_bytes, status.st_mtime_ns
                    )
                    self.files.setdefault(file.source, file)

    def _look_through(self, first: _Folder) -> None:
        pending = [first]
        while pending:
            folder = pending.pop()
            if folder.real in self._real:
                if folder.path != folder.real:
                    self._skip(name_below(folder.path, folder.root) + "/", DOUBLE_LINKS)
                continue
            try:
                pending.extend(reversed(self._look_into(folder)))
            except (FileNotFoundError, NotADirectoryError):
                continue  # it went meanwhile
            except OSError as exc:
                self._report(folder.path, folder.root, "The folder cannot be listed", exc)

    def _look_into(self, folder: _Folder) -> list[_Folder]:
        """Collect the folder's files and return its subfolders, by name.

        Raises:
            OSError: it cannot be listed or entered.
        """
        with os.scandir(folder.path) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
        inside = {entry.name for entry in entries}
        if folder.path != folder.root and (
            kind := passed_over_folder(folder.path.name, inside, folder.beside)
        ):
            self._skip(name_below(folder.path, folder.root) + "/", kind)
            return []
        folders, files = [], []
        for entry in entries:
            path = Path(entry.path)
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # an editor's temporary file, most often
            except PermissionError:
                raise  # the folder may be listed but not entered, which is true for all that is in it
            except OSError as exc:
                self._report(path, folder.root, "It cannot be looked at", exc)
                continue
            if stat.S_ISDIR(status.st_mode) and hidden(entry.name) is None:
                folders.append(_Folder(path, folder.real / entry.name, folder.root, inside))
            else:
                files.append((path, status))
        for path, status in files:
            self._take(path, folder.root, status)
        self._real.add(folder.real)
        self.listed.append(folder.path)
        return folders

    def _take(self, path: Path, root: Path, status: os.stat_result) -> None:
        """Add a file, look into an archive, remember a link, or note what is passed over."""
        name = name_below(path, root)
        if (kind := self._kind_of_skip(path.name)) is not None:
            self._skip(name + "/" * stat.S_ISDIR(status.st_mode), kind)
        elif stat.S_ISLNK(status.st_mode):
            self._links.append((path, root))
        elif not stat.S_ISREG(status.st_mode):
            self._skip(name, SPECIAL)
        elif is_archive(path):
            self.look_into_archive(path, root)
        else:
            self.add(found_file(path, root, status))

    def _kind_of_skip(self, name: str) -> UnreadKind | None:
        return hidden(name) or licence(name) or self._unread.get(PurePosixPath(name).suffix.lower())

    def _skip(self, name: str, kind: UnreadKind) -> None:
        self.skipped.append(Skipped(name, kind))

    def _report(self, source: Path, root: Path, what: str, error: OSError) -> None:
        reason = f"{what} ({error.strerror}); what the library has of it stays. Give yourself the right to read it."
        self.unreadable[source] = Unreadable(source, name_below(source, root), reason)


def found_file(path: Path, root: Path, status: os.stat_result) -> FoundFile:
    """Return the file as found below `root`."""
    return FoundFile(path, root, name_below(path, root), status.st_size, status.st_mtime_ns)


def name_below(path: Path, root: Path) -> str:
    """Return the path below `root` with forward slashes, fit to be printed."""
    return printable(path.relative_to(root).as_posix())


def printable(text: str) -> str:
    """Return the text with bytes that are no UTF-8 as question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _passed_over_members(names: Collection[PurePosixPath]) -> dict[PurePosixPath, UnreadKind]:
    """Return the folders of an archive that are passed over, with their kinds.

    Folders inside such a folder are not named.
    """
    inside: dict[PurePosixPath, set[str]] = defaultdict(set)
    for name in names:
        for place in (name, *name.parents):
            if place.name:
                inside[place.parent].add(place.name)
    shut: dict[PurePosixPath, UnreadKind] = {}
    for folder in sorted(inside, key=lambda place: len(place.parts)):
        if folder.name and shut.keys().isdisjoint(folder.parents):
            kind = hidden(folder.name) or passed_over_folder(
                folder.name, inside[folder], inside[folder.parent]
            )
            if kind is not None:
                shut[folder] = kind
    return shut
