"""The reading order, rows, paragraphs and headings of a PDF, from its lines.

Everything is decided from geometry: where two columns part, which cells are in one row, whether a line ended
because it was full or because the writer ended it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from ingest.parsers.pdf_code import ends_at_code, verbatim
from ingest.parsers.pdf_hyphens import joined_word
from ingest.parsers.pdf_lines import SOFT_HYPHEN, Line, PageText
from rag.types import BlockKind

_BULLET = re.compile(r"[•◦▪▫■□❒❑●○‣⁃∙➢✓–*-]\s|\(?[0-9]{1,2}[.)]\s|\(?[a-zA-Z][.)]\s")
_LETTERS = re.compile(r"[^\W\d_]")
HEADING_SIZE_RATIO = 1.09
"""Least ratio of a heading's size to the body's."""
# Chosen by hand, not measured.
_HEADING_CHARS = 120
_NEIGHBOURS = 12
_CELL_GAP_EMS = 2.2
_HEADING_SHARE = 0.15


@dataclass(slots=True)
class Row:
    """Lines beside each other: one for prose, several for the cells of a table."""

    cells: list[Line]

    @property
    def text(self) -> str:
        """The cells' texts, two spaces between those that are far apart."""
        text = self.cells[0].text
        for gap, cell in zip(self._gaps(), self.cells[1:], strict=True):
            text += ("  " if gap > _CELL_GAP_EMS * self.size else " ") + cell.text
        return text

    @property
    def tabular(self) -> bool:
        """True if the row has cells, and not only a wide space or a bullet."""
        wide = any(gap > _CELL_GAP_EMS * self.size for gap in self._gaps())
        return wide and len(self.cells[0].text) > 1 + self.cells[0].text[:1].isdigit()

    def _gaps(self) -> list[float]:
        return [max(b.left - a.right, a.left - b.right) for a, b in pairwise(self.cells)]

    @property
    def left(self) -> float:
        return self.cells[0].left

    @property
    def right(self) -> float:
        return max(cell.right for cell in self.cells)

    @property
    def top(self) -> float:
        return max(cell.top for cell in self.cells)

    @property
    def bottom(self) -> float:
        return min(cell.bottom for cell in self.cells)

    @property
    def fixed(self) -> bool:
        """True if all is in a fixed-pitch font, as code is."""
        return all(cell.fixed for cell in self.cells)

    @property
    def size(self) -> float:
        return max(cell.size for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Passage:
    """A block of a page before it has a place in the document."""

    kind: BlockKind
    text: str
    level: int = 0


def body_size(pages: Sequence[PageText]) -> float:
    """Return the font size most characters have, in points; 0 where there are none."""
    sizes: Counter[float] = Counter()
    for page in pages:
        for line in page.lines:
            sizes[round(line.size * 2) / 2] += len(line.glyphs)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def heading_sizes(pages: Sequence[PageText], body: float) -> list[float]:
    """Return the font sizes above the body's that little text has, largest first."""
    sizes: Counter[float] = Counter()
    for page in pages:
        for line in page.lines:
            sizes[round(line.size * 2) / 2] += len(line.glyphs)
    most = _HEADING_SHARE * sum(sizes.values())
    return sorted(
        (size for size in sizes if size >= body * HEADING_SIZE_RATIO and sizes[size] <= most), reverse=True
    )


def reading_order(page: PageText, lines: Sequence[Line]) -> list[Line]:
    """Return the lines as a person reads them.

    The order in which the page draws them is kept unless the page has two columns of prose and draws across
    them; then each column is read from top to bottom, between the lines that span both.
    """
    gutter = _gutter(page, lines)
    if gutter is None:
        return list(lines)
    sides = [_side(line, gutter) for line in lines]
    switches = sum(a * b < 0 for a, b in pairwise(sides))
    bands = 1 + sum(side == 0 for side in sides)
    if switches <= 2 * bands:
        return list(lines)
    rightward = sum(_right_to_left(line.text) for line in lines) * 2 < len(lines)
    ordered: list[Line] = []
    band: list[Line] = []
    for line in [*sorted(lines, key=lambda line: -line.top), None]:
        if line is not None and _side(line, gutter) != 0:
            band.append(line)
            continue
        ordered += sorted(
            band, key=lambda line: ((_side(line, gutter) > 0) == rightward, -line.top, line.left)
        )
        band = []
        if line is not None:
            ordered.append(line)
    return ordered


def _side(line: Line, gutter: float) -> int:
    """-1 left of the gutter, 1 right of it, 0 across."""
    if line.right <= gutter + 1:
        return -1
    return 1 if line.left >= gutter - 1 else 0


def _gutter(page: PageText, lines: Sequence[Line]) -> float | None:
    """Return the position between two columns of full lines; None without columns."""
    best: tuple[int, float] | None = None
    for step in range(35, 66):
        at = page.width * step / 100
        left = [line for line in lines if line.right <= at]
        right = [line for line in lines if line.left >= at]
        across = len(lines) - len(left) - len(right)
        if min(len(left), len(right)) < 8 or across > 0.2 * len(lines):
            continue
        if _full_lines(left) and _full_lines(right) and (best is None or across < best[0]):
            best = (across, at)
    return None if best is None else best[1]


def _full_lines(lines: Sequence[Line]) -> bool:
    """Return whether most lines are as wide as prose is, unlike a table's cells."""
    width = max(line.right for line in lines) - min(line.left for line in lines)
    return 2 * sum(line.right - line.left > 0.7 * width for line in lines) > len(lines)


def _right_to_left(text: str) -> bool:
    return 2 * sum("\u0590" <= character <= "\u08ff" for character in text) > len(text)


def rows_of(lines: Sequence[Line]) -> list[Row]:
    """Return the lines as rows: lines at the same height next to each other are one."""
    rows: list[Row] = []
    for line in lines:
        if rows:
            last = rows[-1].cells[-1]
            overlap = min(last.top, line.top) - max(last.bottom, line.bottom)
            height = min(last.top - last.bottom, line.top - line.bottom)
            if overlap > 0.5 * height and (line.left >= last.right - 1 or line.right <= last.left + 1):
                rows[-1].cells.append(line)
                continue
        rows.append(Row([line]))
    return rows


def passages_of(
    rows: Sequence[Row], body: float, sizes: Sequence[float], known: Counter[str]
) -> Iterator[Passage]:
    """Yield headings, tables, code and paragraphs in the order of the rows."""
    limits = [_right_limit(rows, index) for index in range(len(rows))]
    start = 0
    for index in range(len(rows)):
        if index + 1 < len(rows) and not _ends_block(rows, index, body):
            continue
        group = rows[start : index + 1]
        if level := _heading_level(group, rows[index + 1 : index + 2], body, sizes):
            yield Passage(BlockKind.HEADING, " ".join(row.text for row in group), level)
        elif len(group) > 1 and sum(row.tabular for row in group) * 2 > len(group):
            yield Passage(
                BlockKind.TABLE, "\n".join(" | ".join(cell.text for cell in row.cells) for row in group)
            )
        elif len(group) > 1 and all(row.fixed for row in group):
            yield Passage(BlockKind.CODE, verbatim(group))
        else:
            yield Passage(BlockKind.PARAGRAPH, _flowed(group, limits[start : index + 1], known))
        start = index + 1


def _heading_text(text: str) -> bool:
    if not 3 <= len(text) <= _HEADING_CHARS or text[-1] in ".,;" or text[0].islower():
        return False
    return len(_LETTERS.findall(text)) >= 3


def _heading_level(rows: Sequence[Row], following: Sequence[Row], body: float, sizes: Sequence[float]) -> int:
    """1-3 by font size, 4 for a bold line of the body's size, 0 for no heading."""
    if any(row.tabular for row in rows) or not _heading_text(" ".join(row.text for row in rows)):
        return 0
    if following and following[0].text[:1].islower():
        return 0
    size = round(rows[0].size * 2) / 2
    if size in sizes:
        return min(3, 1 + sizes.index(size))
    return 4 if len(rows) == 1 and _is_bold(rows[0]) and rows[0].size > 0.85 * body else 0


def _ends_block(rows: Sequence[Row], index: int, body: float) -> bool:
    """Return whether a new block begins after a row."""
    row, following = rows[index], rows[index + 1]
    drop, pitch = row.bottom - following.bottom, _pitch(rows, index)
    far = drop > 1.45 * pitch
    if (ends := ends_at_code(rows, index, pitch)) is not None:
        return ends
    if (
        following.text[:1].islower()
        and row.text[-1:] not in ".!?:"
        and not (far or row.tabular or following.tabular)
    ):
        return False
    if abs(row.size - following.size) > 0.08 * max(row.size, following.size):
        return max(row.size, following.size) > body or len(row.text) > 3 < len(following.text)
    if row.cells[0].bold != following.cells[0].bold and (_is_bold(row) or _is_bold(following)):
        return True
    if row.tabular != following.tabular:
        return True
    if drop < -row.size:  # the next column
        return row.text[-1:] != SOFT_HYPHEN
    return far or following.text[:1] in "❒■"


def _is_bold(row: Row) -> bool:
    return all(cell.bold for cell in row.cells)


def _pitch(rows: Sequence[Row], index: int) -> float:
    """Return the usual distance between lines around a row.

    It is at least what the row's font needs.
    """
    near = rows[max(0, index - _NEIGHBOURS) : index + _NEIGHBOURS]
    drops = [a.bottom - b.bottom for a, b in pairwise(near)]
    usual = [drop for drop in drops if 0.6 * rows[index].size < drop < 3 * rows[index].size]
    return max(median(usual) if usual else 0.0, 1.1 * rows[index].size)


def _right_limit(rows: Sequence[Row], index: int) -> float:
    """Return how far to the right the lines over and under a row reach."""
    row = rows[index]
    near = rows[max(0, index - _NEIGHBOURS) : index + _NEIGHBOURS + 1]
    return max(other.right for other in near if abs(other.left - row.left) < 3 * row.size)


def _flowed(rows: Sequence[Row], limits: Sequence[float], known: Counter[str]) -> str:
    """Return the rows as running text.

    A line break stays only where the writer ended the line.
    """
    text = rows[0].text
    for row, following, limit in zip(rows, rows[1:], limits, strict=False):
        piece = following.text
        if text.endswith(SOFT_HYPHEN):
            text = joined_word(text, piece, known)
        elif text.endswith("-") and text[-2:-1].isalpha() and piece[:1].islower():
            text += piece
        elif _BULLET.match(piece) or _ended(row, following, limit):
            text += "\n" + piece
        else:
            text += " " + piece
    return text.replace(SOFT_HYPHEN, "-")


def _ended(row: Row, following: Row, limit: float) -> bool:
    """Return whether the first word of the next line would still have fitted here."""
    first = following.cells[0]
    word = first.glyphs[: (first.text + " ").index(" ")]
    width = max((glyph.right for glyph in word), default=0.0) - first.left
    return row.right + width + 0.6 * row.size < limit
