"""reStructuredText, with the directives and roles of Sphinx; docutils parses it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest.parsers.decoding import decode
from ingest.parsers.draft import Draft
from ingest.parsers.missed import described
from ingest.parsers.rst_directives import DRAWING, with_unknown_names
from ingest.parsers.rst_inline import bounded_inliner
from ingest.parsers.table_text import Cell, table_text
from rag.note_warnings import WarningCode
from rag.types import BlockKind, Locator, Unit

_SETTINGS = {
    "file_insertion_enabled": False,  # `include` and `csv-table :file:` would read any file of the machine
    "raw_enabled": False,
    "report_level": 3,
    "halt_level": 5,
    "doctitle_xform": True,
    "sectsubtitle_xform": False,
    "output_encoding": "unicode",
    "line_length_limit": 1_000_000,
    "_disable_config": True,
    "syntax_highlight": "none",
    "warning_stream": False,
}
_CODE = frozenset(("literal_block", "doctest_block", "math_block"))
_LISTS = frozenset(("bullet_list", "enumerated_list", "definition_list", "field_list", "option_list"))
_ADMONITIONS = frozenset(
    "note warning tip hint important caution danger attention error admonition topic sidebar".split()
)


def read_rst(data: bytes) -> tuple[Draft, str]:
    """Return the document's blocks, located by line, and its title.

    Raises:
        UnreadableNote: it is not text.
    """
    import docutils.core
    from docutils.parsers.rst import Parser

    decoded = decode(data)
    with_unknown_names()
    tree = docutils.core.publish_doctree(
        decoded.text, parser=Parser(inliner=bounded_inliner()), settings_overrides=_SETTINGS
    )
    page = _Page()
    page.draft.warnings += decoded.warnings
    page.read(tree)
    return page.draft, tree.get("title", "")


class _Page:
    """The blocks of a document while its tree is walked."""

    def __init__(self) -> None:
        self.draft = Draft(Unit.LINE)
        self._heading = ""
        self._last_line = 1
        self._top = 0

    def read(self, tree: Any) -> None:
        """Add the whole document; sections are a level below its title."""
        self._top = int(bool(tree.get("title")))
        self.walk(tree, 0)

    def walk(self, parent: Any, level: int) -> None:
        """Add the children of a node; `level` is that of the section around them."""
        for node in parent.children:
            name = node.tagname
            if name == "section":
                self.walk(node, level + 1)
            elif name in {"title", "subtitle", "rubric"}:
                self._title(node, level)
            elif name in _CODE:
                kind = BlockKind.FORMULA if name == "math_block" else BlockKind.CODE
                self._add(kind, f"$${node.astext()}$$" if name == "math_block" else node.astext(), node)
            elif name in _LISTS:
                self._add(BlockKind.LIST, "\n".join(list_lines(node)), node)
            elif name == "table":
                self._table(node)
            elif name in {"footnote", "citation"}:
                label = node.children[0].astext() if node.children else ""
                words = " ".join(one.astext() for one in node.children[1:])
                self._add(BlockKind.NOTES, f"[{label}] {words}", node)
            elif name == "docinfo":
                self._add(BlockKind.METADATA, "\n".join(_fields(node)), node)
            elif name in {"image", "figure"} or DRAWING in node.get("classes", ()):
                self._picture(node, level)
            elif name in {
                "comment",
                "substitution_definition",
                "target",
                "pending",
                "system_message",
                "problematic",
            }:
                continue
            elif name in _ADMONITIONS or (node.children and not _is_inline(node)):
                self._boxed(node, level)
            else:
                self._add(BlockKind.PARAGRAPH, node.astext(), node)

    def _title(self, node: Any, level: int) -> None:
        if node.parent.tagname in _ADMONITIONS:
            self._add(BlockKind.PARAGRAPH, node.astext(), node)
            return
        self._heading = " ".join(node.astext().split())
        self._add(BlockKind.HEADING, self._heading, node, min(6, max(1, level + self._top)))

    def _boxed(self, node: Any, level: int) -> None:
        """Add a note, a warning or an unknown directive with its contents."""
        own = [child for child in node.children if child.tagname != "title"]
        if (
            node.tagname in _ADMONITIONS - {"admonition", "topic", "sidebar"}
            and own
            and own[0].tagname == "paragraph"
        ):
            self._add(BlockKind.PARAGRAPH, f"{node.tagname.capitalize()}: {own[0].astext()}", own[0])
            rest = own[1:]
        else:
            rest = list(node.children)
        self.walk(_Children(rest), level)

    def _refused(self, node: Any) -> None:
        """Add the source of what docutils could not read, so that nothing is lost."""
        for source in (child for child in node.children if child.tagname == "literal_block"):
            self._add(BlockKind.CODE, source.astext(), source)

    def _table(self, node: Any) -> None:
        for title in (child for child in node.children if child.tagname == "title"):
            self._add(BlockKind.PARAGRAPH, title.astext(), title)
        found = list(node.findall(lambda one: one.tagname == "row"))
        rows = [
            [
                Cell(
                    " ".join(entry.astext().split()),
                    int(entry.get("morecols", 0)) + 1,
                    int(entry.get("morerows", 0)) + 1,
                )
                for entry in row.children
            ]
            for row in found
        ]
        head_rows = sum(row.parent.tagname == "thead" for row in found)
        self._add(BlockKind.TABLE, table_text(rows, head_rows), node)

    def _picture(self, node: Any, level: int) -> None:
        if DRAWING in node.get("classes", ()):
            self.draft.missed.add(WarningCode.DIAGRAMS, self._line(node))
        pictures = (
            [node] if node.tagname == "image" else list(node.findall(lambda one: one.tagname == "image"))
        )
        for picture in pictures:
            if text := described(picture.get("alt")):
                self._add(BlockKind.PARAGRAPH, text, picture)
            else:
                self.draft.missed.add(WarningCode.PICTURES, self._line(picture), picture.get("uri", ""))
        self.walk(_Children([one for one in node.children if one.tagname != "image"]), level)

    def _add(self, kind: BlockKind, text: str, node: Any, level: int = 0) -> None:
        first = self._line(node) - (kind is BlockKind.HEADING)  # docutils names the line below a title
        last = first + text.count("\n")
        self.draft.add(
            kind, text, Locator(Unit.LINE, max(1, first), max(1, last), self._heading), level=level
        )

    def _line(self, node: Any) -> int:
        """Return the line of the node or of its first part, else the last one known."""
        lines = (one.line for one in node.findall() if getattr(one, "line", None))
        self._last_line = max(self._last_line, next(lines, self._last_line))
        return self._last_line


class _Children:
    """Some children of a node, for `walk`."""

    def __init__(self, children: list[Any]) -> None:
        self.children = children


def list_lines(node: Any, depth: int = 0) -> Iterator[str]:
    """Yield one line an item of a list of any kind, with inner lists indented."""
    for number, item in enumerate(node.children, int(node.get("start", 1) or 1)):
        mark = f"{number}. " if node.tagname == "enumerated_list" else "- "
        if item.tagname in {"definition_list_item", "field", "option_list_item"}:
            names = ", ".join(one.astext() for one in item.children[:-1])
            body = item.children[-1] if item.children else item
            words = " ".join(one.astext() for one in body.children if one.tagname not in _LISTS)
            yield "  " * depth + mark + f"{names}: {' '.join(words.split())}"
            inner = [one for one in body.children if one.tagname in _LISTS]
        else:
            words = " ".join(one.astext() for one in item.children if one.tagname not in _LISTS)
            yield "  " * depth + mark + " ".join(words.split())
            inner = [one for one in item.children if one.tagname in _LISTS]
        for one in inner:
            yield from list_lines(one, depth + 1)


def _fields(node: Any) -> Iterator[str]:
    """Yield `name: value` of author, date and other fields at the start of a document."""
    for child in node.children:
        if child.tagname == "field":
            name, body = child.children[0].astext(), child.children[-1].astext()
            yield f"{name}: {' '.join(body.split())}"
        else:
            yield f"{child.tagname}: {' '.join(child.astext().split())}"


def _is_inline(node: Any) -> bool:
    """Return whether a node is a paragraph: all its children are words."""
    from docutils import nodes

    return isinstance(node, nodes.TextElement)
