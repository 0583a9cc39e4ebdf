"""Files and folders that are replaced whole, and lines added whole.

Readers see the old content or the new one, after a power cut too. The new content is written beside the file,
flushed to the disk and renamed over it; then the folder is flushed, because only that makes the new name
survive. Everything that Lectern writes for keeps goes through this module.
"""

from __future__ import annotations

import errno
import glob
import os
import re
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_MOST_HOST_CHARS = 40
"""Length of the host in a draft's name: the longest names of files have 255 bytes."""


def draft_path(path: Path) -> Path:
    """Return an unused name beside `path`, `NAME.PID-HOST-RANDOM.part`.

    Number and host identify the process that writes the draft.
    """
    return path.with_name(f"{path.name}.{os.getpid()}-{host_name()}-{secrets.token_hex(4)}.part")


def host_name() -> str:
    """Return this machine's name in a form that can be part of a file's name."""
    return re.sub(r"[^A-Za-z0-9]+", "-", socket.gethostname())[:_MOST_HOST_CHARS]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield the name of a draft to write; at the end it becomes `path`.

    It is removed if anything fails. Drafts that killed processes of this machine left beside `path` are removed
    first.

    Raises:
        OSError: the draft cannot be written, flushed or renamed; `path` is then unchanged.
    """
    _sweep(path)
    draft = draft_path(path)
    try:
        yield draft
        put_in_place(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def put_in_place(draft: Path, path: Path) -> None:
    """Rename a draft that is written and closed to `path`, both flushed to the disk.

    Raises:
        OSError: the draft cannot be flushed or renamed.
    """
    _flush(draft)
    draft.replace(path)
    if os.name == "posix":  # Windows cannot open a folder, and its rename needs no flush
        with suppress(OSError):  # some network file systems refuse; the file itself is on the disk
            _flush(path.parent)


def write_text(path: Path, text: str) -> None:
    """Replace the text of a file, in UTF-8, and keep its permissions.

    A link stays a link: the file that it points to is replaced.

    Raises:
        OSError: the file cannot be written; it then has its old content.
    """
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Replace the bytes of a file and keep its permissions.

    A link stays a link: the file that it points to is replaced.

    Raises:
        OSError: the file cannot be written; it then has its old content.
    """
    target = path.resolve()
    with replacing(target) as draft:
        draft.write_bytes(content)
        if target.exists():
            shutil.copymode(target, draft)


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder to fill; at the end it becomes `folder`.

    It is removed if anything fails. An earlier `folder` is there until the new one is whole.

    Raises:
        OSError: the folder cannot be written, flushed or renamed; an earlier one is then unchanged.
    """
    _sweep(folder)
    draft = draft_path(folder)
    draft.mkdir(parents=True)
    try:
        yield draft
        put_folder_in_place(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def put_folder_in_place(draft: Path, folder: Path) -> None:
    """Rename a folder that is filled to `folder`, all of it flushed to the disk.

    An earlier `folder` is deleted afterwards.

    Raises:
        OSError: something cannot be flushed or renamed; an earlier one is then unchanged.
    """
    for path in draft.rglob("*"):
        if path.is_file() and not path.is_symlink():
            _flush(path)
    earlier = draft_path(folder).with_suffix(".old")
    replaced = folder.exists()
    if replaced:
        folder.rename(earlier)
    try:
        draft.rename(folder)
    except OSError:
        if replaced:
            earlier.rename(folder)
        raise
    if os.name == "posix":
        with suppress(OSError):
            _flush(folder.parent)
    if replaced:
        shutil.rmtree(earlier, ignore_errors=True)


def _sweep(path: Path) -> None:
    """Remove the drafts of `path` whose processes were killed while they wrote.

    Those of another machine stay, as `path` may be on a network drive and its processes are unknown here.
    """
    for draft in path.parent.glob(f"{glob.escape(path.name)}.*.part"):
        number, _, rest = draft.name.removeprefix(f"{path.name}.").removesuffix(".part").partition("-")
        host = rest.rpartition("-")[0]  # drafts of earlier versions have none
        if not number.isdecimal() or host not in {"", host_name()} or _runs(int(number)):
            continue
        with suppress(OSError):  # a draft that cannot be removed harms nothing
            if draft.is_file():
                draft.unlink(missing_ok=True)
            elif rest:  # a folder with a plain number may be a person's
                shutil.rmtree(draft)


def _runs(process: int) -> bool:
    import psutil

    return bool(psutil.pid_exists(process))


def append(path: Path, content: bytes) -> None:
    """Write at the end of a file and through to the disk, all or nothing.

    Raises:
        OSError: the disk is full or the file cannot be written; it then has its old content.
    """
    with path.open("ab", buffering=0) as file:
        length = file.tell()
        try:
            written = file.write(content)
            if written != len(content):
                raise OSError(errno.ENOSPC, f"only {written} of {len(content)} bytes were written")
            os.fsync(file.fileno())
        except OSError:
            file.truncate(length)
            raise


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
