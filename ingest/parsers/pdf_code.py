"""Code in a PDF: lines of a fixed-pitch font, with their breaks and indentation.

A PDF has no spaces before a line, only places. The width of a character gives their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from ingest.parsers.pdf_lines import SOFT_HYPHEN, Line, PageText

if TYPE_CHECKING:
    from ingest.parsers.pdf_layout import Row

# Chosen by hand, not measured.
_LEAST_GLYPHS = 8
_USUAL_WIDTH_EMS = 0.6
_BLANK_LINE, _END_OF_CODE = 1.6, 2.6


def forget_typewriting(pages: Sequence[PageText]) -> None:
    """Take no line for code where most of a file is in a fixed-pitch font."""
    lines = [line for page in pages for line in page.lines]
    fixed = sum(len(line.glyphs) for line in lines if line.fixed)
    if 2 * fixed > sum(len(line.glyphs) for line in lines):
        for line in lines:
            line.fixed = False


def ends_at_code(rows: Sequence[Row], index: int, pitch: float) -> bool | None:
    """Return whether a block ends after a row, one of two being code.

    None where no code is near; a single line of such a font may be a long word of a sentence.
    """
    row, following = rows[index], rows[index + 1]
    if row.fixed and following.fixed:
        return not 0 < row.bottom - following.bottom < _END_OF_CODE * pitch
    if row.fixed:
        return True if index and rows[index - 1].fixed else None
    if following.fixed:
        return True if rows[index + 2 : index + 3] and rows[index + 2].fixed else None
    return None


def verbatim(rows: Sequence[Row]) -> str:
    """Return lines of code as the page shows them, blank ones too."""
    width, left = _character_width([row.cells[0] for row in rows]), min(row.left for row in rows)
    drops = [above.bottom - below.bottom for above, below in pairwise(rows)]
    usual = median(drops) if drops else 0.0
    text = ""
    for row, drop in zip(rows, [0.0, *drops], strict=True):
        text += "\n" * (bool(text) + (drop > _BLANK_LINE * min(usual, 2 * row.size)))
        text += " " * round((row.left - left) / width) + row.text
    return text.replace(SOFT_HYPHEN, "-")


def _character_width(lines: Sequence[Line]) -> float:
    """The distance of neighbouring characters, in points."""
    found = [
        (line.glyphs[-1].left - line.glyphs[0].left) / (len(line.glyphs) - 1)
        for line in lines
        if len(line.glyphs) >= _LEAST_GLYPHS
    ]
    usual = _USUAL_WIDTH_EMS * lines[0].size
    return median(found) if found and median(found) > usual / 2 else usual
