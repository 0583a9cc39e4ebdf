"""Folders of this machine that a course watches: what changes there is read again.

Watching is off until a person switches it on for a folder, and is kept in the course's library over restarts.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from rag.errors import InputError
from rag.system.atomic_write import write_text
from ui.web.language import gettext as _

FILE = "watched.json"
_AGAIN_SECONDS = 10.0
"""Time after which a folder that is gone is looked for again.

A drive that is not connected comes back.
"""


class WatchedFolders:
    """The watched folders of a library, each followed by a thread. Safe to use from any thread."""

    def __init__(self, library: Path, changed: Callable[[Path], None]) -> None:
        """Remember the library.

        `changed` is called after each burst of changes in a folder.
        """
        self._file = library / FILE
        self._changed = changed
        self._lock = threading.Lock()
        self._stops: dict[Path, threading.Event] = {}

    def resume(self) -> None:
        """Watch the folders that were watched before."""
        with self._lock:
            for folder in self._read():
                self._follow(folder)

    def folders(self) -> list[Path]:
        """Return the watched folders in order."""
        return sorted(self._read())

    def watch(self, folder: Path) -> None:
        """Watch a folder from now on.

        Raises:
            InputError: it is no folder, or it cannot be kept.
        """
        if not folder.is_dir():
            raise InputError(_("%(folder)s is no folder; only folders are watched.", folder=folder))
        with self._lock:
            self._write([*self._read() - {folder}, folder])
            self._follow(folder)

    def unwatch(self, folder: Path) -> None:
        """Watch a folder no longer; its notes stay.

        Raises:
            InputError: the list cannot be kept.
        """
        with self._lock:
            self._write([*self._read() - {folder}])
            if stop := self._stops.pop(folder, None):
                stop.set()

    def close(self) -> None:
        """Stop all threads; the folders are watched again by `resume`."""
        with self._lock:
            for stop in self._stops.values():
                stop.set()
            self._stops.clear()

    def _follow(self, folder: Path) -> None:
        if folder in self._stops:
            return
        stop = self._stops[folder] = threading.Event()
        work = (folder, stop, self._changed)
        threading.Thread(target=_follow, args=work, name="lectern-watch", daemon=True).start()

    def _read(self) -> set[Path]:
        with suppress(OSError, ValueError):
            listed = json.loads(self._file.read_text(encoding="utf-8"))
            if isinstance(listed, list):
                return {Path(each) for each in listed if isinstance(each, str)}
        return set()

    def _write(self, folders: Sequence[Path]) -> None:
        try:
            write_text(self._file, json.dumps(sorted(map(str, folders)), indent=1))
        except OSError as exc:
            raise InputError(
                f"The list of watched folders cannot be kept in {self._file} ({exc.strerror})."
            ) from exc


def _follow(folder: Path, stop: threading.Event, changed: Callable[[Path], None]) -> None:
    """Call `changed` at the start and after each burst of changes, until `stop`."""
    from ingest.watch import changes

    while not stop.is_set():
        with suppress(OSError, RuntimeError):  # the folder is gone, or its file system cannot be watched
            for _ in changes([folder], stop):
                changed(folder)
        stop.wait(_AGAIN_SECONDS)
