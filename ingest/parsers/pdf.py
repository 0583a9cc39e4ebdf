"""PDF files: pages in reading order without running heads, marks, form fields."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ingest.extras import ocr_is_installed
from ingest.parsers.draft import Draft
from ingest.parsers.missed import described
from ingest.parsers.ocr import OcrFailed, ocr_page
from ingest.parsers.pdf_annotations import Marks, described_pictures, page_marks
from ingest.parsers.pdf_code import forget_typewriting
from ingest.parsers.pdf_hyphens import known_words
from ingest.parsers.pdf_layout import (
    body_size,
    heading_sizes,
    passages_of,
    reading_order,
    rows_of,
)
from ingest.parsers.pdf_lines import PageText, page_text
from ingest.parsers.pdf_margins import running_lines
from ingest.parsers.pdf_pictures import Picture, is_broken_formula, page_pictures, without_decoration
from rag.errors import UnreadableNote
from rag.note_warnings import OCR_SHARE, NoteWarning, WarningCode
from rag.settings import IngestSettings
from rag.types import BlockKind, Locator, Unit

_LEAST_LETTERS = 3
"""Letters below which a page with drawings needs OCR: a page number is no text."""
_UNMAPPED_SHARE = 0.3
"""Share of characters without a text from which a page needs OCR. Chosen, not measured."""
_JUNK_TITLE = re.compile(
    r"untitled|microsoft|powerpoint|\.(docx?|pptx?|tex|dvi|indd|pdf)\b|^\W*$", re.IGNORECASE
)


def read_pdf(data: bytes, settings: IngestSettings) -> tuple[Draft, str]:
    """Return the pages' blocks and the file's title, empty if it has no real one.

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
    try:
        if len(pdf) > settings.max_pages:
            raise UnreadableNote(
                f"It has {len(pdf)} pages; at most {settings.max_pages} are read (ingest.max_pages)."
            )
        return _read_pages(pdf, settings.max_seconds), _title(pdf)
    finally:
        pdf.close()


@dataclass(frozen=True, slots=True)
class _Page:
    """A page before its lines are blocks; `text` is None if it is broken."""

    text: PageText | None
    needs_ocr: bool = False
    label: str = ""
    marks: Marks = field(default_factory=Marks)
    pictures: tuple[Picture, ...] = ()
    described: tuple[str, ...] = ()


_NO_TEXT = PageText([], 0.0, 0.0, 0, 0)


def _read_pages(pdf: Any, most_seconds: float) -> Draft:
    deadline = time.monotonic() + OCR_SHARE * most_seconds
    draft = Draft(Unit.PAGE)
    pdf.init_forms()
    pages = [_page(pdf, number) for number in range(1, len(pdf) + 1)]
    scanned = [number for number, page in enumerate(pages, 1) if page.needs_ocr]
    pictures, given_up = _read_pictures(pdf, scanned, deadline)
    add_pages(draft, [pictures.get(n, page.text or _NO_TEXT) for n, page in enumerate(pages, 1)], pages)
    _count_missed(draft, pages)
    for number in range(pdf.count_attachments()):
        draft.missed.add(WarningCode.ATTACHMENTS, 0, _attached(pdf, number))
    left = [number for number in scanned if number not in pictures and number not in given_up]
    late = WarningCode.OCR_TIME if ocr_is_installed() else WarningCode.OCR_MISSING
    found = (
        NoteWarning(
            WarningCode.BROKEN_PAGES, tuple(n for n, page in enumerate(pages, 1) if page.text is None)
        ),
        NoteWarning(WarningCode.OCR_FAILED, tuple(given_up)),
        NoteWarning(late, tuple(left), seconds=most_seconds if late is WarningCode.OCR_TIME else 0.0),
        NoteWarning(WarningCode.OCR_EMPTY, tuple(n for n, page in pictures.items() if not page.lines)),
        NoteWarning(
            WarningCode.UNMAPPED_SYMBOLS,
            tuple(
                n
                for n, page in enumerate(pages, 1)
                if page.text and page.text.unmapped and not page.needs_ocr
            ),
        ),
    )
    draft.warnings += [warning for warning in found if warning.places]
    return draft


