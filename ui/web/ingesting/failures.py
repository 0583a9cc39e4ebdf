"""Files that could not be read: tried again, or dismissed until they change."""

from __future__ import annotations

import json
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from ingest.discover import source_path
from rag.errors import InputError
from rag.library.rows import FailureRecord
from rag.library.store import LibraryStore
from rag.system.atomic_write import write_text
from ui.web.ingesting.jobs import Request
from ui.web.language import gettext as _

FILE = "dismissed.json"


class Failures:
    """The files of a library that could not be read."""

    def __init__(self, library: LibraryStore) -> None:
        self._library = library
        self._file = library.folder / FILE

    def listed(self) -> list[FailureRecord]:
        """Return the failures that nobody dismissed."""
        dismissed = self._dismissed()
        return [each for each in self._library.failures() if dismissed.get(each.source) != _stamp(each)]

    def dismiss(self, key: str) -> None:
        """Show the failure with this key no longer, until its file changes.

        Raises:
            InputError: the list cannot be kept.
        """
        known = {each.source: _stamp(each) for each in self._library.failures()}
        kept = {one: stamp for one, stamp in self._dismissed().items() if one in known}
        kept |= {one: stamp for one, stamp in known.items() if key_of(one) == key}
        try:
            write_text(self._file, json.dumps(kept, indent=1))
        except OSError as exc:
            raise InputError(
                _(
                    "The dismissed files cannot be kept in %(file)s (%(why)s).",
                    file=self._file,
                    why=exc.strerror,
                )
            ) from exc

    def retry(self, key: str = "") -> list[Request]:
        """Return the requests that read failed files again.

        They are for the file of a key, or for all listed ones.

        Only files that failed before are read: a request names no other.

        Raises:
            LibraryBusy: another process is writing.
        """
        again = [each for each in self.listed() if key in ("", key_of(each.source))]
        if again:
            self._library.record_failures([], forget=[each.source for each in again])
        tops: dict[Path, list[Path]] = {}
        for each in again:
            place = source_path(each.source)
            top = _top(place, each.path)
            file = next((found for found in (place, *place.parents) if found.exists()), None)
            if file is not None and file not in tops.setdefault(top, []):
                tops[top].append(file)
        return [Request(tuple(files), top) for top, files in tops.items() if files]

    def _dismissed(self) -> dict[str, list[int]]:
        with suppress(OSError, ValueError):
            listed = json.loads(self._file.read_text(encoding="utf-8"))
            if isinstance(listed, dict):
                return listed
        return {}


def key_of(source: str) -> str:
    """Return the key of a file on the page, where no path of the machine is shown."""
    return sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _stamp(failure: FailureRecord) -> list[int]:
    return [failure.size_bytes, failure.mtime_ns]


def _top(place: Path, name: str) -> Path:
    """Return the folder from which a file has its name, so that it keeps it."""
    top = place
    for part in reversed(Path(name).parts):
        if top.name != part:
            return place.parent
        top = top.parent
    return top
