"""HTML pages: the main text, without menus, scripts and styles.

BeautifulSoup parses whatever a browser would; this module knows which elements hold text, which begin a block of their own
and which are furniture.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ingest.readers.draft import Draft
from rag.types import BlockKind, Locator, Unit

if TYPE_CHECKING:
    from bs4 import Tag

_FURNITURE = "script:not([type^='math/']), style, noscript, template, nav, footer, aside, svg, iframe, button, select, dialog, [hidden], "
_FURNITURE += "[aria-hidden=true], [role=navigation], [role=banner], [role=search], [role=contentinfo]"
_LEAVES = {
    **{f"h{level}": BlockKind.HEADING for level in range(1, 7)},
    **dict.fromkeys(("p", "blockquote", "figcaption", "summary", "caption"), BlockKind.PARAGRAPH),
    **dict.fromkeys(("ul", "ol", "dl"), BlockKind.LIST),
    "pre": BlockKind.CODE,
    "table": BlockKind.TABLE,
    "math": BlockKind.FORMULA,
}
_BLOCKS = [
    *_LEAVES,
    "div",
    "section",
    "article",
    "main",
    "header",
    "figure",
    "details",
    "hr",
    "fieldset",
    "address",
    "center",
    "body",
    "form",
    "tr",
    "td",
    "th",
    "li",
    "dt",
    "dd",
]
_LISTS = ("ul", "ol", "dl")
_ITEMS = ("li", "dt", "dd")
_BREAKS = frozenset(_BLOCKS)
_SPACE = re.compile(r"[ \t\r\f\n]+")
_LEAST_LETTERS = 40


def read_html(text: str) -> tuple[Draft, str]:
    """The page's blocks and its title."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(text, "lxml")
    title = _flat(soup.title) if soup.title else ""
    for element in soup.select(_FURNITURE):
        element.decompose()
    for form in filter(_only_asks, soup.find_all("form")):
        form.decompose()
    whole = soup.body or soup
    for root in (_main(soup), whole):
        if root is not None and (root is whole or len(_flat(root)) > _LEAST_LETTERS):
            page = _Page()
            page.walk(root)
            return page.draft, title
    return Draft(), title


def _only_asks(form: Any) -> bool:
    """Whether a form is one to fill in (a search, a login), and not the frame around a page's text."""
    return form.find(list(_LEAVES)) is None and len(_flat(form)) <= _LEAST_LETTERS


def _main(soup: Any) -> Tag | None:
    """The element that holds the main text, if the page marks one."""
    for name in ("main", "[role=main]", "article"):
        found = soup.select(name)
        if len(found) == 1:
            root: Tag = found[0]
            return root
    return None


class _Page:
    """The blocks of a page while its elements are walked."""

    def __init__(self) -> None:
        self.draft = Draft()
        self._heading = ""
        self._number = 0
        self._inline: list[str] = []

    def walk(self, element: Any) -> None:
        """Adds what an element holds; text and inline elements between two blocks become one paragraph."""
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
            self._add(kind, _table(element))
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
        if not text.strip():
            return
        if kind is BlockKind.HEADING:
            self._heading = text
        self._number += 1
        at = Locator(Unit.PARAGRAPH, self._number, self._number, self._heading)
        self.draft.add(kind, text, at, level=level)


def _text(element: Any) -> str:
    """The element's text as it lies in the file, a line break where the page shows one between two elements."""
    if element.name == "script":  # a formula: all others are gone
        return str(element.get_text())
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
    """One line an item; inner lists are indented, and so is what stands in a list without being an item of it."""
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
    """The item's words behind its mark; below them its code line by line, its inner lists, and what comes after those."""
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
    """The element's children that are text or elements; in the place of one that only wraps a `wanted` one, its own."""
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
    """Whether a table is one of data: no table and no code in its cells, and no words outside them."""
    cells = [cell for row in table.find_all("tr") for cell in row.find_all(["td", "th"])] + table.find_all(
        "caption"
    )
    letters = sum(len(_flat(cell).replace(" ", "")) for cell in cells)
    return table.find(["table", "pre"]) is None and letters == len(_flat(table).replace(" ", ""))


def _table(element: Any) -> str:
    rows = (" | ".join(_flat(cell) for cell in row.find_all(["td", "th"])) for row in element.find_all("tr"))
    lines = [_flat(caption) for caption in element.find_all("caption")] + [*rows]
    return "\n".join(line for line in lines if line.strip(" |"))
