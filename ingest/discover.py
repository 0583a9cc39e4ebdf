"""The files under the given paths that are notes, with their names.

All that is passed over is named with its kind. A linked folder is looked into once. The files of a zip archive
are notes like those of a folder. A file that disappears during the search does not exist; a folder that may not
be listed is reported, and its notes stay in the library; a name that is no UTF-8 gets a form that can be stored.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

from ingest.archives import is_archive, source_status
from ingest.skipped import Skipped, by_kind
from ingest.walk import FoundFile, Walk, found_file, printable
from ingest.walk import Unreadable as Unreadable  # noqa: PLC0414 - a public name of this module too
from rag.errors import InputError

_ADDRESS = "file://"


@dataclass(frozen=True, slots=True)
class Discovery:
    """The notes under the given paths.

    `folders` are those given, `listed` all that were looked into. `skipped` is all that was passed over.
    `broken_links` lead nowhere at the moment, so nothing is known about the notes behind them.
    """

    files: tuple[FoundFile, ...]
    folders: tuple[Path, ...]
    skipped: tuple[Skipped, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    listed: tuple[Path, ...] = ()
    broken_links: tuple[Path, ...] = ()

    def covers(self, source: Path) -> bool:
        """Return whether a note at `source` would have been found if it were still there."""
        return any(source.is_relative_to(folder) for folder in self.folders) and not self.hides(source)

    def hides(self, source: Path) -> bool:
        """Return whether it cannot be known if there is a note at `source`."""
        shut = (*(entry.source for entry in self.unreadable), *self.broken_links)
        return any(source.is_relative_to(place) for place in shut)


def discover(paths: Sequence[Path], *, below: Path | None = None) -> Discovery:
    """Return the notes under `paths` (files and folders), each once.

    They are in the order of the paths and then by name. A file that is named outright and is somewhere `below`
    a folder is called by its path from there. Hidden files and folders, environments and build
    output are passed over; a file or a folder that is named outright is taken whatever its name, unless it is of a kind
    that cannot be read.

    Raises:
        InputError: a path does not exist or may not be examined, or there is no note under any of them.
    """
    walk = Walk()
    folders = []
    for given in paths:
        root, status = _given(given)
        if stat.S_ISDIR(status.st_mode):
            walk.look_through(root)
            folders.append(root)
            continue
        top = below if below is not None and root.is_relative_to(below) else root.parent
        if is_archive(root):
            walk.look_into_archive(root, top)
            folders.append(root)
        else:
            walk.add_named(found_file(root, top, status))
    walk.follow_links()
    if not walk.files:
        raise InputError(_nothing_found(paths, walk))
    return Discovery(
        tuple(walk.files.values()),
        tuple(folders),
        tuple(walk.skipped),
        tuple(walk.unreadable.values()),
        tuple(walk.listed),
        tuple(walk.broken_links),
    )


def is_there(source: Path) -> bool:
    """Return whether a file exists at `source`.

    It counts as missing only if the disk says so, not if the disk gives no answer.
    """
    try:
        source_status(source)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def source_text(source: Path) -> str:
    """Return the path as the library stores it.

    A name that is no UTF-8 becomes a `file://` address.
    """
    text = str(source)
    try:
        text.encode()
    except UnicodeEncodeError:
        return f"{_ADDRESS}{quote_from_bytes(os.fsencode(text))}"
    return text


def source_path(text: str) -> Path:
    """Return the path that `source_text` stored."""
    if text.startswith(_ADDRESS):
        return Path(os.fsdecode(unquote_to_bytes(text.removeprefix(_ADDRESS))))
    return Path(text)


def _given(path: Path) -> tuple[Path, os.stat_result]:
    """Return the full path of a given file or folder, and its status.

    Raises:
        InputError: it does not exist, or may not be examined.
    """
    shown = printable(str(path))
    try:
        root = path.expanduser().resolve(strict=True)
        return root, root.stat()
    except PermissionError as exc:
        raise InputError(
            f"{shown} may not be looked at ({exc.strerror}); give yourself the right to read it. Nothing was changed."
        ) from exc
    except (OSError, RuntimeError) as exc:
        raise InputError(f"There is no file or folder {shown}; name the notes to ingest.") from exc


def _nothing_found(paths: Sequence[Path], walk: Walk) -> str:
    """Return the message for paths without a note."""
    passed_over = f" (passed over: {'; '.join(map(str, by_kind(walk.skipped)))})" if walk.skipped else ""
    shut = "".join(f" ({entry.name}: {entry.reason})" for entry in walk.unreadable.values())
    return (
        f"There is no note in {printable(', '.join(map(str, paths)))}: expected Markdown, notebooks, PDF, Word, slides, "
        f"spreadsheets, HTML, text or another kind that is read{passed_over}{shut}. Nothing was changed."
    )
