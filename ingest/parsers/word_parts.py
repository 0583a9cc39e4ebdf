"""Parts of a Word document beside its body: notes, comments, headers, footers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ingest.parsers.missed import Missed
from ingest.parsers.office_charts import xml_root
from ingest.parsers.word_text import W, paragraph_text
from rag.note_warnings import WarningCode

_WORD = re.compile(r"[^\W\d_]+")
_COUNTING_WORDS = 2
"""Most words of a header or footer that only counts the pages ("Page 3 of 10")."""


def part_roots(document: Any, name: str, missed: Missed) -> Iterator[Any]:
    """Yield the root of each part of a kind (`footnotes`, `comments`, `header`, ...).

    One that is no XML is counted as damaged.
    """
    from lxml.etree import XMLSyntaxError

    for relation in document.part.rels.values():
        if relation.is_external or not relation.reltype.endswith(f"/{name}"):
            continue
        try:
            yield xml_root(relation.target_part.blob)
        except XMLSyntaxError:
            missed.add(WarningCode.DAMAGED_PARTS, 0, name)


def notes(document: Any, missed: Missed) -> Iterator[str]:
    """Yield the foot- and endnotes, numbered as the text refers to them."""
    for name in ("footnotes", "endnotes"):
        for root in part_roots(document, name, missed):
            for note in root:
                text = _text(note)
                if text and note.get(f"{W}type") is None:
                    yield f"[{note.get(f'{W}id')}] {text}"


def comments(document: Any, missed: Missed) -> dict[str, str]:
    """Return each comment by its number, with its author."""
    found: dict[str, str] = {}
    for root in part_roots(document, "comments", missed):
        for comment in root.iter(f"{W}comment"):
            author = " ".join((comment.get(f"{W}author") or "").split())
            if text := _text(comment):
                found[comment.get(f"{W}id") or ""] = (
                    f"Comment ({author}): {text}" if author else f"Comment: {text}"
                )
    return found


def margins(document: Any, missed: Missed) -> list[str]:
    """Return the texts of headers and footers, each once.

    Those that only count the pages are left out.
    """
    texts = [
        text
        for name in ("header", "footer")
        for root in part_roots(document, name, missed)
        if (text := _text(root)) and len(_WORD.findall(text)) > _least_words(root)
    ]
    return list(dict.fromkeys(texts))


def _least_words(root: Any) -> int:
    counts = any("PAGE" in (node.text or "") for node in root.iter(f"{W}instrText")) or any(
        "PAGE" in (node.get(f"{W}instr") or "") for node in root.iter(f"{W}fldSimple")
    )
    return _COUNTING_WORDS if counts else 0


def _text(element: Any) -> str:
    return " ".join(" ".join(map(paragraph_text, element.iter(f"{W}p"))).split())
