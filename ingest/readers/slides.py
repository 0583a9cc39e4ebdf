"""Slide decks: title, body, tables and notes of each slide."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any
from zipfile import BadZipFile

from ingest.readers.draft import Draft
from rag.errors import UnreadableNote
from rag.settings import IngestSettings
from rag.types import BlockKind, Locator, Unit


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
    heading = " ".join(title.text_frame.text.split()) if title is not None and title.has_text_frame else ""
    at = Locator(Unit.SLIDE, number, number, heading)
    draft.add(BlockKind.HEADING, heading, at, level=2, part=number)
    for shape in _shapes(slide.shapes):
        if title is not None and shape.shape_id == title.shape_id:
            continue
        if getattr(shape, "has_table", False):
            rows = (" | ".join(" ".join(cell.text.split()) for cell in row.cells) for row in shape.table.rows)
            draft.add(BlockKind.TABLE, "\n".join(rows), at, part=number)
        elif shape.has_text_frame:
            lines = (" ".join(paragraph.text.split()) for paragraph in shape.text_frame.paragraphs)
            draft.add(BlockKind.PARAGRAPH, "\n".join(line for line in lines if line), at, part=number)
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        draft.add(BlockKind.NOTES, slide.notes_slide.notes_text_frame.text, at, part=number)


def _shapes(shapes: Any) -> Iterator[Any]:
    """The shapes in drawing order, groups opened."""
    for shape in shapes:
        if hasattr(shape, "shapes"):
            yield from _shapes(shape.shapes)
        else:
            yield shape
