"""The pictures that a notebook's cells printed, from its file.

The library keeps a notebook's text only. Pictures are taken from the file while it is the one that was read.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag.library.rows import DocumentRecord
from ui.web.page_pictures import unchanged

_TYPES = ("image/png", "image/jpeg")
_MOST_BYTES = 50_000_000
_MOST_PICTURE_CHARS = 4_000_000


def cell_pictures(record: DocumentRecord) -> dict[int, tuple[str, ...]]:
    """Return the `data:` addresses of pictures by the number of their cell.

    Cells are counted from 1.
    It is empty for a file that has changed, is too large or is no notebook of format 4.
    """
    if not unchanged(record) or record.size_bytes > _MOST_BYTES:
        return {}
    try:
        notebook = json.loads(Path(record.source).read_bytes().decode("utf-8-sig"))
        cells = notebook["cells"]
        found = {number: tuple(_pictures(cell)) for number, cell in enumerate(cells, 1)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
    return {number: pictures for number, pictures in found.items() if pictures}


def _pictures(cell: dict[str, Any]) -> Iterator[str]:
    for output in cell.get("outputs") or ():
        data = output.get("data") or {}
        for kind in _TYPES:
            encoded = data.get(kind)
            if encoded:
                yield from _address(kind, "".join(encoded) if isinstance(encoded, list) else str(encoded))
                break


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
