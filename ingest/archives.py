"""Files inside zip archives, as if each archive were a folder.

The file `week1/notes.md` of `/home/me/export.zip` has the path `/home/me/export.zip/week1/notes.md`. Nothing is
unpacked on the disk. Members are bounded in number and size before anything is read, and in size again while it
is read, because an archive may claim any size.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO

from ingest.kinds import ARCHIVE_SUFFIX
from rag.errors import UnreadableNote

_MOST_MEMBERS = 20_000
"""Most files of an archive. Chosen: the largest exports of a course have some thousands."""
_MOST_BYTES = 4_000_000_000
"""Most bytes of an archive's files together. Chosen, as above."""
_MOST_DIRECTORY_BYTES = 20_000_000
"""Largest table of contents of an archive, 1,000 bytes a member."""
_END_BYTES = 65_557
"""Bytes at the end of a zip file that can have its end record: 22 and a comment."""
_ENCRYPTED = 0x1
_UTF8 = 0x800
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError)
"""Errors of the standard library about a damaged zip file."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive. `name` has forward slashes and cannot lead out of the archive."""

    name: str
    size_bytes: int


def is_archive(path: Path) -> bool:
    """Return whether the name is that of an archive that is looked into."""
    return path.suffix.lower() == ARCHIVE_SUFFIX


def inside_archive(path: Path) -> tuple[Path, str] | None:
    """Return (archive, name) of a path into an archive, None for another path."""
    if ARCHIVE_SUFFIX not in str(path).lower():
        return None
    for folder in path.parents:
        if is_archive(folder) and folder.is_file():
            return folder, path.relative_to(folder).as_posix()
    return None


def members(archive: Path) -> list[Member]:
    """Return the files of an archive by name.

    Raises:
        UnreadableNote: it is no zip archive, damaged, or has too much in it.
        OSError: it cannot be opened.
    """
    status = archive.stat()
    table = _table(archive, status.st_size, status.st_mtime_ns)
    return [Member(name, info.file_size) for name, info in sorted(table.items())]


def read_source(path: Path, most_bytes: int) -> bytes:
    """Return the content of a file on the disk or in an archive.

    Raises:
        UnreadableNote: it is in an archive and cannot be unpacked, or larger than `most_bytes`.
        OSError: it cannot be opened.
    """
    if (place := inside_archive(path)) is None:
        return path.read_bytes()
    with _opened_member(*place) as stream:
        data = stream.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise UnreadableNote(
            f"It has more than {most_bytes / 1e6:,.1f} MB unpacked; at most that is read (ingest.max_file_bytes)."
        )
    return data


def source_parts(path: Path, part_bytes: int) -> Iterator[bytes]:
    """Yield the content of a file on the disk or in an archive, part by part.

    Raises:
        UnreadableNote, OSError: as `read_source`.
    """
    place = inside_archive(path)
    with path.open("rb") if place is None else _opened_member(*place) as stream:
        while part := stream.read(part_bytes):
            yield part


def source_status(path: Path) -> tuple[int, int]:
    """Return (size, time of the last change) in bytes and nanoseconds.

    The file is on the disk or in an archive, whose time then counts.

    Raises:
        OSError: it is not there, or may not be looked at.
    """
    if (place := inside_archive(path)) is None:
        status = path.stat()
        return status.st_size, status.st_mtime_ns
    archive, name = place
    status = archive.stat()
    try:
        table = _table(archive, status.st_size, status.st_mtime_ns)
    except UnreadableNote as exc:
        raise OSError(str(exc)) from exc
    if name not in table:
        raise FileNotFoundError(str(path))
    return table[name].file_size, status.st_mtime_ns


def may_be_read(path: Path) -> bool:
    """Return whether the file, or the archive that it is in, may be opened."""
    place = inside_archive(path)
    return os.access(place[0] if place else path, os.R_OK)


@contextmanager
def _opened_member(archive: Path, name: str) -> Iterator[IO[bytes]]:
    """Open a member, and turn all that goes wrong with it into one error."""
    status = archive.stat()
    info = _table(archive, status.st_size, status.st_mtime_ns).get(name)
    if info is None:
        raise FileNotFoundError(f"{archive}/{name}")
    if info.flag_bits & _ENCRYPTED:
        raise UnreadableNote("It needs the archive's password; unpack the archive first.")
    try:
        with zipfile.ZipFile(archive) as opened, opened.open(info) as stream:
            yield stream
    except (FileNotFoundError, PermissionError):
        raise
    except (*_DAMAGE, OSError) as exc:  # an offset out of the file is an error of the system
        raise UnreadableNote(f"It cannot be unpacked ({exc}); the archive may be damaged.") from exc


@lru_cache(maxsize=8)
def _table(archive: Path, size_bytes: int, mtime_ns: int) -> dict[str, zipfile.ZipInfo]:
    """Return the archive's files by their safe names; size and time are for the cache.

    Raises:
        UnreadableNote: as `members`.
    """
    _check_directory(archive, size_bytes)
    try:
        with zipfile.ZipFile(archive) as opened:
            infos = [info for info in opened.infolist() if not info.is_dir()]
    except _DAMAGE as exc:
        raise UnreadableNote(f"It is no zip archive that can be opened ({exc}); pack it again.") from exc
    total = sum(info.file_size for info in infos)
    if len(infos) > _MOST_MEMBERS or total > _MOST_BYTES:
        raise UnreadableNote(
            f"It has {len(infos):,} files of {total / 1e6:,.0f} MB together; at most {_MOST_MEMBERS:,} files of "
            f"{_MOST_BYTES / 1e6:,.0f} MB are looked into. Unpack it and name the folder."
        )
    return {name: info for info in infos if (name := _safe_name(_written_name(info)))}


def _check_directory(archive: Path, size_bytes: int) -> None:
    """Refuse an archive whose table of contents alone would fill the memory.

    Raises:
        UnreadableNote: it would.
    """
    with archive.open("rb") as stream:
        stream.seek(max(0, size_bytes - _END_BYTES))
        tail = stream.read()
    at = tail.rfind(b"PK\x05\x06")
    if at >= 0 and int.from_bytes(tail[at + 12 : at + 16], "little") > _MOST_DIRECTORY_BYTES:
        raise UnreadableNote("It has too many files to be looked into. Unpack it and name the folder.")


def _written_name(info: zipfile.ZipInfo) -> str:
    """Return a member's name.

    Some programs write UTF-8 without its mark; it is known by being valid.
    """
    if info.flag_bits & _UTF8:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _safe_name(name: str) -> str:
    """Return a member's name without steps out of the archive; it may be empty."""
    parts = (part for part in name.replace("\\", "/").split("/") if part not in {"", ".", ".."})
    return "/".join("".join(sign for sign in part if sign.isprintable()) for part in parts)
