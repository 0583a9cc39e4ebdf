"""Slide decks: title, body, tables, charts, diagrams and notes of each slide.

python-pptx opens the file; the text is taken from the XML below it, because its own `text` leaves out
formulas, and its `shapes` every shape that has one. What has no text is counted by slide.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any
from zipfile import BadZipFile
from zlib import error as ZlibError  # noqa: N812 - an exception by its role

from ingest.parsers.draft import Draft
from ingest.parsers.missed import described
from ingest.parsers.office_charts import xml_root
from ingest.parsers.office_frames import Frame, frame_of, is_decorative, read_frame
from ingest.parsers.office_links import write_slide_links
from ingest.parsers.office_math import FORMULA, formula
from ingest.parsers.office_symbols import without_private
from ingest.parsers.raised import raised
from ingest.parsers.slide_text import text_of
from ingest.parsers.table_text import Cell, table_text
from rag.errors import UnreadableNote
from rag.note_warnings import WarningCode
from rag.settings import IngestSettings
from rag.types import BlockKind, Locator, Unit

A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_COMPATIBILITY = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_ALTERNATIVES, _CHOICE, _FALLBACK = (
    _COMPATIBILITY + name for name in ("AlternateContent", "Choice", "Fallback")
)
_NUMBER = re.compile(r"[1-9]\d*")
"""The baseline of raised text; lowered text has a negative one."""
_RECORDINGS = tuple(
    f"{A}{name}" for name in ("videoFile", "audioFile", "wavAudioFile", "quickTimeFile", "audioCd")
)
_LEAST_REPEATS = 3
"""Slides from which a picture that is on more than half of them is decoration. Chosen, not measured."""


def read_slides(data: bytes, settings: IngestSettings) -> Draft:
    """Return the slides' texts.

    Raises:
        UnreadableNote: it is not a deck that can be opened, or too long.
    """
    import pptx
    from lxml.etree import XMLSyntaxError
    from pptx.exc import PackageNotFoundError

    try:
        deck = pptx.Presentation(io.BytesIO(data))
        slides = list(deck.slides)
    except (
        PackageNotFoundError,
        BadZipFile,
        KeyError,
        ValueError,
        XMLSyntaxError,
        AttributeError,
        ZlibError,
    ) as exc:
        raise UnreadableNote(f"It is not a slide deck that can be opened ({exc}).") from exc
    if len(slides) > settings.max_pages:
        raise UnreadableNote(
            f"It has {len(slides)} slides; at most {settings.max_pages} are read (ingest.max_pages)."
        )
    draft = Draft(Unit.SLIDE)
    decoration = _repeated_pictures(slides)
    for number, slide in enumerate(slides, 1):
        write_slide_links(slide.part, slide._element)
        _Slide(draft, slide, number, decoration).add()
    return draft


def _repeated_pictures(slides: list[Any]) -> frozenset[str]:
    """Return the names of the picture files that are on more than half of the slides."""
    counts: Counter[str] = Counter()
    for slide in slides:
        counts.update({_picture_file(slide, blip) for blip in slide._element.iter(f"{A}blip")})
    least = max(_LEAST_REPEATS, len(slides) // 2 + 1)
    return frozenset(name for name, count in counts.items() if name and count >= least)


def _picture_file(slide: Any, blip: Any) -> str:
    relation = slide.part.rels.get(blip.get(f"{R}embed") or "")
    return "" if relation is None or relation.is_external else str(relation.target_part.partname)


class _Slide:
    """One slide while it is read into the draft."""

    def __init__(self, draft: Draft, slide: Any, number: int, decoration: frozenset[str]) -> None:
        self._draft, self._slide, self._number, self._decoration = draft, slide, number, decoration
        self._title = _title_of(slide)
        self._covered: set[Any] = set()
        heading = _line(self._title.iter(f"{A}p")) if self._title is not None else ""
        self._at = Locator(Unit.SLIDE, number, number, heading)

    def add(self) -> None:
        """Append the title, the shapes in drawing order, the notes and the comments."""
        self._block(BlockKind.HEADING, self._at.heading, level=2)
        before = len(self._draft.blocks)
        for shape in _shapes(self._slide.shapes._spTree):
            if shape is not self._title:
                self._shape(shape)
        background = self._slide._element.find(f"{P}cSld/{P}bg/{P}bgPr/{A}blipFill/{A}blip")
        if background is not None and len(self._draft.blocks) == before:
            self._picture(background, "")
        if self._slide.has_notes_slide and self._slide.notes_slide.notes_text_frame is not None:
            notes = self._slide.notes_slide.notes_text_frame._txBody.iterfind(f"{A}p")
            self._block(BlockKind.NOTES, "\n".join(map(_paragraph_text, notes)).strip())
        self._block(BlockKind.NOTES, "\n".join(self._comments()))

    def _shape(self, shape: Any) -> None:
        properties = next(shape.iter(f"{P}cNvPr"), None)
        if is_decorative(properties):
            return
        text = described(properties.get("descr") if properties is not None else "")
        if shape.tag == f"{P}grpSp":  # its shapes come after it
            self._block(BlockKind.PARAGRAPH, text)
            self._covered.update(shape.iter(f"{P}pic") if text else ())
            return
        match shape.tag.removeprefix(P):
            case "pic":
                recording = any(next(shape.iter(tag), None) is not None for tag in _RECORDINGS)
                if recording and not text:
                    self._draft.missed.add(WarningCode.MEDIA, self._number)
                elif text or shape not in self._covered:
                    self._picture(next(shape.iter(f"{A}blip"), None), text)
            case "graphicFrame":
                self._frame(shape, text)
            case "contentPart":
                self._draft.missed.add(WarningCode.DRAWINGS, self._number)
            case _:
                kind, words = text_of(list(shape.iterfind(f"{P}txBody/{A}p")), _paragraph_text)
                self._block(kind, words)
                fill = shape.find(f"{P}spPr/{A}blipFill/{A}blip")
                if text or (fill is not None and not words):
                    self._picture(fill, text)

    def _frame(self, shape: Any, text: str) -> None:
        """Append a table, a chart or a diagram."""
        if (table := next(shape.iter(f"{A}tbl"), None)) is not None:
            self._block(BlockKind.TABLE, _table_text(table))
            return
        frame = frame_of(shape)
        title, body, missing = read_frame(frame, self._slide.part) if frame else ("", "", WarningCode.OBJECTS)
        self._block(BlockKind.PARAGRAPH, title)
        self._block(BlockKind.LIST if frame and frame[0] is Frame.DIAGRAM else BlockKind.TABLE, body)
        self._block(BlockKind.PARAGRAPH, text)
        if not body and not text:
            self._draft.missed.add(missing, self._number)

    def _picture(self, blip: Any, text: str) -> None:
        """Append the description of a picture, or count the picture."""
        if text:
            self._block(BlockKind.PARAGRAPH, text)
        elif blip is None or _picture_file(self._slide, blip) not in self._decoration:
            self._draft.missed.add(WarningCode.PICTURES, self._number)

    def _comments(self) -> Iterator[str]:
        """Yield the comments on the slide, of the older and the newer kind."""
        from lxml.etree import XMLSyntaxError

        for relation in self._slide.part.rels.values():
            if relation.is_external or not relation.reltype.lower().endswith("/comments"):
                continue
            try:
                root = xml_root(relation.target_part.blob)
            except XMLSyntaxError:
                self._draft.missed.add(WarningCode.DAMAGED_PARTS, self._number, "comments")
                continue
            for element in root.iter():
                if element.tag == f"{P}text":
                    yield f"Comment: {element.text or ''}"
                elif isinstance(element.tag, str) and element.tag.endswith("}txBody"):
                    yield f"Comment: {_line(element.iter(f'{A}p'))}"

    def _block(self, kind: BlockKind, text: str, level: int = 0) -> None:
        self._draft.add(kind, text, self._at, level=level, part=self._number)


def _title_of(slide: Any) -> Any:
    """Return the element of the slide's title; None without one."""
    title = slide.shapes.title
    return None if title is None else title._element


