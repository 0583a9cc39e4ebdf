"""Word documents: headings, paragraphs, lists and tables in the order they stand."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from ingest.readers.draft import Draft
from rag.errors import UnreadableNote
from rag.types import BlockKind, Locator, Unit

_HEADING_STYLE = re.compile(r"(?:heading|title|subtitle)\s*(\d)?", re.IGNORECASE)


def read_word(path: Path, data: bytes) -> Draft:
    """The document's body.

    Raises:
        UnreadableNote: it is not a Word document that can be opened.
    """
    import docx
    from docx.opc.exceptions import PackageNotFoundError

    try:
        document = docx.Document(io.BytesIO(data))
    except (PackageNotFoundError, BadZipFile, KeyError, ValueError) as exc:
        raise UnreadableNote(f"It is not a Word document that can be opened ({exc}).") from exc
    draft = Draft()
    heading = ""
    for number, item in enumerate(document.iter_inner_content(), 1):
        at = Locator(Unit.PARAGRAPH, number, number, heading)
        if hasattr(item, "rows"):
            draft.add(BlockKind.TABLE, table_text(item), at)
            continue
        text = item.text
        level = _heading_level(item)
        if level and text.strip():
            heading = " ".join(text.split())
            draft.add(BlockKind.HEADING, text, Locator(Unit.PARAGRAPH, number, number, heading), level=level)
        else:
            draft.add(BlockKind.PARAGRAPH, text, at)
    return draft


def _heading_level(paragraph: Any) -> int:
    match = _HEADING_STYLE.match(paragraph.style.name or "") if paragraph.style is not None else None
    return 0 if match is None else min(6, int(match[1] or 1))


def table_text(table: Any) -> str:
    """The rows as lines, the cells between bars; a merged cell once."""
    lines = []
    for row in table.rows:
        cells: list[str] = []
        previous = None
        for cell in row.cells:
            if cell._tc is not previous:
                cells.append(" ".join(cell.text.split()))
            previous = cell._tc
        lines.append(" | ".join(cells))
    return "\n".join(lines)
