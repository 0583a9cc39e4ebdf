"""HTML pages: the main text, without menus, scripts and styles."""

from __future__ import annotations

from typing import Any

from ingest.readers.draft import Draft
from rag.types import BlockKind, Locator, Unit

_DROPPED = (
    "script",
    "style",
    "noscript",
    "template",
    "nav",
    "footer",
    "aside",
    "form",
    "svg",
    "iframe",
    "button",
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LEAVES = {
    **dict.fromkeys(_HEADINGS, BlockKind.HEADING),
    "p": BlockKind.PARAGRAPH,
    "blockquote": BlockKind.PARAGRAPH,
    "dl": BlockKind.LIST,
    "ul": BlockKind.LIST,
    "ol": BlockKind.LIST,
    "pre": BlockKind.CODE,
    "table": BlockKind.TABLE,
    "figcaption": BlockKind.PARAGRAPH,
}


def read_html(text: str) -> tuple[Draft, str]:
    """The page's blocks and its title."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(text, "lxml")
    title = " ".join(soup.title.get_text().split()) if soup.title else ""
    for tag in soup(list(_DROPPED)):
        tag.decompose()
    draft = Draft()
    state = {"heading": "", "number": 0}
    root = soup.find("main") or soup.find("article") or soup.body or soup
    _walk(root, draft, state)
    return draft, title


def _walk(node: Any, draft: Draft, state: dict[str, Any]) -> None:
    for child in node.children:
        name = getattr(child, "name", None)
        if name is None:
            if child.strip():
                _add(draft, BlockKind.PARAGRAPH, " ".join(child.split()), state)
        elif name in _LEAVES:
            kind = _LEAVES[name]
            text = child.get_text() if kind is BlockKind.CODE else _flat(child, name)
            if kind is BlockKind.HEADING:
                state["heading"] = " ".join(text.split())
            _add(draft, kind, text, state, _HEADINGS.get(name, 0))
        else:
            _walk(child, draft, state)


def _flat(node: Any, name: str) -> str:
    if name in {"ul", "ol", "dl"}:
        return "\n".join(" ".join(item.get_text(" ").split()) for item in node.find_all(["li", "dt", "dd"]))
    if name == "table":
        return "\n".join(
            " | ".join(" ".join(cell.get_text(" ").split()) for cell in row.find_all(["td", "th"]))
            for row in node.find_all("tr")
        )
    return " ".join(node.get_text().split())


def _add(draft: Draft, kind: BlockKind, text: str, state: dict[str, Any], level: int = 0) -> None:
    if text.strip():
        state["number"] += 1
        at = Locator(Unit.PARAGRAPH, state["number"], state["number"], state["heading"])
        draft.add(kind, text, at, level=level)