def _shapes(tree: Any) -> Iterator[Any]:
    """Yield the shapes in drawing order, groups opened.

    Of a shape with a copy for old programs, the shape itself is taken.
    """
    for child in tree:
        if child.tag == f"{P}grpSp":
            yield child
            yield from _shapes(child)
        elif child.tag == _ALTERNATIVES:
            yield from _shapes(next(child.iter(_CHOICE), ()))
        elif child.tag in {f"{P}sp", f"{P}graphicFrame", f"{P}pic", f"{P}contentPart"}:
            yield child


def _table_text(table: Any) -> str:
    rows = []
    for row in table.iter(f"{A}tr"):
        cells = [
            Cell(_line(cell.iter(f"{A}p")), int(cell.get("gridSpan") or 1), int(cell.get("rowSpan") or 1))
            for cell in row.iter(f"{A}tc")
            if cell.get("hMerge") not in {"1", "true"} and cell.get("vMerge") not in {"1", "true"}
        ]
        rows.append(cells)
    return table_text(rows)


def _run_text(node: Any) -> str:
    """Return the text of a run: symbols as characters, powers raised."""
    properties = node.getparent().find(f"{A}rPr")
    if properties is None:
        return without_private(node.text or "")
    font = properties.find(f"{A}sym")
    text = without_private(node.text or "", "" if font is None else font.get("typeface", ""))
    return raised(text) if _NUMBER.fullmatch(properties.get("baseline") or "") else text


def _line(paragraphs: Iterable[Any]) -> str:
    return " ".join(filter(None, map(_paragraph_text, paragraphs)))


def _paragraph_text(paragraph: Any) -> str:
    """Return a paragraph's words in one line, fields and formulas with them."""
    pieces: list[str] = []
    pending = [paragraph]
    while pending:
        node = pending.pop()
        if node.tag == f"{A}t":
            pieces.append(_run_text(node))
        elif node.tag == FORMULA:
            pieces.append(formula(node))
        elif node.tag == f"{A}br":
            pieces.append(" ")
        elif node.tag != _FALLBACK:
            pending.extend(reversed(node))
    return " ".join("".join(pieces).split())
