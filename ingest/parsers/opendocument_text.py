"""Words, lists and tables in the XML of OpenDocument files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest.parsers.office_links import address_behind
from ingest.parsers.row_tables import Row, cell_text

_NAMESPACES = "urn:oasis:names:tc:opendocument:xmlns:"
T, TABLE, DRAW, OFFICE, PRESENTATION, SVG = (
    f"{{{_NAMESPACES}{name}:1.0}}"
    for name in ("text", "table", "drawing", "office", "presentation", "svg-compatible")
)
_XLINK = "{http://www.w3.org/1999/xlink}"
DC = "{http://purl.org/dc/elements/1.1/}"
_LEFT_OUT = frozenset(
    (f"{T}tracked-changes", f"{T}note", f"{OFFICE}annotation", f"{T}note-citation", f"{DRAW}frame")
)
_MOST_REPEATS = 200
"""Most copies of a repeated cell or row with text."""


def line_text(element: Any) -> str:
    """Return the text of a paragraph in one line, without its notes and frames."""
    if element is None:
        return ""
    pieces: list[str] = [element.text or ""]
    for child in element:
        if child.tag == f"{T}s":
            pieces.append(" " * min(int(child.get(f"{T}c") or 1), 100))
        elif child.tag == f"{T}tab":
            pieces.append("\t")
        elif child.tag == f"{T}line-break":
            pieces.append("\n")
        elif child.tag not in _LEFT_OUT and isinstance(child.tag, str):
            words = line_text(child)
            address = child.get(f"{_XLINK}href") or "" if child.tag == f"{T}a" else ""
            pieces.append(words + address_behind(words, address))
        pieces.append(child.tail or "")
    return "".join(pieces)


def list_lines(element: Any, depth: int = 0) -> Iterator[str]:
    """Yield one line an item, with inner lists indented."""
    for item in element:
        if item.tag not in {f"{T}list-item", f"{T}list-header"}:
            continue
        mark = "- "
        for child in item:
            if child.tag == f"{T}list":
                yield from list_lines(child, depth + 1)
            elif child.tag in {f"{T}p", f"{T}h"} and (text := " ".join(line_text(child).split())):
                yield "  " * depth + mark + text
                mark = "  "


def box_lines(box: Any) -> Iterator[str]:
    for child in box:
        if child.tag == f"{T}list":
            yield from list_lines(child)
        elif child.tag in {f"{T}p", f"{T}h"} and (text := line_text(child).strip()):
            yield text


def table_text(table: Any) -> str:
    lines = (" | ".join(row.cells).strip() for row in rows(table))
    return "\n".join(line for line in lines if line.strip(" |"))


def rows(table: Any) -> Iterator[Row]:
    """Yield the rows of a table; a cell over several rows is in each of them."""
    number = 0
    below: dict[int, tuple[int, str]] = {}
    for row in table.iter(f"{TABLE}table-row"):
        if next(row.iterancestors(f"{TABLE}table")) is not table:
            continue
        cells: list[str] = []
        wide: dict[int, str] = {}
        for cell in row:
            if cell.tag not in {f"{TABLE}table-cell", f"{TABLE}covered-table-cell"}:
                continue
            text = cell_text(" ".join(map(line_text, _own_paragraphs(cell, row))))
            left, copied = below.get(len(cells), (0, ""))
            if left and not text:
                text = copied
                below[len(cells)] = (left - 1, copied)
            elif (spanned := int(cell.get(f"{TABLE}number-rows-spanned") or 1)) > 1:
                below[len(cells)] = (spanned - 1, text)
            repeats = int(cell.get(f"{TABLE}number-columns-repeated") or 1)
            across = min(int(cell.get(f"{TABLE}number-columns-spanned") or 1), _MOST_REPEATS)
            if across > 1:
                wide |= {len(cells) + more: text for more in range(1, across)}
            cells += [text or wide.get(len(cells), "")] * min(repeats, _MOST_REPEATS)
        if set(wide.values()) == set(filter(None, cells)) and len(set(wide.values())) == 1:
            cells = [
                cell if at not in wide else "" for at, cell in enumerate(cells)
            ]  # a title over the table
        repeats = int(row.get(f"{TABLE}number-rows-repeated") or 1)
        for copy in range(min(repeats, _MOST_REPEATS) if any(cells) else 0):
            yield Row(number + copy + 1, tuple(cells))
        number += repeats


def _own_paragraphs(cell: Any, row: Any) -> Iterator[Any]:
    """Yield the paragraphs of a cell and of tables in it, without comments."""
    for paragraph in cell.iter(f"{T}p", f"{T}h"):
        if not any(above.tag == f"{OFFICE}annotation" for above in paragraph.iterancestors()):
            yield paragraph


def comment(node: Any) -> str:
    author = node.findtext(f"{DC}creator") or ""
    text = flat(node)
    return f"{author}: {text}" if author and text else text


def flat(element: Any) -> str:
    return " ".join(" ".join(map(line_text, element.iter(f"{T}p", f"{T}h"))).split())
