"""Pictures in the folders of the notes, for the source viewer.

A picture is served only after the viewer met its name in a note of the library. Its address is a keyed hash, so that a
request can name no file. The file must be below the folder that was ingested, and be a PNG, JPEG, GIF or WebP by its
content: an SVG could run scripts.
"""

from __future__ import annotations

import io
import os
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from threading import Lock

from ingest.archives import inside_archive, read_source
from ingest.discover import source_path
from rag.errors import UnreadableNote
from rag.library.rows import DocumentRecord
from ui.web.views.note_images import Picture

ADDRESS = "lectern/picture/"
"""Address of the pictures, below the page of their course."""
_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}
_MOST_BYTES = 10_000_000
_MOST_PICTURES = 2000
"""Pictures whose addresses are remembered, the last ones shown."""


@dataclass(frozen=True, slots=True)
class PictureFile:
    """The content of a picture, its media type, and its size in pixels."""

    content: bytes
    media_type: str
    width: int
    height: int


class NotePictures:
    """The pictures that the viewer has shown, by their addresses. Safe to use from any thread."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._lock = Lock()
        self._shown: OrderedDict[str, tuple[str, Path]] = OrderedDict()

    def of(self, record: DocumentRecord, name: str) -> Picture | None:
        """Return the picture that a document means by a name, without a description.

        None if it is not in the document's folder or is no picture.
        """
        file = file_of(record, name)
        found = read_picture(record, file) if file is not None else None
        if file is None or found is None:
            return None
        key = blake2b(
            f"{record.source}\0{file}".encode(errors="surrogateescape"), digest_size=16, key=self._secret
        )
        with self._lock:
            self._shown[key.hexdigest()] = record.source, file
            self._shown.move_to_end(key.hexdigest())
            while len(self._shown) > _MOST_PICTURES:
                self._shown.popitem(last=False)
        return Picture(ADDRESS + key.hexdigest(), "", found.width, found.height)

    def shown(self, key: str) -> tuple[str, Path] | None:
        """Return (source of the document, file) of an address that was made here."""
        with self._lock:
            return self._shown.get(key)


def file_of(record: DocumentRecord, name: str) -> Path | None:
    """Return the path that a document names, in its folder or archive.

    None for an address, an absolute or hidden path, and one that leads out of the folder that was ingested.
    """
    if not name or ":" in name or "\\" in name or "\0" in name or name.startswith("/"):
        return None
    source, root = source_path(record.source), root_of(record)
    relative = name.partition("#")[0].partition("?")[0]
    file = Path(os.path.normpath(source.parent / relative))
    if not file.is_relative_to(root) or file == root:
        return None
    hidden = any(part.startswith(".") for part in file.relative_to(root).parts)
    return None if hidden else file


def root_of(record: DocumentRecord) -> Path:
    """Return the folder or archive that was ingested: a document's path begins there."""
    source, parts = source_path(record.source), PurePosixPath(record.path).parts
    return source.parents[len(parts) - 1] if source.parts[-len(parts) :] == parts else source.parent


def read_picture(record: DocumentRecord, file: Path) -> PictureFile | None:
    """Return the content of a picture of a document.

    None if it is none, too large, or a link leads out of the folder.
    """
    try:
        if inside_archive(file) is None:
            real = file.resolve(strict=True)
            if not real.is_relative_to(root_of(record).resolve()) or not real.is_file():
                return None
            if real.stat().st_size > _MOST_BYTES:
                return None
        content = read_source(file, _MOST_BYTES)
    except (OSError, RuntimeError, ValueError, UnreadableNote):
        return None
    return _examined(content)


def _examined(content: bytes) -> PictureFile | None:
    """Return a picture with its type and size, which the head of the file has."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=tuple(_TYPES)) as image:
            return PictureFile(content, _TYPES[str(image.format)], image.width, image.height)
    except (OSError, ValueError, SyntaxError, KeyError, Image.DecompressionBombError):
        return None
