"""Lists that are no block of their own.

They are inside the items of another list, or bold terms that open paragraphs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rag.answer.cited_lines import plain
from rag.answer.notes import headings_above
from rag.answer.structures import INTRO_CHARS, Item, Structure, list_items
from rag.types import Block, BlockKind, Document

LEAST_ITEMS, LEAST_TERMS = 2, 3
TERM_WORDS = 8
"""Words of a bold term at most; a longer one is a sentence that is stressed."""
_TERM = re.compile(r"^\W*?(?P<mark>\*\*|__)(?P<term>[^\n]+?)(?P=mark)")
_FENCE = re.compile(r"^[ \t]*(?:```|~~~).*?^[ \t]*(?:```|~~~)", re.DOTALL | re.MULTILINE)

Placed = Sequence[tuple[Block, tuple[str, ...]]]


def further_lists(document: Document) -> list[Structure]:
    """Return the lists inside items, and the bold terms that open paragraphs."""
    placed = headings_above(document)
    return [*_nested(document, placed), *_terms(document, placed)]


def _nested(document: Document, placed: Placed) -> Iterator[Structure]:
    """Yield the list inside each item, with the item's words before it."""
    for block, headings in placed:
        if block.kind is not BlockKind.LIST:
            continue
        for item in list_items(document.text, block.start, block.end):
            body = document.text[item.start : item.end]
            first = body.find("\n")
            inner = (
                list_items(_without_code(document.text, item), item.start + first, item.end)
                if first > 0
                else ()
            )
            if len(inner) >= LEAST_ITEMS:
                intro = plain(_FENCE.sub("", document.text[item.start : inner[0].start]).rstrip(" \t\n-*+•–"))
                yield Structure(document.path, document.title, headings, intro[-INTRO_CHARS:], (), inner)


def _without_code(text: str, item: Item) -> str:
    """The text with the fenced code of an item blank, so that its lines are no items."""
    body = _FENCE.sub(lambda fence: re.sub(r"[^\n]", " ", fence.group()), text[item.start : item.end])
    return text[: item.start] + body + text[item.end :]


def _terms(document: Document, placed: Placed) -> Iterator[Structure]:
    """Yield the bold terms that open several paragraphs under one heading."""
    sections: dict[tuple[str, ...], list[tuple[Block, str | None]]] = {}
    for block, headings in placed:
        sections.setdefault(headings, []).append((block, _term(document.text, block)))
    for headings, blocks in sections.items():
        opening = [place for place, (_, term) in enumerate(blocks) if term]
        if len(opening) < LEAST_TERMS:
            continue
        stops = [*opening[1:], opening[-1] + 2]
        items = []
        for place, stop in zip(opening, stops, strict=True):
            block, term = blocks[place]
            last = blocks[min(stop, len(blocks)) - 1][0]
            items.append(Item(block.start, last.end, (term or "",)))
        before = [block for block, term in blocks[: opening[0]] if block.kind is BlockKind.PARAGRAPH]
        intro = plain(document.text[before[-1].start : before[-1].end])[-INTRO_CHARS:] if before else ""
        yield Structure(document.path, document.title, headings, intro, (), tuple(items))


def _term(text: str, block: Block) -> str | None:
    """The bold term that a paragraph opens with, None without one."""
    if block.kind is not BlockKind.PARAGRAPH or (found := _TERM.match(text[block.start : block.end])) is None:
        return None
    term = plain(found["term"]).strip(" :.")
    return term if 0 < len(term.split()) <= TERM_WORDS else None
