"""A passage made from its parts, for reading from disk and for tests."""

from __future__ import annotations

from rag.types import Chunk, Locator, Unit, chunk_id


def passage(document: str, ordinal: int, text: str, title: str, headings: tuple[str, ...] = ()) -> Chunk:
    """A chunk whose span counts from 0 and whose locator counts paragraphs."""
    return Chunk(
        id=chunk_id(document, ordinal, text),
        document=document,
        ordinal=ordinal,
        start=0,
        end=len(text),
        text=text,
        locator=Locator(Unit.PARAGRAPH, ordinal + 1, ordinal + 1),
        title=title,
        headings=headings,
    )
