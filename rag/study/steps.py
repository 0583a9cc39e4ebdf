"""Questions about the order of the steps of a procedure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from rag.answer.notes import headings_above
from rag.answer.structures import Item as Row
from rag.answer.structures import list_items
from rag.study.items import ItemKind, Proposal, Topic
from rag.study.readable import heading_shown, names_a_file, readable
from rag.text.words import tokens
from rag.types import BlockKind, Document

_NUMBERED = re.compile(r"\s*1[.)]\s")
LEAST_STEPS, MOST_STEPS = 4, 12
MOST_WORDS = 22
"""Most words of a step that is offered as a choice."""


def step_proposals(document: Document) -> list[Proposal]:
    """Return one question for each numbered procedure: the step after another one."""
    found: list[Proposal] = []
    before = ""
    for block, headings in headings_above(document):
        text = document.text[block.start : block.end]
        if block.kind is BlockKind.LIST and _NUMBERED.match(text) and headings:
            items = list_items(document.text, block.start, block.end)
            steps = [readable(item.text) for item in items]
            if _procedure(steps, before):
                found += _question(document, headings, items, steps)
        before = text if block.kind is BlockKind.PARAGRAPH else ""
    return found


def _procedure(steps: Sequence[str], before: str) -> bool:
    """Return whether numbered items are steps: several, short and introduced."""
    return (
        LEAST_STEPS <= len(steps) <= MOST_STEPS
        and len(set(steps)) == len(steps)
        and all(3 <= len(tokens(step)) <= MOST_WORDS for step in steps)
        and not any(re.search(r"\?|://|```|\|", step) or names_a_file(step) for step in steps)
        and before.rstrip("*_ \n").endswith(":")
    )


def _question(
    document: Document, headings: tuple[str, ...], items: Sequence[Row], steps: Sequence[str]
) -> list[Proposal]:
    place = Random(steps[0]).randrange(len(steps) - 1)
    wrong = [step for number, step in enumerate(steps) if number not in (place, place + 1)]
    return [
        Proposal(
            topic=Topic.STEP,
            kind=ItemKind.CHOICE,
            anchor=f"{headings[-1]} | {steps[place]}",
            lead=heading_shown(headings[-1]),
            text=f"which step comes directly after “{steps[place].rstrip('.')}”?",
            key=steps[place + 1],
            document=document.path,
            start=items[place].start,
            end=items[place + 1].end,
            headings=headings,
            choices=tuple(wrong),
            weight=0.45,
            asks=f"What are the steps of {heading_shown(headings[-1])}?",
        )
    ]
