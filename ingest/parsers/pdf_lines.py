"""The lines of a PDF page with their places and sizes, as PDFium finds them.

PDFium gives characters in the order in which the page draws them, with right-to-left runs already turned; that order inside
a line is kept. What this module adds is geometry: boxes, the gaps where columns may part, and raised or lowered pieces
(indices, exponents) joined to the line they belong to.
"""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass, field
from statistics import median
from typing import Any

SOFT_HYPHEN = "\ufffe"
"""PDFium's mark for a hyphen at the end of a line."""

# Chosen by hand, not measured.
_COLUMN_GAP_EMS = 1.0
_SAME_LINE_OVERLAP = 0.4
_BOLD_FONT = re.compile(r"bold|black|heavy|cmbx|cmssbx|ptmb|phvb", re.IGNORECASE)
_FIXED_FONT = re.compile(
    r"courier|mono(?!type)|(?:cm|lm|sf|ec)tt|consola|menlo|inconsolata|(?:source|fira)-?code|typewriter",
    re.IGNORECASE,
)
"""Names of fonts whose characters are equally wide. Their flag in the file is often wrong."""
_ADDRESS = re.compile(r"\S+://\S+")
"""A line that is part of a sentence though its font is that of code."""
_FONT_NAME_BYTES = 128
_SAMPLED = 200
"""Characters of a page whose direction is looked at."""
_LEVEL_RADIANS = 0.2


@dataclass(slots=True)
class Glyph:
    """A character and its box in points, y upwards; `size` is the font's."""

    character: str
    left: float
    bottom: float
    right: float
    top: float
    size: float


@dataclass(slots=True)
class Line:
    """Characters beside each other.

    `last` is the index of the last visible one in PDFium's text; `fixed` is True for a font of equally wide characters.
    """

    glyphs: list[Glyph] = field(default_factory=list)
    left: float = 0.0
    bottom: float = 0.0
    right: float = 0.0
    top: float = 0.0
    bold: bool = False
    fixed: bool = False
    last: int = 0

    @property
    def text(self) -> str:
        """The characters; a hyphen that only the line break put there is U+FFFE."""
        return (
            "".join(glyph.character for glyph in self.glyphs)
            .replace("\u00ad", SOFT_HYPHEN)
            .strip(" \t\u00a0")
        )

    @property
    def size(self) -> float:
        """Median font size of the line's characters, in points."""
        return median(glyph.size for glyph in self.glyphs)

    def add(self, glyph: Glyph) -> None:
        """Append a character."""
        if not self.glyphs:
            self.left, self.bottom, self.right, self.top = glyph.left, glyph.bottom, glyph.right, glyph.top
        elif not glyph.character.isspace():
            self.left, self.bottom = min(self.left, glyph.left), min(self.bottom, glyph.bottom)
            self.right, self.top = max(self.right, glyph.right), max(self.top, glyph.top)
        self.glyphs.append(glyph)

    def beside(self, other: Line) -> bool:
        """Return whether `other`, which comes next, belongs to this line.

        It does if it is an index, or the words after one.
        """
        overlap = min(self.top, other.top) - max(self.bottom, other.bottom)
        height = min(self.top - self.bottom, other.top - other.bottom)
        if self.glyphs[-1].character == SOFT_HYPHEN:
            return False
        near = -0.3 * self.size < other.left - self.right < _COLUMN_GAP_EMS * self.size
        return near and overlap > _SAME_LINE_OVERLAP * height


@dataclass(frozen=True, slots=True)
class PageText:
    """The lines of a page and its size in points.

    `characters` counts all, `unmapped` those that the file gives no text for.
    """

    lines: list[Line]
    width: float
    height: float
    characters: int
    unmapped: int


