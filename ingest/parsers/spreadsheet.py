"""Excel workbooks: the rows as they are shown, with comments and text boxes.

openpyxl opens the file; values are those that were calculated when it was saved.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Any
from zipfile import BadZipFile, ZipFile

from ingest.parsers.draft import Draft
from ingest.parsers.row_tables import Row, add_table, cell_text
from ingest.parsers.table_text import MOST_SPAN
from ingest.parsers.zipped import parsed_xml
from rag.errors import UnreadableNote
from rag.note_warnings import WarningCode
from rag.types import BlockKind, Locator, Unit

_OLE = b"\xd0\xcf\x11\xe0"
"""First bytes of an old Office file, and of a new one under a password."""
_UNCALCULATED = re.compile(rb"</f>\s*(?:<v\s*/>|<v></v>)?\s*</c>|<f[^>]*/>\s*(?:<v\s*/>|<v></v>)?\s*</c>")
_FORMAT_TEXT = re.compile(r'"([^"]*)"|\[\$([^\]\-]+)[^\]]*\]|([€£$¥])')
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_XDR = "{http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing}"


def read_workbook(data: bytes) -> tuple[Draft, str]:
    """Return the sheets' tables, and the title in the file's properties.

    Raises:
        UnreadableNote: it is not a workbook that can be opened.
    """
    values = _opened(data, values=True)
    formulas = _opened(data, values=False) if _has_uncalculated(data) else None
    draft = Draft(Unit.ROW)
    for part, sheet in enumerate(values.worksheets, 1):
        place = Locator(Unit.ROW, 1, 1, sheet.title)
        draft.add(BlockKind.HEADING, sheet.title, place, level=2, part=part)
        add_table(draft, _rows(sheet, formulas[sheet.title] if formulas else None), sheet.title, part)
        for number, comment in _comments(sheet):
            draft.add(BlockKind.NOTES, comment, Locator(Unit.ROW, number, number, sheet.title), part=part)
        for picture in sheet._images:
            draft.missed.add(WarningCode.PICTURES, picture.anchor._from.row + 1)
        _add_chart_titles(draft, sheet, part)
    for part, sheet in enumerate(values.chartsheets, len(values.worksheets) + 1):
        place = Locator(Unit.ROW, 1, 1, sheet.title)
        draft.add(BlockKind.HEADING, sheet.title, place, level=2, part=part)
        _add_chart_titles(draft, sheet, part)
    _add_text_boxes(draft, data)
    return draft, (values.properties.title or "").strip()


def _opened(data: bytes, *, values: bool) -> Any:
    """Return the workbook, with calculated values or with formulas.

    Raises:
        UnreadableNote: as `read_workbook`.
    """
    import openpyxl

    if data.startswith(_OLE):
        raise UnreadableNote(
            "It has a password, or is an old .xls file; save it as .xlsx without a password."
        )
    try:
        return openpyxl.load_workbook(io.BytesIO(data), data_only=values)
    except (MemoryError, RecursionError):
        raise
    except Exception as exc:  # openpyxl names no error of its own for a damaged file
        raise UnreadableNote(
            f"It is not a workbook that can be opened ({type(exc).__name__}: {exc}); save it again as .xlsx."
        ) from exc


def _has_uncalculated(data: bytes) -> bool:
    """Return whether a program saved formulas without their values."""
    with ZipFile(io.BytesIO(data)) as archive:
        sheets = [info for info in archive.infolist() if info.filename.startswith("xl/worksheets/")]
        return any(_UNCALCULATED.search(archive.read(info)) for info in sheets)


def _rows(sheet: Any, formulas: Any | None) -> list[Row]:
    """Return the rows that have a value; a merged range has it in each of its rows."""
    texts: dict[tuple[int, int], str] = {}
    for (
        row,
        column,
    ), cell in sheet._cells.items():  # the rows by their range would be millions of empty ones
        text = cell_text(_shown(cell.value, cell.number_format or ""))
        if not text and formulas is not None and (row, column) in formulas._cells:
            text = cell_text(str(formulas._cells[row, column].value or ""))
        if text:
            texts[row, column] = text
    for merged in sheet.merged_cells.ranges:
        _spread(texts, merged)
    ordered = sorted(texts.items())
    return [
        Row(number, tuple(_filled({column: text for (_, column), text in cells})))
        for number, cells in groupby(ordered, key=lambda entry: entry[0][0])
    ]


def _spread(texts: dict[tuple[int, int], str], merged: Any) -> None:
    """Copy the value of a merged range into its other cells.

    `Monday` is then beside each of its hours, and a head over two columns above both. A range that is alone in
    its row is a title, and stays in its first cell.
    """
    value = texts.get((merged.min_row, merged.min_col))
    last = max((row for row, _ in texts), default=0)
    if value is None:
        return
    for row in range(merged.min_row, min(merged.max_row, last) + 1):
        texts.setdefault((row, merged.min_col), value)
        if any(at == row and not merged.min_col <= column <= merged.max_col for at, column in texts):
            for column in range(merged.min_col + 1, min(merged.max_col, merged.min_col + MOST_SPAN) + 1):
                texts.setdefault((row, column), value)


def _filled(cells: dict[int, str]) -> Iterator[str]:
    """Yield the cells from the first column to the last one with a value."""
    most = min(max(cells), min(cells) + 1000)
    for column in range(1, most + 1):
        yield cells.get(column, "")


def _shown(value: Any, shape: str) -> str:
    """Return a value as the sheet shows it, with percent and currency."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "minutes")
    if isinstance(value, (date, time, timedelta)):
        text = str(value)
        return text.removesuffix(":00") if isinstance(value, time) else text
    if isinstance(value, (int, float)):
        return _number(value, shape)
    return str(value)


