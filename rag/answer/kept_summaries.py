"""Summaries that a model has written, kept in the library's folder.

A file is named by the content of its document and by what was summarised. Those of documents that are gone or
have changed are removed when the next summary is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from rag.system.atomic_write import write_text

FOLDER = "summaries"
MOST_KEPT = 2000


class KeptSummaries:
    """The written summaries in a folder. A folder that cannot be written keeps none."""

    def __init__(self, library: Path) -> None:
        self._folder = library / FOLDER

    def get(self, document: str, asked: str) -> str | None:
        """Return the text kept for a document's content hash and what was asked."""
        try:
            return self._path(document, asked).read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def keep(self, document: str, asked: str, text: str) -> None:
        """Keep a text for the next time."""
        with suppress(OSError):
            self._folder.mkdir(exist_ok=True)
            write_text(self._path(document, asked), text)

    def remove_others(self, documents: Iterable[str]) -> None:
        """Remove what is not of documents with these content hashes, and the oldest."""
        known = {_short(document) for document in documents}
        with suppress(OSError):
            files = sorted(self._folder.glob("*.txt"), key=lambda path: -path.stat().st_mtime_ns)
            for place, path in enumerate(files):
                if path.name.partition("-")[0] not in known or place >= MOST_KEPT:
                    path.unlink(missing_ok=True)

    def _path(self, document: str, asked: str) -> Path:
        return self._folder / f"{_short(document)}-{_short(asked)}.txt"


def _short(text: str) -> str:
    return sha256(text.encode("utf-8", "replace")).hexdigest()[:24]
