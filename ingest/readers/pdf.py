"""PDF files, page by page."""

from __future__ import annotations

from typing import Any

from ingest.readers.draft import Draft
from rag.errors import UnreadableNote
from rag.settings import IngestSettings
from rag.types import BlockKind, Locator, Unit


def read_pdf(data: bytes, settings: IngestSettings) -> Draft:
    """The text of each page.

    Raises:
        UnreadableNote: it is encrypted with a password, broken, or too long.
    """
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as exc:
        if "password" in str(exc).lower():
            raise UnreadableNote(
                "It is encrypted with a password; save a copy without one and ingest that."
            ) from exc
        raise UnreadableNote(f"It is not a PDF that can be opened ({exc}).") from exc
    if len(pdf) > settings.max_pages:
        raise UnreadableNote(
            f"It has {len(pdf)} pages; at most {settings.max_pages} are read (ingest.max_pages)."
        )
    draft = Draft()
    for number in range(1, len(pdf) + 1):
        _add_page(draft, pdf[number - 1], number)
    return draft


def _add_page(draft: Draft, page: Any, number: int) -> None:
    text = page.get_textpage().get_text_range().replace("\r\n", "\n")
    for paragraph in text.split("\n\n"):
        draft.add(BlockKind.PARAGRAPH, paragraph, Locator(Unit.PAGE, number, number), part=number)
