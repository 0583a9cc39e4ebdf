"""Pictures and broken formulas of a PDF's pages."""

from __future__ import annotations

import ctypes
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ingest.parsers.pdf_lines import PageText

_LEAST_POINTS = 60.0
"""Least width and height of a picture that is no icon, in points. Chosen, not measured."""
_MOST_OBJECTS = 20_000
"""Most objects of a page that are looked at. Chosen, not measured."""
_DEEPEST = 2
_TEXT_LETTERS = 20
"""Letters in a picture from which it is a background or a scan with its text."""
_REPEATED_SHARE, _LEAST_REPEATS = 0.5, 3
"""Share and number of pages from which a picture in one place is decoration."""
_MATHS = re.compile(r"[=<>≤≥≈∑∏∫√∂∇∈∀∃→⇒±×·∞\ue000-\uf8ff⎛-⎳\U0001d400-\U0001d7ff]")
_LEAST_TOKENS, _SHORT_SHARE = 8, 0.7
"""Least tokens of a broken formula, and its share of tokens of one or two letters."""

Box = tuple[float, float, float, float]
"""Left, bottom, right and top in points."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture on a page, by its place."""

    box: Box

    @property
    def key(self) -> tuple[int, ...]:
        """The place in steps of four points, equal for a picture repeated on many pages."""
        return tuple(round(side / 4) for side in self.box)


def page_pictures(page: Any, text: PageText) -> tuple[Picture, ...]:
    """Return the pictures of a page that have no text in them, icons left out."""
    found = [Picture(box) for box in _boxes(page)]
    return tuple(picture for picture in found if _letters_inside(text, picture.box) < _TEXT_LETTERS)


def without_decoration(pages: Sequence[Sequence[Picture]]) -> list[int]:
    """Return the number of pictures of each page, those of most pages left out."""
    counts = Counter(key for pictures in pages for key in {picture.key for picture in pictures})
    least = max(_LEAST_REPEATS, _REPEATED_SHARE * len(pages))
    return [sum(counts[picture.key] < least for picture in pictures) for pictures in pages]


def is_broken_formula(text: str) -> bool:
    """Return whether a passage is loose parts of a formula: signs and single letters."""
    tokens = text.split()
    if len(tokens) < _LEAST_TOKENS or not _MATHS.search(text):
        return False
    return sum(len(token) <= 2 for token in tokens) >= _SHORT_SHARE * len(tokens)


def _boxes(page: Any) -> Iterator[Box]:
    """Yield the boxes of the page's pictures."""
    import pypdfium2.raw as pdfium

    sides = [ctypes.c_float() for _ in range(4)]
    pending = [(page, False, 0)]
    seen = 0
    while pending:
        holder, is_form, depth = pending.pop()
        count = pdfium.FPDFFormObj_CountObjects(holder) if is_form else pdfium.FPDFPage_CountObjects(holder)
        for index in range(max(0, count)):
            seen += 1
            if seen > _MOST_OBJECTS:
                return
            one = (
                pdfium.FPDFFormObj_GetObject(holder, index)
                if is_form
                else pdfium.FPDFPage_GetObject(holder, index)
            )
            kind = pdfium.FPDFPageObj_GetType(one)
            if kind == pdfium.FPDF_PAGEOBJ_FORM and depth < _DEEPEST:
                pending.append((one, True, depth + 1))
            elif kind == pdfium.FPDF_PAGEOBJ_IMAGE and pdfium.FPDFPageObj_GetBounds(one, *sides):
                left, bottom, right, top = (side.value for side in sides)
                if right - left >= _LEAST_POINTS and top - bottom >= _LEAST_POINTS:
                    yield left, bottom, right, top


def _letters_inside(text: PageText, box: Box) -> int:
    left, bottom, right, top = box
    return sum(
        len(line.text)
        for line in text.lines
        if left <= (line.left + line.right) / 2 <= right and bottom <= (line.bottom + line.top) / 2 <= top
    )