def page_text(page: Any) -> PageText:
    """Return the lines of a page in drawing order.

    Lines are cut where a gap is wide enough to part columns.
    """
    import pypdfium2.raw as pdfium

    text = page.get_textpage()
    pieces, unmapped, count = [Line()], 0, text.count_chars()
    place = _Places(page, _is_level(text, count))
    for index in range(count):
        code = pdfium.FPDFText_GetUnicode(text, index)
        if code in {10, 13}:
            pieces.append(Line())
            continue
        unmapped += pdfium.FPDFText_HasUnicodeMapError(text, index) == 1
        glyph = place.glyph(text, index, code)
        if pieces[-1].glyphs and _parts(pieces[-1].glyphs, glyph):
            pieces.append(Line())
        line = pieces[-1]
        if glyph.character.isspace():
            if line.glyphs:
                line.add(glyph)
            continue
        if not line.glyphs:
            font = _font(text, index)
            line.bold, line.fixed = bool(_BOLD_FONT.search(font)), bool(_FIXED_FONT.search(font))
        line.add(glyph)
        line.last = index
        if glyph.character == SOFT_HYPHEN:  # PDFium leaves the line break out after a hyphen it takes for one
            pieces.append(Line())
    lines = [line for line in pieces if line.text]
    if place.reversed:
        lines.reverse()
    for line in lines:
        font = _font(text, line.last)
        line.bold = line.bold and bool(_BOLD_FONT.search(font))
        line.fixed = line.fixed and bool(_FIXED_FONT.search(font)) and not _ADDRESS.fullmatch(line.text)
    return PageText(_joined(lines), place.width, place.height, count, unmapped)


def _is_level(text: Any, count: int) -> bool:
    """Return whether most characters run from left to right before the page is turned."""
    import pypdfium2.raw as pdfium

    step = max(1, count // _SAMPLED)
    angles = [pdfium.FPDFText_GetCharAngle(text, index) for index in range(0, count, step)]
    level = sum(bool(abs(angle) < _LEVEL_RADIANS) for angle in angles)
    return 2 * level > len(angles)


def _font(text: Any, index: int) -> str:
    """Return the name of a character's font."""
    import pypdfium2.raw as pdfium

    name, flags = ctypes.create_string_buffer(_FONT_NAME_BYTES), ctypes.c_int()
    pdfium.FPDFText_GetFontInfo(text, index, name, _FONT_NAME_BYTES, flags)
    return name.value.decode("latin-1")


def _parts(before: list[Glyph], glyph: Glyph) -> bool:
    """Return whether the gap before the next character is wide enough for a gutter."""
    if glyph.character.isspace():
        return False
    last = next((other for other in reversed(before) if not other.character.isspace()), None)
    return (
        last is not None
        and abs(glyph.left - last.right) > 1.5 * max(glyph.size, last.size)
        and glyph.left > last.right
    )


def _joined(lines: list[Line]) -> list[Line]:
    """Return the lines with raised and lowered pieces put back where they belong."""
    joined: list[Line] = []
    for line in lines:
        if joined and joined[-1].beside(line):
            joined[-1].fixed = joined[-1].fixed and line.fixed
            for glyph in line.glyphs:
                joined[-1].add(glyph)
        else:
            joined.append(line)
    return joined


def _character(text: Any, index: int, code: int) -> str:
    """Return the character at an index, U+FFFD where the file has no printable one."""
    import pypdfium2.raw as pdfium

    if pdfium.FPDFText_IsHyphen(text, index) == 1:
        return SOFT_HYPHEN
    return chr(code) if code >= 32 and not 0xD800 <= code < 0xE000 and code < 0x110000 else "\ufffd"


class _Places:
    """Character boxes of a page, turned upright where the page is shown turned.

    The text of a page that somebody turned on its side (`level`) is read as it was before.
    """

    def __init__(self, page: Any, level: bool) -> None:
        self._left, self._right, self._bottom, self._top = (ctypes.c_double() for _ in range(4))
        turn = page.get_rotation() % 360
        self._turn = 0 if level else turn
        self.reversed = level and turn == 90
        """True where PDFium, which goes by the turned page, returns the last line first."""
        self.width, self.height = page.get_size()
        if level and turn in {90, 270}:
            self.width, self.height = self.height, self.width

    def glyph(self, text: Any, index: int, code: int) -> Glyph:
        """Return the character at an index of PDFium's text."""
        import pypdfium2.raw as pdfium

        pdfium.FPDFText_GetCharBox(text, index, self._left, self._right, self._bottom, self._top)
        box = (self._left.value, self._bottom.value, self._right.value, self._top.value)
        if self._turn:
            box = self._turned(*box)
        size = pdfium.FPDFText_GetFontSize(text, index) or 1.0
        character = _character(text, index, code)
        return Glyph(character, *box, size if size > 1.5 else max(box[3] - box[1], 1.0))

    def _turned(
        self, left: float, bottom: float, right: float, top: float
    ) -> tuple[float, float, float, float]:
        """Return the box as the page is shown."""
        if self._turn == 90:
            return bottom, self.height - right, top, self.height - left
        if self._turn == 180:
            return self.width - right, self.height - top, self.width - left, self.height - bottom
        return self.width - top, left, self.width - bottom, right
