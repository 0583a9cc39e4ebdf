"""PDF files: pages in reading order, without running heads, with a word about what could not be read."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ingest.readers.draft import Draft
from ingest.readers.ocr import OcrFailed, ocr_is_installed, ocr_page
from ingest.readers.pdf_layout import (
    body_size,
    heading_sizes,
    passages_of,
    reading_order,
    rows_of,
)
from ingest.readers.pdf_lines import PageText, page_text
from ingest.readers.pdf_margins import running_lines
from rag.errors import UnreadableNote
from rag.settings import IngestSettings
from rag.types import BlockKind, Locator, Unit

_LEAST_LETTERS = 3
_UNMAPPED_SHARE = 0.3
_OCR_SHARE = 0.7
_JUNK_TITLE = re.compile(
    r"untitled|microsoft|powerpoint|\.(docx?|pptx?|tex|dvi|indd|pdf)\b|^\W*$", re.IGNORECASE
)


def read_pdf(data: bytes, settings: IngestSettings) -> tuple[Draft, str]:
    """The pages' blocks and the file's title, empty if it has none worth the name.

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


def _read_pages(pdf: Any, most_seconds: float) -> Draft:
    deadline = time.monotonic() + _OCR_SHARE * most_seconds
    draft = Draft()
    pages, broken, scanned = [], [], []
    for number in range(1, len(pdf) + 1):
        page, needs_ocr = _page(pdf, number)
        if page is None:
            broken.append(number)
            page = PageText([], 0.0, 0.0, 0, 0)
        if needs_ocr:
            scanned.append(number)
        pages.append(page)
    pictures, given_up = _read_pictures(pdf, scanned, deadline)
    _add_pages(draft, [pictures.get(number, page) for number, page in enumerate(pages, 1)])
    _warn(draft, broken, "cannot be opened")
    _warn(draft, given_up, "holds a picture on which OCR failed")
    left = [number for number in scanned if number not in pictures and number not in given_up]
    _warn(draft, left, _needs_ocr(most_seconds))
    _warn(
        draft,
        [n for n, page in pictures.items() if not page.lines],
        "holds a picture in which OCR finds no text",
    )
    partly = [number for number, page in enumerate(pages, 1) if page.unmapped > 0 and number not in scanned]
    _warn(draft, partly, "holds symbols that the file gives no text for (parts of formulas, usually)")
    return draft


def _needs_ocr(most_seconds: float) -> str:
    """Why pages were left to OCR, and what to do: a file that did not change is not read again by itself."""
    if ocr_is_installed():
        return (
            f"needs OCR and was not read, because the pages before took the {_OCR_SHARE * most_seconds:g} seconds that OCR has "
            f"for a file (of ingest.max_seconds = {most_seconds:g}): raise ingest.max_seconds, take the document out with "
            "`lectern documents remove` and ingest it again"
        )
    return "needs OCR: holds a picture of text, or a font without letters, and no text (pip install 'lectern[ocr]')"


def _read_pictures(
    pdf: Any, numbers: Sequence[int], deadline: float
) -> tuple[dict[int, PageText], list[int]]:
    """(page number to what OCR reads there, pages on which it failed), for as many pages as there is time.

    None of either without the extra.
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


def _page(pdf: Any, number: int) -> tuple[PageText | None, bool]:
    """(the page's text or None if it is broken, whether it shows something that only OCR could read)."""
    import pypdfium2

    try:
        page = pdf[number - 1]
        text = page_text(page)
        drawn = next(iter(page.get_objects(max_depth=2)), None) is not None
    except pypdfium2.PdfiumError:
        return None, False
    letters = sum(len(line.text) for line in text.lines)
    garbled = text.unmapped > _UNMAPPED_SHARE * max(text.characters, 1)
    return text, drawn and (letters < _LEAST_LETTERS or garbled)


def _add_pages(draft: Draft, pages: Sequence[PageText]) -> None:
    """Appends every page's passages; the heading in force is carried from page to page."""
    running = running_lines(pages)
    body = body_size(pages)
    sizes = heading_sizes(pages, body)
    known_words = Counter(word for page in pages for line in page.lines for word in line.text.split())
    heading = ""
    for index, page in enumerate(pages):
        lines = [line for place, line in enumerate(page.lines) if (index, place) not in running]
        number = index + 1
        for passage in passages_of(rows_of(reading_order(page, lines)), body, sizes, known_words):
            if passage.kind is BlockKind.HEADING:
                heading = " ".join(passage.text.split())
            at = Locator(Unit.PAGE, number, number, heading)
            draft.add(passage.kind, passage.text, at, level=passage.level, part=number)


def _warn(draft: Draft, pages: Sequence[int], what: str) -> None:
    if pages:
        word = "page" if len(pages) == 1 else "pages"
        draft.warnings.append(f"{word} {_ranges(pages)}: {what}")


def _ranges(numbers: Sequence[int]) -> str:
    """`1-3, 7` for 1, 2, 3, 7."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _title(pdf: Any) -> str:
    """The title in the file's properties, unless a program wrote it there."""
    title = " ".join(str(pdf.get_metadata_value("Title") or "").split())
    return "" if _JUNK_TITLE.search(title) else title
