"""Slide decks: title, body, tables and notes of each slide.

python-pptx opens the file; the text is taken from the XML below it, because its own `text` leaves out formulas, and its
`shapes` every shape that holds one.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any
from zipfile import BadZipFile

from ingest.readers.draft import Draft
from ingest.readers.office_math import FORMULA, linear
from rag.errors import UnreadableNote
from rag.settings import IngestSettings
from rag.types import BlockKind, Locator, Unit

A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_COMPATIBILITY = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_ALTERNATIVES, _CHOICE, _FALLBACK = (
    _COMPATIBILITY + name for name in ("AlternateContent", "Choice", "Fallback")
)


def read_slides(data: bytes, settings: IngestSettings) -> Draft:
    """The slides' texts.

    Raises:
        UnreadableNote: it is not a deck that can be opened, or too long.
    """
    import pptx
    from pptx.exc import PackageNotFoundError

    try:
        deck = pptx.Presentation(io.BytesIO(data))
    except (PackageNotFoundError, BadZipFile, KeyError, ValueError) as exc:
        raise UnreadableNote(f"It is not a slide deck that can be opened ({exc}).") from exc
    if len(deck.slides) > settings.max_pages:
        raise UnreadableNote(
            f"It has {len(deck.slides)} slides; at most {settings.max_pages} are read (ingest.max_pages)."
        )
    draft = Draft()
    for number, slide in enumerate(deck.slides, 1):
        _add_slide(draft, slide, number)
    return draft


def _add_slide(draft: Draft, slide: Any, number: int) -> None:
    title = slide.shapes.title
    heading = _line(title._element.iter(f"{A}p")) if title is not None else ""
    at = Locator(Unit.SLIDE, number, number, heading)
    draft.add(BlockKind.HEADING, heading, at, level=2, part=number)
    for shape in _shapes(slide.shapes._spTree):
        if title is not None and shape is title._element:
            continue
        if (table := next(shape.iter(f"{A}tbl"), None)) is not None:
            draft.add(BlockKind.TABLE, _table_text(table), at, part=number)
        else:
            lines = map(_paragraph_text, shape.iterfind(f"{P}txBody/{A}p"))
            draft.add(BlockKind.PARAGRAPH, "\n".join(line for line in lines if line), at, part=number)
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        notes = slide.notes_slide.notes_text_frame._txBody.iterfind(f"{A}p")
        draft.add(BlockKind.NOTES, "\n".join(map(_paragraph_text, notes)).strip(), at, part=number)


def _shapes(tree: Any) -> Iterator[Any]:
    """The shapes in drawing order, groups opened; of one with a copy for old programs, the shape itself."""
    for child in tree:
        if child.tag == f"{P}grpSp":
            yield from _shapes(child)
        elif child.tag == _ALTERNATIVES:
            yield from _shapes(next(child.iter(_CHOICE), ()))
        elif child.tag in {f"{P}sp", f"{P}graphicFrame"}:
            yield child


def _table_text(table: Any) -> str:
    rows = (
        " | ".join(_line(cell.iter(f"{A}p")) for cell in row.iter(f"{A}tc")) for row in table.iter(f"{A}tr")
    )
    return "\n".join(rows)


def _line(paragraphs: Iterable[Any]) -> str:
    return " ".join(filter(None, map(_paragraph_text, paragraphs)))


def _paragraph_text(paragraph: Any) -> str:
    """A paragraph's words in one line, fields and formulas with them."""
    pieces: list[str] = []
    pending = [paragraph]
    while pending:
        node = pending.pop()
        if node.tag == f"{A}t":
            pieces.append(node.text or "")
        elif node.tag == FORMULA:
            pieces.append(linear(node))
        elif node.tag == f"{A}br":
            pieces.append(" ")
        elif node.tag != _FALLBACK:
            pending.extend(reversed(node))
    return " ".join("".join(pieces).split())
