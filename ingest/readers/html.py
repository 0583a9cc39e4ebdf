"""HTML pages: the main text, without menus, scripts and styles.

BeautifulSoup parses whatever a browser would; this module knows which elements hold text, which begin a block of their own
and which are furniture.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ingest.readers.draft import Draft
from rag.types import BlockKind, Locator, Unit

if TYPE_CHECKING:
    from bs4 import Tag

_FURNITURE = "script:not([type^='math/']), style, noscript, template, nav, footer, aside, form, svg, iframe, button, dialog, [hidden], "
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
    "td",
]
_SPACE = re.compile(r"[ \t\r\f\n]+")
_LEAST_LETTERS = 40


def read_html(text: str) -> tuple[Draft, str]:
    """The page's blocks and its title."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(text, "lxml")
    title = _flat(soup.title) if soup.title else ""
    for element in soup.select(_FURNITURE):
        element.decompose()
    whole = soup.body or soup
    for root in (_main(soup), whole):
        if root is not None and (root is whole or len(_flat(root)) > _LEAST_LETTERS):
            page = _Page()
            page.walk(root)
            return page.draft, title
    return Draft(), title


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
                self._inline.append(child.get_text())
        self._flush()

    def _leaf(self, element: Any, kind: BlockKind) -> None:
        if kind is BlockKind.CODE:
            self._add(kind, element.get_text())
        elif kind is BlockKind.TABLE and not element.find("table"):
            self._add(kind, _table(element))
        elif kind is BlockKind.TABLE or (
            kind is BlockKind.PARAGRAPH and element.find(list(_LEAVES)) is not None
        ):
            self.walk(element)  # a table that only lays the page out, a quotation of several paragraphs
        elif kind is BlockKind.LIST:
            self._add(kind, _list(element))
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


def _flat(element: Any) -> str:
    return _SPACE.sub(" ", element.get_text()).strip()


def _list(element: Any, depth: int = 0) -> str:
    """One line an item; the items of an inner list are indented."""
    lines = []
    for number, item in enumerate(element.find_all(["li", "dt", "dd"], recursive=False), 1):
        inner = [
            child.extract()
            for child in item.find_all(["ul", "ol", "dl"])
            if child.find_parent(["ul", "ol", "dl"]) is element
        ]
        mark = f"{number}. " if element.name == "ol" else "" if element.name == "dl" else "- "
        lines.append("  " * depth + mark + _flat(item))
        lines.extend(_list(child, depth + 1) for child in inner)
    return "\n".join(line for line in lines if line.strip())


def _table(element: Any) -> str:
    rows = (" | ".join(_flat(cell) for cell in row.find_all(["td", "th"])) for row in element.find_all("tr"))
    return "\n".join(row for row in rows if row.strip(" |"))
