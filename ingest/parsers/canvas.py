"""Obsidian canvases and Excalidraw drawings: their texts from top to bottom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ingest.parsers.draft import Draft
from ingest.parsers.markdown import heading_text, markdown_blocks
from ingest.parsers.markdown_marks import render_marks
from rag.errors import UnreadableNote
from rag.note_warnings import WarningCode
from rag.types import BlockKind, Locator, Unit

_SHORT = 60
"""Most characters of a card that a labelled arrow repeats. Chosen, not measured."""


def read_canvas(text: str) -> Draft:
    """Return the cards of a canvas or the texts of a drawing, from top to bottom.

    Raises:
        UnreadableNote: it is no JSON of a canvas or a drawing.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise UnreadableNote(f"It is not a canvas: expected JSON, found text that is not ({exc}).") from exc
    if not isinstance(found, dict) or not any(
        isinstance(found.get(key), list) for key in ("nodes", "elements")
    ):
        raise UnreadableNote("It is JSON but not a canvas: there is no list of nodes in it.")
    draft = Draft(Unit.PARAGRAPH)
    for number, card in enumerate(_cards(found), 1):
        shown = render_marks(card, draft.missed).text
        heading = ""
        for block in markdown_blocks(shown):
            words = shown[block.start : block.end]
            if block.kind is BlockKind.HEADING:
                words = heading = heading_text(words)
            at = Locator(Unit.PARAGRAPH, number, number, heading)
            draft.add(block.kind, words, at, level=block.level, part=number)
    if isinstance(found.get("elements"), list):
        draft.missed.add(WarningCode.DRAWINGS, 0)
    return draft


def _cards(found: dict[str, Any]) -> Iterator[str]:
    """Yield the texts of cards, groups and labelled arrows."""
    nodes = [node for node in found.get("nodes") or found.get("elements") or [] if isinstance(node, dict)]
    nodes.sort(key=lambda node: (_number(node.get("y")), _number(node.get("x"))))
    for node in nodes:
        if words := _words(node):
            yield words
    by_name = {str(node.get("id")): node for node in nodes}
    for edge in found.get("edges") or []:
        if not isinstance(edge, dict) or not (label := " ".join(str(edge.get("label") or "").split())):
            continue
        ends = [by_name.get(str(edge.get(key)), {}) for key in ("fromNode", "toNode")]
        source, target = (" ".join(_words(node).split())[:_SHORT] for node in ends)
        yield f"{source} → {label} → {target}"


def _words(node: dict[str, Any]) -> str:
    for key in ("text", "label", "file", "url"):
        if isinstance(node.get(key), str) and node[key].strip():
            return str(node[key]).strip()
    return ""


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