def _number(value: float, shape: str) -> str:
    shape = shape.split(";", maxsplit=1)[0]
    if "%" in shape:
        return f"{round(value * 100, 6):g} %"
    text = f"{value:.10g}" if isinstance(value, float) else str(value)
    for match in _FORMAT_TEXT.finditer(shape):
        literal = (match[1] or match[2] or match[3] or "").strip()
        if any(sign in shape[: match.start()] for sign in "0#"):
            text = f"{text} {literal}".rstrip()
        else:
            text = f"{literal} {text}".lstrip()
    return text


def _add_chart_titles(draft: Draft, sheet: Any, part: int) -> None:
    """Append the titles of charts; what they show is in the cells of the workbook."""
    for chart in sheet._charts:
        found = getattr(chart.title, "tx", None)
        paragraphs = found.rich.paragraphs if found is not None and found.rich is not None else ()
        runs = (run.t or "" for paragraph in paragraphs for run in paragraph.r or ())
        row = chart.anchor._from.row + 1 if hasattr(chart.anchor, "_from") else 1
        draft.add(BlockKind.PARAGRAPH, "".join(runs), Locator(Unit.ROW, row, row, sheet.title), part=part)


def _comments(sheet: Any) -> Iterable[tuple[int, str]]:
    """Yield the row and the text of each comment, with the name of its cell."""
    for (row, _), cell in sorted(sheet._cells.items()):
        if cell.comment is not None and (text := " ".join(str(cell.comment.text).split())):
            yield row, f"{cell.coordinate}: {text}"


def _add_text_boxes(draft: Draft, data: bytes) -> None:
    """Append the text of boxes that lie over the cells, which openpyxl does not read."""
    try:
        with ZipFile(io.BytesIO(data)) as archive:
            names = [
                name for name in archive.namelist() if re.fullmatch(r"xl/drawings/drawing\d+\.xml", name)
            ]
            drawings = [parsed_xml(archive.read(name)) for name in names]
    except (BadZipFile, KeyError):
        return
    for drawing in drawings:
        for shape in drawing.iter(f"{_XDR}sp"):
            start = shape.getparent().find(f"{_XDR}from/{_XDR}row")
            row = int(start.text or 0) + 1 if start is not None else 1
            lines = ["".join(t.text or "" for t in p.iter(f"{_A}t")) for p in shape.iter(f"{_A}p")]
            draft.add(BlockKind.PARAGRAPH, "\n".join(filter(None, lines)), Locator(Unit.ROW, row, row))
