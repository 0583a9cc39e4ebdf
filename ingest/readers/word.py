"""Word documents: headings, paragraphs, lists, tables, text boxes and notes in the order they stand.

python-docx opens the file and knows its styles; the text is taken from the XML below it, because its own `text` leaves out
content controls, tracked insertions, text boxes, formulas and the numbers of lists.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zipfile import BadZipFile

from ingest.readers.draft import Draft
from ingest.readers.office_math import FORMULA, linear
from ingest.readers.word_lists import ListNumbers
from rag.errors import UnreadableNote
from rag.types import BlockKind, Locator, Unit

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_BOX = f"{W}txbxContent"
_LEFT_OUT = {f"{W}del", f"{W}moveFrom", f"{W}instrText", _FALLBACK, _BOX}
_HEADING_STYLE = re.compile(r"heading\s*(\d)|title|subtitle", re.IGNORECASE)
_NOTE_PARTS = re.compile(r"/(?:footnotes|endnotes)$")


@dataclass(frozen=True, slots=True)
class _Item:
    """A paragraph or a table in reading order. `level` is a heading's; `listed` says that it is an item of a list."""

    text: str
    kind: BlockKind
    level: int = 0
    listed: bool = False


def read_word(data: bytes) -> Draft:
    """The document's body, then its foot- and endnotes.

    Raises:
        UnreadableNote: it is not a Word document that can be opened.
    """
    import docx
    from docx.opc.exceptions import PackageNotFoundError
    from lxml.etree import XMLSyntaxError

    try:
        document = docx.Document(io.BytesIO(data))
        body = document.element.body
    except (PackageNotFoundError, BadZipFile, KeyError, ValueError, XMLSyntaxError) as exc:
        raise UnreadableNote(
            f"It is not a Word document that can be opened ({exc}); save it again as .docx."
        ) from exc
    levels = _heading_levels(document)
    items = [*_items(body, levels, ListNumbers(document)), *_notes(document)]
    return _drafted(items)


def _drafted(items: list[_Item]) -> Draft:
    """The items as blocks: the items of a list together, each other one by itself."""
    draft = Draft()
    heading, at = "", 0
    while at < len(items):
        item, last = items[at], at
        while item.listed and last + 1 < len(items) and items[last + 1].listed:
            last += 1
        if item.level:
            heading = " ".join(item.text.split())
        text = "\n".join(entry.text for entry in items[at : last + 1])
        place = Locator(Unit.PARAGRAPH, at + 1, last + 1, heading)
        draft.add(item.kind, text, place, level=item.level)
        at = last + 1
    return draft


def _items(parent: Any, levels: dict[str, int], numbers: ListNumbers) -> Iterator[_Item]:
    """What stands in a body, a content control or a text box."""
    for child in parent:
        if child.tag == f"{W}p":
            yield from _paragraph(child, levels, numbers)
        elif child.tag == f"{W}tbl":
            yield _Item(_table_text(child), BlockKind.TABLE)
            for box in _boxes(child):
                yield from _items(box, levels, numbers)
        elif child.tag in {f"{W}sdt", f"{W}sdtContent", f"{W}ins", f"{W}customXml", f"{W}smartTag"}:
            yield from _items(child, levels, numbers)


def _paragraph(element: Any, levels: dict[str, int], numbers: ListNumbers) -> Iterator[_Item]:
    """The paragraph if it says anything, then the text boxes that are anchored in it."""
    text = paragraph_text(element)
    style = element.find(f"{W}pPr/{W}pStyle")
    level = levels.get(style.get(f"{W}val"), 0) if style is not None else 0
    label = numbers.label(element, text)
    if text.strip():
        kind = BlockKind.HEADING if level else BlockKind.LIST if label else BlockKind.PARAGRAPH
        yield _Item(f"{label} {text}" if label else text, kind, level, listed=bool(label) and not level)
    for box in _boxes(element):
        yield from _items(box, levels, numbers)


def paragraph_text(element: Any) -> str:
    """The text of a paragraph as it is shown: insertions in, deletions out, formulas in a line."""
    pieces: list[str] = []
    pending = [element]
    while pending:
        node = pending.pop()
        if node.tag == f"{W}t":
            pieces.append(node.text or "")
        elif node.tag == FORMULA:
            pieces.append(linear(node))
        elif node.tag in {f"{W}tab", f"{W}ptab"} and node.getparent().tag == f"{W}r":
            pieces.append("\t")
        elif node.tag in {f"{W}br", f"{W}cr"}:
            pieces.append("\n")
        elif node.tag == f"{W}noBreakHyphen":
            pieces.append("-")
        elif node.tag not in _LEFT_OUT:
            pending.extend(reversed(node))
    return "".join(pieces)


def _boxes(element: Any) -> list[Any]:
    """The text boxes anchored in an element, without the copies kept for old programs and those inside others."""
    boxes = []
    for box in element.iter(_BOX):
        above = {ancestor.tag for ancestor in box.iterancestors() if ancestor is not element}
        inside = {ancestor.tag for ancestor in element.iterancestors()} | {element.tag}
        if _FALLBACK not in above and (_BOX not in above or _BOX in inside):
            boxes.append(box)
    return boxes


def _table_text(table: Any) -> str:
    """The rows as lines, the cells between bars; tables inside a cell become part of its text."""
    lines = []
    for row in table.iter(f"{W}tr"):
        if next(row.iterancestors(f"{W}tbl")) is not table:
            continue
        cells = (cell for cell in row.iter(f"{W}tc") if next(cell.iterancestors(f"{W}tr")) is row)
        texts = (" ".join(" ".join(map(paragraph_text, cell.iter(f"{W}p"))).split()) for cell in cells)
        lines.append(" | ".join(texts).strip())
    return "\n".join(line for line in lines if line.strip(" |"))


def _notes(document: Any) -> Iterator[_Item]:
    """The foot- and endnotes, numbered as the text refers to them."""
    from lxml import etree

    for relation in document.part.rels.values():
        if relation.is_external or not _NOTE_PARTS.search(relation.reltype):
            continue
        root = etree.fromstring(
            relation.target_part.blob, etree.XMLParser(resolve_entities=False, no_network=True)
        )
        for note in root:
            text = " ".join(map(paragraph_text, note.iter(f"{W}p"))).strip()
            if text and note.get(f"{W}type") is None:
                yield _Item(f"[{note.get(f'{W}id')}] {text}", BlockKind.NOTES)


def _heading_levels(document: Any) -> dict[str, int]:
    """Style id to heading level, for the styles that are headings by name or by what they are based on."""
    levels = {}
    for style in document.styles:
        base = style
        for _ in range(10):
            match = _HEADING_STYLE.match(getattr(base, "name", None) or "")
            if match is not None:
                levels[style.style_id] = min(6, int(match[1] or 1))
                break
            base = getattr(base, "base_style", None)
            if base is None:
                break
    return levels
