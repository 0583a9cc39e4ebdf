"""The text of Word's paragraphs and tables as it is shown, from the XML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest.parsers.office_math import FORMULA, formula
from ingest.parsers.office_symbols import UNKNOWN, symbol, without_private
from ingest.parsers.raised import raised
from ingest.parsers.table_text import Cell, table_text

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
BOX = f"{W}txbxContent"
_LEFT_OUT = {f"{W}del", f"{W}moveFrom", f"{W}instrText", f"{W}rt", FALLBACK, BOX}
_SIGNS = {f"{W}br": "\n", f"{W}cr": "\n", f"{W}noBreakHyphen": "-"}
_ON = {None, "1", "true", "on"}


def paragraph_text(element: Any) -> str:
    """Return the text of a paragraph as it is shown.

    It has insertions but no deletions, symbols as characters, and formulas in a line.
    """
    pieces: list[str] = []
    pending = [element]
    while pending:
        node = pending.pop()
        if node.tag == f"{W}t":
            text = without_private(node.text or "", _font(node))
            pieces.append(raised(text) if _is_raised(node) else text)
        elif node.tag == f"{W}sym":
            pieces.append(_symbol(node))
        elif node.tag == FORMULA:
            pieces.append(formula(node))
        elif node.tag in {f"{W}tab", f"{W}ptab"} and node.getparent().tag == f"{W}r":
            pieces.append("\t")
        elif node.tag in _SIGNS:
            pieces.append(_SIGNS[node.tag])
        elif node.tag == f"{W}checkBox":
            pieces.append("☑ " if _is_checked(node) else "☐ ")
        elif node.tag not in _LEFT_OUT:
            pending.extend(reversed(node))
    return "".join(pieces)


def word_table(table: Any) -> str:
    """Return the rows as lines, with bars between the cells.

    Tables inside a cell become part of its text, a row after the other.
    """
    rows: list[list[Cell]] = []
    head_rows = 0
    open_cells: dict[int, tuple[int, int]] = {}
    for row in _own(table, "tr", "tbl"):
        cells: list[Cell] = []
        column = 0
        for cell in _own(row, "tc", "tr"):
            wide = int(_value(cell, "gridSpan") or 1)
            merge = cell.find(f"{W}tcPr/{W}vMerge")
            if merge is not None and merge.get(f"{W}val") != "restart" and column in open_cells:
                at, place = open_cells[column]  # the cell above goes on: it gets a row more
                above = rows[at][place]
                rows[at][place] = Cell(above.text, above.columns, above.rows + 1)
            else:
                open_cells.pop(column, None)
                if merge is not None:
                    open_cells[column] = (len(rows), len(cells))
                cells.append(Cell(_cell_text(cell), wide))
            column += wide
        if row.find(f"{W}trPr/{W}tblHeader") is not None and head_rows == len(rows):
            head_rows += 1
        rows.append(cells)
    return table_text(rows, head_rows)


def _cell_text(cell: Any) -> str:
    """Return a cell in one line; of inner tables `first cell: others; ...`."""
    pieces = []
    for child in cell:
        if child.tag == f"{W}tbl":
            lines = word_table(child).splitlines()
            pieces.append("; ".join(line.replace(" | ", ": ", 1).replace(" | ", ", ") for line in lines))
        else:
            inner = [child] if child.tag == f"{W}p" else child.iter(f"{W}p")
            pieces += [paragraph_text(paragraph) for paragraph in inner]
    return " ".join(" ".join(pieces).split())


def _own(element: Any, name: str, owner: str) -> Iterator[Any]:
    """Yield the rows or cells of an element, without those of tables inside it."""
    for child in element.iter(f"{W}{name}"):
        if next(child.iterancestors(f"{W}{owner}")) is element:
            yield child


def _value(cell: Any, name: str) -> str:
    found = cell.find(f"{W}tcPr/{W}{name}")
    value = "" if found is None else str(found.get(f"{W}val") or "")
    return value if value.isdigit() else ""


def _is_raised(text: Any) -> bool:
    mark = text.getparent().find(f"{W}rPr/{W}vertAlign")
    return mark is not None and mark.get(f"{W}val") == "superscript"


def _font(text: Any) -> str:
    fonts = text.getparent().find(f"{W}rPr/{W}rFonts")
    return "" if fonts is None else str(fonts.get(f"{W}ascii") or "")


def _symbol(node: Any) -> str:
    try:
        return symbol(node.get(f"{W}font") or "", int(node.get(f"{W}char") or "", 16))
    except ValueError:
        return UNKNOWN


def _is_checked(box: Any) -> bool:
    for name in ("checked", "default"):
        mark = box.find(f"{W}{name}")
        if mark is not None:
            return mark.get(f"{W}val") in _ON
    return False