def _attached(pdf: Any, number: int) -> str:
    """Return the name of a file inside the PDF; empty where it cannot be read."""
    import pypdfium2

    try:
        return " ".join(str(pdf.get_attachment(number).get_name()).split())
    except pypdfium2.PdfiumError:
        return ""


def _count_missed(draft: Draft, pages: Sequence[_Page]) -> None:
    """Count the pictures without a description, and the marks without text."""
    shown = without_decoration([page.pictures for page in pages])
    for number, (page, pictures) in enumerate(zip(pages, shown, strict=True), 1):
        for _ in range(0 if page.needs_ocr else max(0, pictures - len(page.described))):
            draft.missed.add(WarningCode.PICTURES, number)
        for code in page.marks.missing:
            draft.missed.add(code, number)


def _read_pictures(
    pdf: Any, numbers: Sequence[int], deadline: float
) -> tuple[dict[int, PageText], list[int]]:
    """Return (page number to its OCR text, pages on which OCR failed).

    As many pages are read as there is time. Both are empty without the extra `ocr`.
    """
    found: dict[int, PageText] = {}
    failed: list[int] = []
    for number in numbers if ocr_is_installed() else ():
        if time.monotonic() > deadline:
            break
        try:
            found[number] = ocr_page(pdf[number - 1])
        except OcrFailed:
            failed.append(number)
    return found, failed


def _page(pdf: Any, number: int) -> _Page:
    """Return a page with its text, marks and pictures."""
    import pypdfium2

    try:
        page = pdf[number - 1]
        text = page_text(page)
        drawn = next(iter(page.get_objects(max_depth=2)), None) is not None
        letters = sum(len(line.text) for line in text.lines)
        garbled = text.unmapped > _UNMAPPED_SHARE * max(text.characters, 1)
        needs_ocr = drawn and (letters < _LEAST_LETTERS or garbled)
        descriptions = tuple(filter(None, map(described, described_pictures(page))))
        return _Page(
            text,
            needs_ocr,
            _label(pdf, number),
            page_marks(pdf, page),
            page_pictures(page, text),
            descriptions,
        )
    except pypdfium2.PdfiumError:
        return _Page(None)


def _label(pdf: Any, number: int) -> str:
    """Return the number that a page shows where it is not its number in the file."""
    label = " ".join(str(pdf.get_page_label(number - 1) or "").split())
    return "" if label == str(number) else label


def add_pages(draft: Draft, texts: Sequence[PageText], read: Sequence[_Page] = ()) -> None:
    """Append every page's passages and marks; a heading applies to later pages too.

    `read` are the pages of a PDF; pages that are pictures have a text alone.
    """
    pages = read or [_Page(text) for text in texts]
    forget_typewriting(texts)
    running = running_lines(texts)
    body = body_size(texts)
    sizes = heading_sizes(texts, body)
    known = known_words(line.text for text in texts for line in text.lines)
    heading = ""
    for index, (page, text) in enumerate(zip(pages, texts, strict=True)):
        lines = [line for place, line in enumerate(text.lines) if (index, place) not in running]
        number = index + 1
        for passage in passages_of(rows_of(reading_order(text, lines)), body, sizes, known):
            if passage.kind is BlockKind.HEADING:
                heading = " ".join(passage.text.split())
            elif passage.kind is not BlockKind.CODE and is_broken_formula(passage.text):
                draft.missed.add(WarningCode.FORMULAS, number)
            at = Locator(Unit.PAGE, number, number, heading, page.label)
            draft.add(passage.kind, passage.text, at, level=passage.level, part=number)
        at = Locator(Unit.PAGE, number, number, heading, page.label)
        for description in page.described:
            draft.add(BlockKind.PARAGRAPH, description, at, part=number)
        draft.add(BlockKind.LIST, "\n".join(f"- {field}" for field in page.marks.fields), at, part=number)
        for note in page.marks.notes:
            draft.add(BlockKind.NOTES, note, at, part=number)


def _title(pdf: Any) -> str:
    """Return the title in the file's properties, unless a program wrote it there."""
    title = " ".join(str(pdf.get_metadata_value("Title") or "").split())
    return "" if _JUNK_TITLE.search(title) else title
