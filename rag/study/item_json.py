"""Items as JSON objects, in the form of the command line, and back."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from rag.study.items import Item, ItemKind, Source, Topic


def item_record(item: Item) -> dict[str, Any]:
    """Return an item as plain values, as `lectern study quiz --json` prints it."""
    return asdict(item)


def item_to_json(item: Item) -> str:
    """Return an item as one line of JSON."""
    return json.dumps(item_record(item), ensure_ascii=False)


def item_from_json(text: str) -> Item:
    """Return the item of a line of JSON."""
    found = json.loads(text)
    return Item(
        id=found["id"],
        kind=ItemKind(found["kind"]),
        question=found["question"],
        choices=tuple(found["choices"]),
        answer=found["answer"],
        answers=tuple(found["answers"]),
        explanation=found["explanation"],
        citation=Source(**found["citation"]),
        topic=Topic(found["topic"]),
        section=tuple(found["section"]),
        unit=found["unit"],
    )
