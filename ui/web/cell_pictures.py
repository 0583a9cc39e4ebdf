"""The pictures that a notebook's cells printed or have attached, from its file.

The library keeps a notebook's text only. Pictures are taken from the file while it is the one that was read.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rag.library.rows import DocumentRecord
from ui.web.page_pictures import unchanged

_TYPES = ("image/png", "image/jpeg")
_MOST_BYTES = 50_000_000
_MOST_PICTURE_CHARS = 4_000_000


ATTACHED = "attachment:"
"""Beginning of the names of pictures that are attached to a cell."""


@dataclass(frozen=True, slots=True)
class CellPictures:
    """The `data:` addresses of a notebook's pictures.

    `printed` has them by the number of their cell, `attached` by their name.
    """

    printed: dict[int, tuple[str, ...]] = field(default_factory=dict)
    attached: dict[str, str] = field(default_factory=dict)


def cell_pictures(record: DocumentRecord) -> CellPictures:
    """Return the pictures of a notebook.

    Cells are counted from 1. Of two pictures attached under one name the first is taken.
    It is empty for a file that has changed, is too large or is no notebook of format 4.
    """
    if not unchanged(record) or record.size_bytes > _MOST_BYTES:
        return CellPictures()
    try:
        notebook = json.loads(Path(record.source).read_bytes().decode("utf-8-sig"))
        cells = notebook["cells"]
        found = {number: tuple(_pictures(cell)) for number, cell in enumerate(cells, 1)}
        attached: dict[str, str] = {}
        for cell in cells:
            for name, data in (cell.get("attachments") or {}).items():
                for address in _of_types(data):
                    attached.setdefault(ATTACHED + name, address)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return CellPictures()
    return CellPictures({number: pictures for number, pictures in found.items() if pictures}, attached)


def _pictures(cell: dict[str, Any]) -> Iterator[str]:
    for output in cell.get("outputs") or ():
        yield from _of_types(output.get("data") or {})


def _of_types(data: dict[str, Any]) -> Iterator[str]:
    """Yield the address of a picture that is there in several types."""
    for kind in _TYPES:
        encoded = data.get(kind)
        if encoded:
            yield from _address(kind, "".join(encoded) if isinstance(encoded, list) else str(encoded))
            return


def _address(kind: str, encoded: str) -> Iterator[str]:
    """Yield the address of a picture, nothing for what is no base64 or is too long."""
    compact = "".join(encoded.split())
    if len(compact) > _MOST_PICTURE_CHARS:
        return
    try:
        base64.b64decode(compact, validate=True)
    except (binascii.Error, ValueError):
        return
    yield f"data:{kind};base64,{compact}"
