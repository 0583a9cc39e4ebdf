"""A document with the passage of an answer marked in its place, as HTML.

Markdown is rendered with the pictures of the notes, code has colours, a notebook's cells have their pictures, and a page of a
PDF or a slide is a picture with the quotes marked. Everything is inert: pictures are data of the library's own files, or have
addresses of our own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from rag.aliases import Span
from rag.types import Document
from ui.web.page_pictures import PagePicture
from ui.web.views.document_parts import Part
from ui.web.views.highlight import clipped
from ui.web.views.note_images import Picture, Pictures, no_pictures
from ui.web.views.passage_view import layout_between, passage_html
from ui.web.views.quote_view import with_copy
from ui.web.views.render import render


@dataclass(frozen=True, slots=True)
class Place:
    """The passage `number` of an exchange and the parts that are shown.

    `passage` is its span in the document, `quotes` the spans that the answer rests on. `first` and `last` are indices of parts,
    inclusive, of `count` in all.
    """

    exchange: str
    number: int
    locator: str
    passage: Span
    quotes: tuple[Span, ...]
    first: int
    last: int
    count: int


@dataclass(frozen=True, slots=True)
class Pictured:
    """The pictures of a document.

    `pages` maps numbers of pages and slides to their pictures, `after` the starts of parts to the pictures below them, and
    `inside` names in the text. While `under_way` those of slides are being made.
    """

    pages: Mapping[int, PagePicture] = field(default_factory=dict)
    after: Mapping[int, Sequence[Picture]] = field(default_factory=dict)
    inside: Pictures = no_pictures
    under_way: bool = False


def document_html(
    document: Document, parts: Sequence[Part], place: Place, pictured: Pictured | None = None
) -> Markup:
    """Return the parts of a document that a place shows, with the ways to the others."""
    pictured = pictured or Pictured()
    shown = [
        {
            "name": part.name,
            "html": with_copy(_part_html(document, part, place, pictured.inside)),
            "page": pictured.pages.get(part.number),
            "pictures": pictured.after.get(part.start, ()),
        }
        for part in parts[place.first : place.last + 1]
    ]
    return render("document", document=document, place=place, parts=shown, under_way=pictured.under_way)


def gone_html(exchange: str, document: str) -> Markup:
    """Return the viewer for a document that is not in the library any more."""
    return render("document_gone", exchange=exchange, document=document)


def _part_html(document: Document, part: Part, place: Place, pictures: Pictures) -> Markup:
    """Return a part in three pieces: before the passage, the passage, and after it."""
    start, end = (min(max(at, part.start), part.end) for at in place.passage)
    before, inside, after = (
        _piece(document, piece, place.quotes, pictures)
        for piece in ((part.start, start), (start, end), (end, part.end))
    )
    return before + (render("passage_place", html=inside) if start < end else Markup()) + after


def _piece(document: Document, piece: Span, quotes: Sequence[Span], pictures: Pictures) -> Markup:
    start, end = piece
    if not document.text[start:end].strip():
        return Markup()
    layout = layout_between(document, start, end)
    return passage_html(document.text[start:end], layout, clipped(quotes, start, end), pictures)
