"""HTML pages: the main text with what a click opens, without menus and scripts.

BeautifulSoup parses whatever a browser would; here is the choice of the elements that have text, of those
that begin a block of their own and of those that only surround the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ingest.parsers.decoding import decode
from ingest.parsers.draft import Draft
from ingest.parsers.html_cleaning import MARKS, WITHOUT_MARKS, clean_page
from ingest.parsers.table_text import Cell, table_text
from rag.types import BlockKind, Locator, Unit

if TYPE_CHECKING:
    from bs4 import Tag

_LEAVES = {
    **{f"h{level}": BlockKind.HEADING for level in range(1, 7)},
    **dict.fromkeys(("p", "blockquote", "figcaption", "summary", "caption"), BlockKind.PARAGRAPH),
    **dict.fromkeys(("ul", "ol", "dl"), BlockKind.LIST),
    "pre": BlockKind.CODE,
    "table": BlockKind.TABLE,
}
_BLOCKS = [
    *_LEAVES,
    *"div section article main header figure details hr fieldset address center body form tr td th li dt dd".split(),
]
_LISTS = ("ul", "ol", "dl")
_ITEMS = ("li", "dt", "dd")
_BREAKS = frozenset(_BLOCKS)
_SPACE = re.compile(r"[ \t\r\f\n]+")
_LEAST_LETTERS = 40
"""Characters up to which an element is no main text, or a form only asks. Chosen, not measured."""


def read_html_file(data: bytes) -> tuple[Draft, str]:
    """Return the blocks and the title of a page in any encoding.

    Raises:
        UnreadableNote: it is not text.
    """
    decoded = decode(data)
    draft, title = read_html(decoded.text)
    draft.warnings += decoded.warnings
    return draft, title


def read_html(text: str) -> tuple[Draft, str]:
    """Return the page's blocks and its title."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(text.translate(WITHOUT_MARKS), "lxml")
    title = _flat(soup.title) if soup.title else ""
    clean_page(soup)
    for form in filter(_only_asks, soup.find_all("form")):
        form.decompose()
    whole = soup.body or soup
    main = _main(soup)
    root = main if main is not None and len(_flat(main)) > _LEAST_LETTERS else whole
    page = _Page()
    page.walk(root)
    return page.draft, title


def _only_asks(form: Any) -> bool:
    """Return whether a form is one to fill in (a search, a login).

    The frame around a page's text can be a form too.
    """
    return form.find(list(_LEAVES)) is None and len(_flat(form)) <= _LEAST_LETTERS


def _main(soup: Any) -> Tag | None:
    """Return the element of the main text, if the page marks one.

    An article must have most of the page's text: beside a teaser there is more to read.
    """
    for name in ("main", "[role=main]", "article"):
        found = soup.select(name)
        if len(found) == 1:
            root: Tag = found[0]
            whole = name != "article" or 2 * len(_flat(root)) >= len(_flat(soup.body or soup))
            return root if whole else None
    return None


class _Page:
    """The blocks of a page while its elements are walked."""

    def __init__(self) -> None:
        self.draft = Draft()
        self._heading = ""
        self._number = 0
        self._inline: list[str] = []

    def walk(self, element: Any) -> None:
        """Add the contents of an element.

        Text and inline elements between two blocks become one paragraph.
        """
        for child in element.children:
            name = getattr(child, "name", None)
            if name is None:
                if type(child).__name__ == "NavigableString":
                    self._inline.append(str(child))
            elif name == "br":
                self._inline.append("\n")
            elif name in _LEAVES:
                self._flush()
                self._leaf(child, _LEAVES[name])
            elif name in _BLOCKS or child.find(_BLOCKS) is not None:
                self._flush()
                self.walk(child)
                self._flush()
            else:
                self._inline.append(_text(child))
        self._flush()

    def _leaf(self, element: Any, kind: BlockKind) -> None:
        if kind is BlockKind.CODE:
            self._add(kind, _text(element))
        elif kind is BlockKind.TABLE and _is_grid(element):
            pairs = _pairs(element)
            for caption in element.find_all("caption") if pairs else ():
                self._add(BlockKind.PARAGRAPH, _flat(caption))
            self._add(BlockKind.LIST if pairs else kind, "\n".join(pairs) or _table(element))
        elif kind is BlockKind.TABLE or (
            kind is BlockKind.PARAGRAPH and element.find(list(_LEAVES)) is not None
        ):
            self.walk(
                element
            )  # a table that lays the page or its code out, a quotation of several paragraphs
        elif kind is BlockKind.LIST:
            self._add(kind, "\n".join(line for line in _list(element) if line.strip()))
        else:
            self._add(kind, _flat(element), int(element.name[1]) if kind is BlockKind.HEADING else 0)

    def _flush(self) -> None:
        text = "\n".join(
            line for part in "".join(self._inline).split("\n\n") if (line := _SPACE.sub(" ", part).strip())
        )
        self._inline = []
        self._add(BlockKind.PARAGRAPH, text)

    def _add(self, kind: BlockKind, text: str, level: int = 0) -> None:
        marks = [mark for mark in text if mark in MARKS]
        if marks:
            text = text.translate(WITHOUT_MARKS).strip()
        shown = bool(text.strip())
        for mark in marks:
            self.draft.missed.add(MARKS[mark], max(1, self._number + shown))
        if not shown:
            return
        if kind is BlockKind.HEADING:
            self._heading = text
        self._number += 1
        at = Locator(Unit.PARAGRAPH, self._number, self._number, self._heading)
        self.draft.add(kind, text, at, level=level)


