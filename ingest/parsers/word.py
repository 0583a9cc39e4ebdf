"""Word documents: headings, paragraphs, lists, tables, text boxes and notes.

They are in the order of the file. python-docx opens it and knows its styles; the text is taken from the XML
below it, because its own `text` leaves out content controls, tracked insertions, text boxes, formulas and the
numbers of lists. What has no text is counted by paragraph.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zipfile import BadZipFile
from zlib import error as ZlibError  # noqa: N812 - an exception by its role

from ingest.parsers.draft import Draft
from ingest.parsers.office_links import write_word_links
from ingest.parsers.office_symbols import UNKNOWN
from ingest.parsers.word_drawings import Drawn, drawings
from ingest.parsers.word_lists import ListNumbers
from ingest.parsers.word_parts import comments, margins, notes
from ingest.parsers.word_text import BOX, FALLBACK, W, paragraph_text, word_table
from rag.errors import UnreadableNote
from rag.note_warnings import WarningCode
from rag.types import BlockKind, Locator, Unit

_HEADING_STYLE = re.compile(r"heading\s*(\d)|title|subtitle", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Item:
    """A paragraph or a table in reading order, or a thing without text.

    `level` is a heading's; `listed` is True for an item of a list; `missing` is the code of a warning about
    `name`.
    """

    text: str
    kind: BlockKind = BlockKind.PARAGRAPH
    level: int = 0
    listed: bool = False
    missing: WarningCode | None = None
    name: str = ""


def read_word(data: bytes) -> Draft:
    """Return the document's body with its comments, then notes, headers and footers.

    Raises:
        UnreadableNote: it is not a Word document that can be opened.
    """
    import docx
    from docx.opc.exceptions import PackageNotFoundError
    from lxml.etree import XMLSyntaxError

    try:
        document = docx.Document(io.BytesIO(data))
        body = document.element.body
    except (
        PackageNotFoundError,
        BadZipFile,
        KeyError,
        ValueError,
        XMLSyntaxError,
        AttributeError,
        ZlibError,
    ) as exc:
        raise UnreadableNote(
            f"It is not a Word document that can be opened ({exc}); save it again as .docx."
        ) from exc
    write_word_links(document.part, body)
    draft = Draft(Unit.PARAGRAPH)
    reading = _Reading(document, comments(document, draft.missed))
    items = list(reading.items(body))
    items += [_Item(text, BlockKind.NOTES) for text in reading.comments_left()]
    items += [_Item(text, BlockKind.NOTES) for text in notes(document, draft.missed)]
    items += [_Item(text, BlockKind.NOTES) for text in margins(document, draft.missed)]
    _fill(draft, items)
    return draft


def _fill(draft: Draft, items: list[_Item]) -> None:
    """Append the items as blocks.

    The items of a list are together, each other one by itself. A place is the number of an item with text.
    """
    shown = [item for item in items if item.missing is None]
    heading, at = "", 0
    while at < len(shown):
        item, last = shown[at], at
        while item.listed and last + 1 < len(shown) and shown[last + 1].listed:
            last += 1
        if item.level:
            heading = " ".join(item.text.split())
        text = "\n".join(entry.text for entry in shown[at : last + 1])
        place = Locator(Unit.PARAGRAPH, at + 1, last + 1, heading)
        draft.add(item.kind, text, place, level=item.level)
        at = last + 1
    place_now = 0
    for item in items:
        place_now += item.missing is None
        if item.missing is not None:
            draft.missed.add(item.missing, max(1, place_now), item.name)
        elif UNKNOWN in item.text:
            draft.missed.add(WarningCode.UNMAPPED_SYMBOLS, place_now)


class _Reading:
    """The items of a document while its body is walked."""

    def __init__(self, document: Any, comments_by_number: dict[str, str]) -> None:
        self._part = document.part
        self._levels = _heading_levels(document)
        self._numbers = ListNumbers(document)
        self._comments = comments_by_number

    def items(self, parent: Any) -> Iterator[_Item]:
        """Yield the items in a body, a content control or a text box."""
        for child in parent:
            if child.tag == f"{W}p":
                yield from self._paragraph(child)
            elif child.tag == f"{W}tbl":
                yield _Item(word_table(child), BlockKind.TABLE)
                yield from self._anchored(child)
            elif child.tag == f"{W}altChunk":
                yield _Item("", missing=WarningCode.OBJECTS, name="altChunk")
            elif child.tag in {f"{W}sdt", f"{W}sdtContent", f"{W}ins", f"{W}customXml", f"{W}smartTag"}:
                yield from self.items(child)

    def comments_left(self) -> list[str]:
        """Return the comments that no paragraph refers to."""
        return list(self._comments.values())

    def _paragraph(self, element: Any) -> Iterator[_Item]:
        """Yield the paragraph if it has text, then what is anchored in it."""
        text = paragraph_text(element)
        style = element.find(f"{W}pPr/{W}pStyle")
        level = self._levels.get(style.get(f"{W}val"), 0) if style is not None else 0
        label = self._numbers.label(element, text)
        if text.strip():
            kind = BlockKind.HEADING if level else BlockKind.LIST if label else BlockKind.PARAGRAPH
            yield _Item(f"{label} {text}" if label else text, kind, level, listed=bool(label) and not level)
        yield from self._anchored(element)

    def _anchored(self, element: Any) -> Iterator[_Item]:
        """Yield the text boxes, drawings and comments of a paragraph or table."""
        for box in _boxes(element):
            yield from self.items(box)
        for drawn in drawings(element, self._part):
            yield from _drawn_items(drawn)
        for reference in element.iter(f"{W}commentReference"):
            if text := self._comments.pop(reference.get(f"{W}id") or "", ""):
                yield _Item(text, BlockKind.NOTES)


def _drawn_items(drawn: Drawn) -> Iterator[_Item]:
    if drawn.missing is not None or drawn.text:
        yield _Item(drawn.text, drawn.kind, missing=drawn.missing, name=drawn.name)


def _boxes(element: Any) -> list[Any]:
    """Return the text boxes anchored in an element.

    Copies for old programs and boxes inside others are left out.
    """
    boxes = []
    for box in element.iter(BOX):
        above = {ancestor.tag for ancestor in box.iterancestors() if ancestor is not element}
        inside = {ancestor.tag for ancestor in element.iterancestors()} | {element.tag}
        if FALLBACK not in above and (BOX not in above or BOX in inside):
            boxes.append(box)
    return boxes


def _heading_levels(document: Any) -> dict[str, int]:
    """Return style id to heading level.

    A style is a heading by its name or by the style that it is based on.
    """
    levels = {}
    for style in document.styles:
        base = style
        for _ in range(10):
            match = _HEADING_STYLE.match(getattr(base, "name", None) or "")
            if match is not None:
                levels[style.style_id] = min(6, int(match[1] or 1))
                break
            base = getattr(base, "base_style", None)
            if base is None:
                break
    return levels
