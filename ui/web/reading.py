"""The source viewer: a passage of an answer in its document."""

from __future__ import annotations

from dataclasses import replace

from markupsafe import Markup

from rag.library.rows import DocumentRecord
from rag.types import Chunk, Document, DocumentKind
from ui.web.cell_pictures import cell_pictures
from ui.web.conversation import Exchange
from ui.web.desk import Desk
from ui.web.html_pictures import html_pictures
from ui.web.language import gettext as _
from ui.web.note_pictures import NotePictures, PictureFile, read_picture
from ui.web.page_pictures import PagePicture, PagePictures
from ui.web.slide_decks import Deck, Making, SlideDecks
from ui.web.views.document_parts import Part, parts_of, shown_parts
from ui.web.views.document_view import Pictured, Place, document_html, gone_html
from ui.web.views.highlight import highlights
from ui.web.views.note_images import Picture

MOST_PARTS = 40
"""Parts that are shown at once; the rest is a step away."""
_MOST_PAGES = 6
"""Pages and slides that are shown as pictures at once; of more the text is shown."""


class Reading:
    """The views of documents, with the pictures of their pages and of the notes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._pages, self._notes = PagePictures(), NotePictures()
        library = desk.library
        self._decks = SlideDecks(library.folder, desk.settings.ingest, library.documents)

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
        return document_html(document, parts, place, self._pictured(document, parts, place))

    def picture(self, key: str) -> PictureFile | None:
        """Return a picture of the notes that a view shows.

        None of a key that no view made, and once its document was removed.
        """
        shown = self._notes.shown(key)
        if shown is None:
            return None
        record = next((each for each in self._desk.library.documents() if each.source == shown[0]), None)
        return read_picture(record, shown[1]) if record is not None else None

    def _pictured(self, document: Document, parts: tuple[Part, ...], place: Place) -> Pictured:
        """Return the pictures of the parts that a place shows."""
        record = next((each for each in self._desk.library.documents() if each.path == document.path), None)
        if record is None:
            return Pictured()
        shown = parts[place.first : place.last + 1]
        match document.kind:
            case DocumentKind.PDF | DocumentKind.SLIDES if len(shown) <= _MOST_PAGES:
                deck = self._decks.of(record)
                pages = self._drawn(document, record, deck, shown, place)
                return Pictured(pages, under_way=deck.state is Making.UNDER_WAY)
            case DocumentKind.MARKDOWN:
                return Pictured(inside=lambda name: self._notes.of(record, name))
            case DocumentKind.NOTEBOOK:
                return self._of_notebook(record, shown)
            case DocumentKind.HTML:
                return Pictured(after=self._of_page(document, record, shown))
        return Pictured()

    def _drawn(
        self, document: Document, record: DocumentRecord, deck: Deck, shown: tuple[Part, ...], place: Place
    ) -> dict[int, PagePicture]:
        pictures = {}
        for part in shown:
            on_page = [
                document.text[max(a, part.start) : min(b, part.end)]
                for a, b in place.quotes or (place.passage,)
                if a < part.end and part.start < b
            ]
            if document.kind is DocumentKind.SLIDES:
                picture = self._pages.of_deck(deck, part.number, on_page)
            else:
                picture = self._pages.of(record, part.number, on_page)
            if picture is not None:
                pictures[part.number] = picture
        return pictures

    def _of_notebook(self, record: DocumentRecord, shown: tuple[Part, ...]) -> Pictured:
        cells = cell_pictures(record)
        printed = {
            part.start: [
                Picture(address, _("Picture %(n)s printed by: %(part)s", n=number, part=part.name))
                for number, address in enumerate(cells.printed.get(part.number, ()), 1)
            ]
            for part in shown
        }

        def inside(name: str) -> Picture | None:
            attached = cells.attached.get(name)
            return Picture(attached) if attached else self._notes.of(record, name)

        return Pictured(after=printed, inside=inside)

    def _of_page(
        self, document: Document, record: DocumentRecord, shown: tuple[Part, ...]
    ) -> dict[int, list[Picture]]:
        found: dict[int, list[Picture]] = {}
        for place in html_pictures(record, document.text):
            part = next((each for each in shown if each.start <= place.at < each.end), None)
            picture = self._notes.of(record, place.name) if part is not None else None
            if part is not None and picture is not None:
                description = place.description or _("picture without description")
                found.setdefault(part.start, []).append(replace(picture, description=description))
        return found


def _quotes(exchange: Exchange, number: int, chunk: Chunk) -> list[tuple[int, int]]:
    return highlights(exchange.answer, number, chunk) if exchange.answer else []
