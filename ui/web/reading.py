"""The source viewer: a passage of an answer in its document."""

from __future__ import annotations

from markupsafe import Markup

from rag.library.rows import DocumentRecord
from rag.types import Chunk, Document, DocumentKind
from ui.web.cell_pictures import cell_pictures
from ui.web.conversation import Exchange
from ui.web.desk import Desk
from ui.web.page_pictures import PagePicture, PagePictures
from ui.web.views.document_parts import Part, parts_of, shown_parts
from ui.web.views.document_view import Place, document_html, gone_html
from ui.web.views.highlight import highlights

MOST_PARTS = 40
"""Parts that are shown at once; the rest is a step away."""
_MOST_PAGES = 6
"""Pages of a PDF that are shown as pictures at once; of more the text is shown."""


class Reading:
    """The views of documents, with the pictures of their pages."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._pages = PagePictures()

    def view(self, exchange: Exchange, number: int, first: int | None, last: int | None) -> Markup:
        """Return the document of a passage of an exchange, empty without it.

        `first` and `last` are the indices of the parts to show; None for those with the passage and their neighbours,
        of a PDF for its page.
        """
        if not 1 <= number <= len(exchange.hits):
            return Markup()
        chunk = exchange.hits[number - 1].chunk
        document = self._desk.document(chunk.document)
        if document is None or document.text[chunk.start : chunk.end] != chunk.text:
            return gone_html(exchange.id, chunk.document)
        parts = parts_of(document)
        start, end = shown_parts(parts, (chunk.start, chunk.end))
        around = 0 if document.kind is DocumentKind.PDF else 1
        first = min(max(start - around if first is None else first, 0), start)
        last = max(min(end + around if last is None else last, len(parts) - 1), end)
        place = Place(
            exchange.id,
            number,
            str(chunk.locator),
            (chunk.start, chunk.end),
            tuple((a + chunk.start, b + chunk.start) for a, b in _quotes(exchange, number, chunk)),
            max(first, end - MOST_PARTS),
            min(last, start + MOST_PARTS),
            len(parts),
        )
        record = next((each for each in self._desk.library.documents() if each.path == document.path), None)
        pages = self._pictures(document, record, parts, place)
        cells = cell_pictures(record) if record and document.kind is DocumentKind.NOTEBOOK else {}
        return document_html(document, parts, place, pages, cells)

    def _pictures(
        self, document: Document, record: DocumentRecord | None, parts: tuple[Part, ...], place: Place
    ) -> dict[int, PagePicture]:
        shown = parts[place.first : place.last + 1]
        if document.kind is not DocumentKind.PDF or record is None or len(shown) > _MOST_PAGES:
            return {}
        pictures = {}
        for part in shown:
            on_page = [
                document.text[max(a, part.start) : min(b, part.end)]
                for a, b in place.quotes or (place.passage,)
                if a < part.end and part.start < b
            ]
            picture = self._pages.of(record, part.number, on_page)
            if picture is not None:
                pictures[part.number] = picture
        return pictures


def _quotes(exchange: Exchange, number: int, chunk: Chunk) -> list[tuple[int, int]]:
    return highlights(exchange.answer, number, chunk) if exchange.answer else []
