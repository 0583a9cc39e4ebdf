"""OpenDocument texts, presentations and sheets, the formats of LibreOffice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ingest.parsers.draft import Draft
from ingest.parsers.missed import described
from ingest.parsers.opendocument_text import (
    DC,
    DRAW,
    OFFICE,
    PRESENTATION,
    SVG,
    TABLE,
    T,
    box_lines,
    comment,
    flat,
    line_text,
    list_lines,
    rows,
    table_text,
)
from ingest.parsers.row_tables import add_table
from ingest.parsers.zipped import ZippedParts
from rag.errors import UnreadableNote
from rag.note_warnings import WarningCode
from rag.settings import IngestSettings
from rag.types import BlockKind, Locator, Unit

_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_COUNTING_WORDS = 4
"""Words up to which a margin with a page number only counts pages. Chosen, not measured."""
_XLINK = "{http://www.w3.org/1999/xlink}"
_MATH = "{http://www.w3.org/1998/Math/MathML}"
_WRAPPERS = frozenset((f"{T}section", f"{T}index-body", f"{T}list-header", f"{T}numbered-paragraph"))
_SHAPES = tuple(
    f"{DRAW}{name}"
    for name in "frame custom-shape rect ellipse circle line connector measure polygon polyline path regular-polygon caption".split()
)
_PAGE_FIELDS = (f"{T}page-number", f"{T}page-count")
_INDEXES = re.compile(
    re.escape(T) + r"(?:table-of-content|alphabetical-index|illustration-index|table-index)"
)


def read_text(data: bytes, settings: IngestSettings) -> tuple[Draft, str]:
    """Return the blocks of an .odt file in reading order, and its title.

    Raises:
        UnreadableNote: it is not an OpenDocument text that can be opened.
    """
    parts, body = _opened(data, settings, "text")
    page = _Text(parts)
    page.walk(body)
    page.add_margins()
    return page.draft, _title(parts)


def read_presentation(data: bytes, settings: IngestSettings) -> tuple[Draft, str]:
    """Return the slides of an .odp file with tables and notes, and its title.

    Raises:
        UnreadableNote: it is not a presentation that can be opened, or too long.
    """
    parts, body = _opened(data, settings, "presentation")
    slides = body.findall(f"{DRAW}page")
    if len(slides) > settings.max_pages:
        raise UnreadableNote(
            f"It has {len(slides)} slides; at most {settings.max_pages} are read (ingest.max_pages)."
        )
    draft = Draft(Unit.SLIDE)
    for number, slide in enumerate(slides, 1):
        _Slide(parts, draft, number).read(slide)
    return draft, _title(parts)


def read_sheets(data: bytes, settings: IngestSettings) -> tuple[Draft, str]:
    """Return the sheets of an .ods file with their row numbers, and its title.

    Raises:
        UnreadableNote: it is not a spreadsheet that can be opened.
    """
    parts, body = _opened(data, settings, "spreadsheet")
    draft = Draft(Unit.ROW)
    for part, table in enumerate(body.iter(f"{TABLE}table"), 1):
        name = table.get(f"{TABLE}name", "")
        draft.add(BlockKind.HEADING, name, Locator(Unit.ROW, 1, 1, name), level=2, part=part)
        add_table(draft, list(rows(table)), name, part)
        for number, note in _annotations(table):
            draft.add(BlockKind.NOTES, note, Locator(Unit.ROW, number, number, name), part=part)
        _add_shapes(draft, table, parts, Locator(Unit.ROW, 1, 1, name), part)
    return draft, _title(parts)


class _Text:
    """The blocks of a text while its elements are walked."""

    def __init__(self, parts: ZippedParts) -> None:
        self.draft = Draft(Unit.PARAGRAPH)
        self._parts = parts
        self._heading = ""
        self._number = 0
        self._notes: list[str] = []

    def walk(self, element: Any) -> None:
        """Add the contents of a body, a section or a text box, then its notes."""
        for child in element:
            if child.tag == f"{T}h":
                level = int(child.get(f"{T}outline-level") or 1)
                self._add(BlockKind.HEADING, line_text(child), min(6, max(1, level)))
            elif child.tag == f"{T}p":
                self._add(BlockKind.PARAGRAPH, line_text(child))
            elif child.tag == f"{T}list":
                self._add(BlockKind.LIST, "\n".join(list_lines(child)))
            elif child.tag == f"{TABLE}table":
                self._add(BlockKind.TABLE, table_text(child))
            elif child.tag in _WRAPPERS:
                self.walk(child)
            elif isinstance(child.tag, str) and _INDEXES.fullmatch(child.tag):
                continue  # the headings once more
            self._surroundings(child)

    def add_margins(self) -> None:
        """Add the texts of headers and footers, each once, but for those that count pages."""
        if "styles.xml" not in self._parts.names:
            return
        names = [f"{_STYLE}{name}{side}" for name in ("header", "footer") for side in ("", "-first", "-left")]
        margins = list(self._parts.xml("styles.xml").iter(*names))
        counting = [one for one in margins if next(one.iter(*_PAGE_FIELDS), None) is not None]
        texts = (
            flat(one) for one in margins if one not in counting or len(flat(one).split()) > _COUNTING_WORDS
        )
        for text in dict.fromkeys(filter(None, texts)):
            self._add(BlockKind.NOTES, text)

    def _surroundings(self, element: Any) -> None:
        """Add the notes, comments and frames that are anchored in an element."""
        if element.tag in _WRAPPERS:
            return
        for node in element.iter(f"{T}note", f"{OFFICE}annotation", f"{DRAW}frame"):
            if node.tag == f"{DRAW}frame":
                self._frame(node)
            elif node.tag == f"{T}note":
                mark = line_text(node.find(f"{T}note-citation"))
                body = node.find(f"{T}note-body")
                self._add(BlockKind.NOTES, f"[{mark}] {flat(body)}")
            else:
                self._add(BlockKind.NOTES, comment(node))

    def _frame(self, frame: Any) -> None:
        if next(frame.iterancestors(f"{DRAW}frame"), None) is not None:
            return  # read with the outer one
        for box in frame.iterfind(f"{DRAW}text-box"):
            self.walk(box)
        if (text := _picture(frame, self._parts)) is None:
            self.draft.missed.add(_code(frame), self._number + 1)
        else:
            self._add(BlockKind.PARAGRAPH, text)

    def _add(self, kind: BlockKind, text: str, level: int = 0) -> None:
        if not text.strip():
            return
        if kind is BlockKind.HEADING:
            self._heading = " ".join(text.split())
        self._number += 1
        self.draft.add(
            kind, text, Locator(Unit.PARAGRAPH, self._number, self._number, self._heading), level=level
        )


class _Slide:
    """The blocks of a slide."""

    def __init__(self, parts: ZippedParts, draft: Draft, number: int) -> None:
        self._parts, self._draft, self._number = parts, draft, number
        self._at = Locator(Unit.SLIDE, number, number)

    def read(self, slide: Any) -> None:
        """Add the title, then the other shapes in drawing order, then the notes."""
        notes = slide.find(f"{PRESENTATION}notes")
        frames = [node for node in slide.iter(*_SHAPES) if not _is_under(node, notes)]
        title = next((one for one in frames if one.get(f"{PRESENTATION}class") == "title"), None)
        heading = "" if title is None else " ".join(map(line_text, title.iter(f"{T}p", f"{T}h")))
        self._at = Locator(Unit.SLIDE, self._number, self._number, " ".join(heading.split()))
        self._draft.add(BlockKind.HEADING, heading, self._at, level=2, part=self._number)
        for frame in frames:
            if frame is not title:
                self._shape(frame)
        for node in slide.iter(f"{OFFICE}annotation"):
            self._draft.add(BlockKind.NOTES, comment(node), self._at, part=self._number)
        if notes is not None:
            lines = [line_text(one) for one in notes.iter(f"{T}p")]
            self._draft.add(BlockKind.NOTES, "\n".join(filter(None, lines)), self._at, part=self._number)

    def _shape(self, shape: Any) -> None:
        if (table := next(shape.iter(f"{TABLE}table"), None)) is not None:
            self._draft.add(BlockKind.TABLE, table_text(table), self._at, part=self._number)
            return
        boxes = shape.findall(f"{DRAW}text-box") or [shape]
        lines = [line for box in boxes for line in box_lines(box)]
        self._draft.add(BlockKind.PARAGRAPH, "\n".join(lines), self._at, part=self._number)
        if shape.tag == f"{DRAW}frame":
            if (text := _picture(shape, self._parts)) is None:
                self._draft.missed.add(_code(shape), self._number)
            else:
                self._draft.add(BlockKind.PARAGRAPH, text, self._at, part=self._number)


def _opened(data: bytes, settings: IngestSettings, kind: str) -> tuple[ZippedParts, Any]:
    """Return (parts, body element).

    Raises:
        UnreadableNote: it is not an OpenDocument file of that kind, or has a password.
    """
    what = f"an OpenDocument {kind}"
    parts = ZippedParts(data, what, settings.max_file_bytes)
    if "META-INF/manifest.xml" in parts.names and b"encryption-data" in parts.read("META-INF/manifest.xml"):
        raise UnreadableNote("It has a password; save it without one.")
    body = parts.xml("content.xml").find(f"{OFFICE}body/{OFFICE}{kind}")
    if body is None:
        raise UnreadableNote(f"It is not {what}: there is no such body in its content.xml.")
    return parts, body


def _title(parts: ZippedParts) -> str:
    if "meta.xml" not in parts.names:
        return ""
    return " ".join((parts.xml("meta.xml").findtext(f".//{DC}title") or "").split())


def _annotations(table: Any) -> Iterator[tuple[int, str]]:
    """Yield the row number and the text of each comment in a sheet."""
    number = 1
    for row in table.iter(f"{TABLE}table-row"):
        for node in row.iter(f"{OFFICE}annotation"):
            yield number, comment(node)
        number += int(row.get(f"{TABLE}number-rows-repeated") or 1)


def _add_shapes(draft: Draft, table: Any, parts: ZippedParts, at: Locator, part: int) -> None:
    """Append the text of boxes and shapes over the cells; pictures are counted."""
    for shape in table.iter(*_SHAPES):
        boxes = shape.findall(f"{DRAW}text-box") or [shape]
        draft.add(
            BlockKind.PARAGRAPH, "\n".join(line for box in boxes for line in box_lines(box)), at, part=part
        )
        if shape.tag == f"{DRAW}frame":
            if (text := _picture(shape, parts)) is None:
                draft.missed.add(_code(shape), 0)
            else:
                draft.add(BlockKind.PARAGRAPH, text, at, part=part)


def _picture(frame: Any, parts: ZippedParts) -> str | None:
    """Return the description of a picture or the text of a formula.

    Empty for a frame of text; None for one that shows something without text.
    """
    shown = frame.find(f"{DRAW}image"), frame.find(f"{DRAW}object"), frame.find(f"{DRAW}plugin")
    if all(one is None for one in shown):
        return ""
    words = (described(frame.findtext(f"{SVG}{name}")) for name in ("title", "desc"))
    if text := " - ".join(filter(None, words)):
        return text
    return _formula(shown[1], parts) or None


def _formula(element: Any | None, parts: ZippedParts) -> str:
    """Return the text that a formula was written as; empty for another object."""
    if element is None:
        return ""
    name = f"{(element.get(f'{_XLINK}href') or '').removeprefix('./')}/content.xml"
    math = element.find(f".//{_MATH}annotation")
    if math is None and name in parts.names:
        math = parts.xml(name).find(f".//{_MATH}annotation")
    return "" if math is None else (math.text or "").strip()


def _code(frame: Any) -> WarningCode:
    if frame.find(f"{DRAW}plugin") is not None:
        return WarningCode.MEDIA
    return WarningCode.OBJECTS if frame.find(f"{DRAW}object") is not None else WarningCode.PICTURES


def _is_under(node: Any, above: Any | None) -> bool:
    return above is not None and any(one is above for one in node.iterancestors())
