"""Backups of a library: one zip file with all that cannot be made again.

That is every database (notes, conversations, cards, accounts, those of each person), the golden questions and the uploaded files, of the library
and of the other courses in it. The FAISS file is left out, because it is derived. A database is copied by SQLite's own backup, so a backup may be made while the web app and an
ingest run. Every file has its SHA-256 in the backup, and is restored only if it is the same.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from rag.errors import InputError, LibraryDamaged, LibraryMissing
from rag.json_text import parse_json
from rag.library.checksums import register
from rag.library.connections import DATABASE_NAME
from rag.library.course_list import listed, with_others
from rag.library.library import Library
from rag.library.write_lock import WriteLock
from rag.system.atomic_write import replacing, write_text

MANIFEST = "manifest.json"
UPLOADS = "uploads"
GOLDEN = "golden.jsonl"
"""The golden questions of a library, made in the app."""
PEOPLE = "people"
"""Folder with one folder for each person of a server: conversations, study cards."""
COURSES, COURSES_FILE = "courses", "courses.json"
"""Folder with the libraries of the other courses, and their list in it."""
_LIST = f"{COURSES}/{COURSES_FILE}"
_FORM = 1
_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class BackupReport:
    """The files of a backup and their bytes before compression."""

    backup: str
    files: tuple[str, ...]
    size_bytes: int


def back_up(folder: Path, target: Path) -> BackupReport:
    """Write a backup of the library in `folder`.

    A file `target` is replaced once the new one is whole.

    Raises:
        LibraryMissing: there is no library.
        LibraryDamaged: a database cannot be read.
        OSError: the target cannot be written.
    """
    if not (folder / DATABASE_NAME).is_file():
        raise LibraryMissing(f"There is no library in {folder}, so there is nothing to back up.")
    entries: dict[str, dict[str, Any]] = {}
    with (
        TemporaryDirectory(prefix="lectern-backup-") as place,
        replacing(target) as draft,
        zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        for name, file in _files(folder, Path(place)):
            entries[name] = {"bytes": file.stat().st_size, "sha256": _digest(file)}
            archive.write(file, name)
        made = {"form": _FORM, "made_at": datetime.now(UTC).isoformat(timespec="seconds"), "files": entries}
        archive.writestr(MANIFEST, json.dumps(made, indent=1))
    return BackupReport(str(target), tuple(entries), sum(entry["bytes"] for entry in entries.values()))


def restore(backup: Path, folder: Path, *, overwrite: bool = False) -> BackupReport:
    """Put a backup into `folder`.

    Programs that have the library open see it at their next question.

    Everything in the backup is checked before anything is changed. With `overwrite` a library that is there is
    replaced. Courses that the backup does not have stay, and stay listed.

    Raises:
        InputError: the file is no whole backup of a library, or there is a library and `overwrite` is False.
        LibraryBusy: another process is writing to the library.
        LibraryDamaged: the library in the backup is damaged.
    """
    if (folder / DATABASE_NAME).exists() and not overwrite:
        raise InputError(
            f"There is a library in {folder}. Pass --overwrite to replace it, or name another folder with --library."
        )
    with TemporaryDirectory(prefix="lectern-restore-") as place, ExitStack() as locks:
        names = _extracted(backup, Path(place))
        libraries = [PurePosixPath(name).parent for name in names if _is_library(name)]
        for each in libraries:
            _check_library(Path(place) / each, backup)
        for each in libraries:
            (folder / each).mkdir(parents=True, exist_ok=True)
            locks.enter_context(WriteLock(folder / each).taken())
        for name in sorted(names, key=lambda name: name == _LIST):  # no course is listed before it is there
            mode = 0o700 if PEOPLE in PurePosixPath(name).parts[:-2] else 0o777
            (folder / name).parent.mkdir(mode, parents=True, exist_ok=True)
            if name == _LIST:
                write_text(folder / name, with_others(Path(place) / name, folder / name))
            elif _is_database(name):
                _put_database(Path(place) / name, folder / name)
            else:
                with replacing(folder / name) as draft:
                    shutil.copyfile(Path(place) / name, draft)
        size = sum((Path(place) / name).stat().st_size for name in names)
    return BackupReport(str(backup), tuple(names), size)


def _files(folder: Path, place: Path) -> Iterator[tuple[str, Path]]:
    """Yield the names and files of a backup; databases are copied to `place` first.

    The courses are those of the list as it is now, also those that can be brought back.
    """
    yield from _files_of(folder, folder, place)
    copy = place / _LIST
    try:
        content = (folder / _LIST).read_bytes()
    except FileNotFoundError:
        return
    copy.parent.mkdir(exist_ok=True)
    copy.write_bytes(content)
    yield _LIST, copy
    for course in listed(copy):
        if (
            folder / COURSES / course / DATABASE_NAME
        ).is_file():  # a new one has no library until it is opened
            yield from _files_of(folder / COURSES / course, folder, place)


def _files_of(library: Path, folder: Path, place: Path) -> Iterator[tuple[str, Path]]:
    """Yield the names and files of one library; the names begin at `folder`."""
    for file in sorted((*library.glob("*.sqlite"), *(library / PEOPLE).glob("*/*.sqlite"))):
        name = file.relative_to(folder).as_posix()
        copy = place / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        with (
            _database_errors(file),
            closing(_opened(file)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
        yield name, copy
    for file in (library / GOLDEN, *sorted((library / UPLOADS).rglob("*"))):
        if file.is_file() and not file.is_symlink() and file.suffix != ".part":
            yield file.relative_to(folder).as_posix(), file


def _extracted(backup: Path, place: Path) -> list[str]:
    """Extract the files of a backup and return their names.

    Raises:
        InputError: it is no backup, or one of its files is missing or damaged.
    """
    try:
        with zipfile.ZipFile(backup) as archive:
            entries = _entries(archive, backup)
            for name, entry in entries.items():
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                with archive.open(name) as packed, (place / name).open("wb") as file:
                    shutil.copyfileobj(packed, file, _READ_BYTES)
                if _digest(place / name) != entry["sha256"]:
                    raise InputError(f"{name} in the backup {backup} is damaged. Take another backup.")
    except (
        zipfile.BadZipFile,
        zlib.error,
        KeyError,
        ValueError,
        EOFError,
        OSError,
        NotImplementedError,
        RuntimeError,
    ) as exc:
        raise InputError(
            f"{backup} is no whole backup of a library ({exc}). Name a file that `lectern backup` wrote."
        ) from exc
    return list(entries)


def _entries(archive: zipfile.ZipFile, backup: Path) -> dict[str, dict[str, Any]]:
    made = parse_json(archive.read(MANIFEST))
    entries = made["files"] if isinstance(made, dict) and made.get("form") == _FORM else None
    if not isinstance(entries, dict) or DATABASE_NAME not in entries:
        raise InputError(f"{backup} has no library. Name a file that `lectern backup` wrote.")
    for name in entries:
        parts = PurePosixPath(name).parts
        if not _is_kept(parts) or ".." in parts or "\\" in name or ":" in name:
            raise InputError(f"{backup} has a file {name!r}, which no library has. It was not restored.")
    return entries


def _is_kept(parts: Sequence[str]) -> bool:
    """Return True for the parts of a path that a backup may have."""
    if tuple(parts) == (COURSES, COURSES_FILE):
        return True
    parts = _in_course(parts)
    if len(parts) == 1:
        return parts[0] == GOLDEN or parts[0].endswith(".sqlite")
    return parts[0] == UPLOADS or (parts[0] == PEOPLE and len(parts) == 3 and parts[2].endswith(".sqlite"))


def _in_course(parts: Sequence[str]) -> Sequence[str]:
    """Return the parts of a path below the folder of its course."""
    return parts[2:] if parts[0] == COURSES and len(parts) > 2 else parts


def _is_database(name: str) -> bool:
    parts = _in_course(PurePosixPath(name).parts)
    return parts[0] != UPLOADS and parts[-1].endswith(".sqlite")


def _is_library(name: str) -> bool:
    return tuple(_in_course(PurePosixPath(name).parts)) == (DATABASE_NAME,)


def _check_library(place: Path, backup: Path) -> None:
    """Refuse a backup whose library is damaged.

    Raises:
        LibraryDamaged: it is damaged.
    """
    with Library.open(place) as library:
        soundness = library.soundness
        if problem := next(soundness.structure(), None):
            raise LibraryDamaged(
                f"The library in the backup {backup} is damaged: {problem}. Take another one."
            )
        if damaged := soundness.documents():
            raise LibraryDamaged(
                f"{damaged[0].path} in the backup {backup} is damaged. Take another backup, or restore none and ingest again."
            )


def _put_database(source: Path, target: Path) -> None:
    """Copy a database over another one, in one transaction.

    Only its owner may read a new one.
    """
    os.close(os.open(target, os.O_RDWR | os.O_CREAT, 0o600))
    with _database_errors(target), closing(sqlite3.connect(target)) as into:
        before = _generation(into)
        with closing(sqlite3.connect(source)) as from_backup:
            if target.name == DATABASE_NAME:
                register(from_backup)
                later = max(before, _generation(from_backup)) + 1
                from_backup.execute("UPDATE manifest SET value = ? WHERE key = 'generation'", (str(later),))
                from_backup.execute("DELETE FROM manifest WHERE key = 'epoch'")
                from_backup.commit()
            from_backup.backup(into)


def _generation(connection: sqlite3.Connection) -> int:
    """Return the generation of a library, 0 for an empty, damaged or other database."""
    try:
        row = connection.execute("SELECT value FROM manifest WHERE key = 'generation'").fetchone()
        return int(row[0])
    except (sqlite3.Error, TypeError, ValueError):
        return 0


def _opened(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=30.0)


@contextmanager
def _database_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as exc:
        raise LibraryDamaged(f"{file} cannot be copied ({exc}).") from exc


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()