def _text(element: Any) -> str:
    """Return the element's text as it is in the file.

    Between two elements there is a line break where the page shows one.
    """
    pieces: list[str] = []
    for child in element.children:
        name = getattr(child, "name", None)
        if name is None:
            pieces.append(str(child) if type(child).__name__ in {"NavigableString", "CData"} else "")
        elif name == "br":
            pieces.append("\n")
        else:
            pieces.append(f"\n{_text(child)}\n" if name in _BREAKS else _text(child))
    return "".join(pieces)


def _flat(element: Any) -> str:
    return _SPACE.sub(" ", _text(element)).strip()


def _list(element: Any, depth: int = 0) -> Iterator[str]:
    """Yield one line an item, with inner lists indented.

    Text in a list that belongs to no item is indented too.
    """
    number = 0
    for child in _opened(element, (*_LISTS, *_ITEMS)):
        name = getattr(child, "name", None)
        if name in _LISTS:
            yield from _list(child, depth + 1)
        elif name in _ITEMS:
            number += 1
            mark = f"{number}. " if element.name == "ol" else "" if element.name == "dl" else "- "
            yield from _item(child, depth, mark)
        else:
            yield "  " * depth + _SPACE.sub(" ", child if name is None else _text(child)).strip()


def _item(element: Any, depth: int, mark: str) -> Iterator[str]:
    """Yield an item's words behind its mark, then its other lines.

    Those are its code line by line, its inner lists, and what comes after them.
    """
    inline = ""
    for child in [*_opened(element, (*_LISTS, "pre")), None]:
        name = getattr(child, "name", None)
        if child is not None and name not in {*_LISTS, "pre"}:
            inline += child if name is None else "\n" if name == "br" else _spaced(child)
            continue
        if line := _SPACE.sub(" ", inline).strip():
            yield "  " * depth + mark + line
            mark, inline = " " * len(mark), ""
        if name == "pre":
            yield from ("  " * (depth + 1) + line for line in _text(child).strip("\n").split("\n"))
        elif child is not None:
            yield from _list(child, depth + 1)


def _spaced(element: Any) -> str:
    return f" {_text(element)} " if element.name in _BREAKS else _text(element)


def _opened(element: Any, wanted: Sequence[str]) -> Iterator[Any]:
    """Yield the element's children that are text or elements.

    In place of one that only wraps a `wanted` one, its own children are yielded.
    """
    for child in element.children:
        name = getattr(child, "name", None)
        if name is None:
            if type(child).__name__ == "NavigableString":
                yield str(child)
        elif name not in wanted and child.find(list(wanted)) is not None:
            yield from _opened(child, wanted)
        else:
            yield child


def _is_grid(table: Any) -> bool:
    """Return whether a table is one of data, not of layout.

    It has no table and no code in its cells, and no words outside them.
    """
    if (
        table.find(["table", "pre"]) is not None
    ):  # first, or tables inside tables cost the fourth power of their depth
        return False
    cells = [cell for row in table.find_all("tr") for cell in row.find_all(["td", "th"])] + table.find_all(
        "caption"
    )
    letters = sum(len(_flat(cell).replace(" ", "")) for cell in cells)
    return letters == len(_flat(table).replace(" ", ""))


def _table(element: Any) -> str:
    rows = element.find_all("tr")
    cells = [[_cell(cell) for cell in row.find_all(["td", "th"])] for row in rows]
    captions = [_flat(caption) for caption in element.find_all("caption")]
    return "\n".join(filter(None, [*captions, table_text(cells, _head_rows(rows))]))


def _pairs(element: Any) -> list[str]:
    """Return the rows of a table of names and values, none of another table."""
    rows = [row.find_all(["td", "th"]) for row in element.find_all("tr")]
    if not rows or any([cell.name for cell in row] != ["th", "td"] for row in rows):
        return []
    return [f"- {_flat(name).removesuffix(':')}: {_flat(value)}" for name, value in rows if _flat(value)]


def _cell(cell: Any) -> Cell:
    return Cell(_flat(cell), _span(cell, "colspan"), _span(cell, "rowspan"))


def _span(cell: Any, name: str) -> int:
    value = str(cell.get(name) or "").strip()
    return int(value[:4]) if value.isdigit() else 1


def _head_rows(rows: Sequence[Any]) -> int:
    """Return the number of rows at the top that only name columns."""
    marked = [row.find_parent("thead") is not None or row.find("td") is None for row in rows]
    return marked.index(False) if False in marked else 0
