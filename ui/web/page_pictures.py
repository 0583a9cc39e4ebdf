"""Pages of the library's PDF files and decks as pictures, with the quotes marked.

Only a file that was ingested is opened, and only while it is the same: a page number of another version would show
another text.
"""

from __future__ import annotations

import json
import subprocess
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from rag.library.rows import DocumentRecord
from rag.system.child_process import command, surroundings
from ui.web.slide_decks import Deck

_MAX_SECONDS = 20.0
_KEPT = 40
"""Pictures that are kept, about 8 MB."""
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class PagePicture:
    """A page as base64 PNG, its size in pixels, and the boxes of the quotes on it.

    A box is (left, top, width, height) in shares of the page. `pages` is the number of pages of the file.
    """

    png: str
    width: int
    height: int
    boxes: tuple[Box, ...] = ()
    pages: int = 0


class PagePictures:
    """The pictures of pages, made when they are first asked for. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[tuple[str, int, int, tuple[str, ...]], PagePicture | None] = OrderedDict()

    def of(self, record: DocumentRecord, page: int, quotes: Sequence[str] = ()) -> PagePicture | None:
        """Return a page's picture.

        None if the file has changed, is gone or cannot be drawn.
        """
        if not unchanged(record):
            return None
        return self._kept_or_drawn((record.source, record.mtime_ns, page, tuple(quotes)))

    def of_deck(self, deck: Deck, slide: int, quotes: Sequence[str] = ()) -> PagePicture | None:
        """Return a slide's picture; None if it cannot be drawn or pages are not slides."""
        if deck.pdf is None:
            return None
        picture = self._kept_or_drawn((str(deck.pdf), 0, slide, tuple(quotes)))
        return picture if picture is not None and picture.pages == deck.slides else None

    def _kept_or_drawn(self, key: tuple[str, int, int, tuple[str, ...]]) -> PagePicture | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            picture = self._kept[key] = _drawn(key[0], key[2], key[3])
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return picture


def unchanged(record: DocumentRecord) -> bool:
    """Return True if the file of a document is as it was when it was read."""
    try:
        found = Path(record.source).stat()
    except OSError:
        return False
    return (found.st_size, found.st_mtime_ns) == (record.size_bytes, record.mtime_ns)


def _drawn(source: str, page: int, quotes: Sequence[str]) -> PagePicture | None:
    try:
        done = subprocess.run(
            command("ui.web.page_worker", source, str(page)),
            input=json.dumps(list(quotes)),
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=surroundings(),
            timeout=_MAX_SECONDS,
            check=True,
        )
        found = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError, OSError):
        return None
    boxes = tuple((box[0], box[1], box[2], box[3]) for box in found["boxes"])
    return PagePicture(found["png"], found["width"], found["height"], boxes, found["pages"])
