"""The formulas of a document, and questions for their right-hand sides."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.answer.notes import headings_above
from rag.study.items import GAP, ItemKind, Proposal, Topic
from rag.study.readable import heading_shown, leans, readable
from rag.text.sentences import sentence_spans
from rag.types import BlockKind, Document

_DISPLAYED = re.compile(r"\$\$(.+?)\$\$|\\\[(.+?)\\\]", re.DOTALL)
_LAYOUT = re.compile(r"\\begin|\\\\|&|\\tag|\\label")
_END = re.compile(r"(?:\s|\\[,;:! ])*[.,;]?\s*$")
LONGEST_SIDE = 120


@dataclass(frozen=True, slots=True)
class Formula:
    """A displayed equation with one equals sign: `text[start:end]` of its document.

    `about` is the sentence before it, empty where there is none.
    """

    document: str
    title: str
    headings: tuple[str, ...]
    left: str
    right: str
    start: int
    end: int
    about: str
    raw: str


def formulas_of(document: Document) -> list[Formula]:
    """Return the displayed equations of a document, those of several lines left out."""
    found: list[Formula] = []
    before = ""
    for block, headings in headings_above(document):
        text = document.text[block.start : block.end]
        if block.kind in {BlockKind.FORMULA, BlockKind.PARAGRAPH, BlockKind.LIST, BlockKind.NOTES}:
            for match in _DISPLAYED.finditer(text):
                body = match[1] or match[2]
                sides = _sides(body)
                if sides is None:
                    continue
                about = _last_sentence(text[: match.start()]) or before
                start = block.start + match.start()
                found.append(
                    Formula(
                        document.path,
                        document.title,
                        headings,
                        *sides,
                        start,
                        block.start + match.end(),
                        about,
                        match.group(),
                    )
                )
        before = _last_sentence(text) if block.kind in {BlockKind.PARAGRAPH, BlockKind.LIST} else ""
    return found


def formula_proposals(document: Document, formulas: list[Formula]) -> list[Proposal]:
    """Return a question for each formula: its right-hand side."""
    others = {one.left: one.right for one in formulas}
    found = []
    for one in formulas:
        wrong = [
            right
            for left, right in others.items()
            if left != one.left and right != one.right and _alike(right, one.right)
        ]
        lead = heading_shown(one.headings[-1] if one.headings else one.title)
        about = _opening(one.about)
        found.append(
            Proposal(
                topic=Topic.FORMULA,
                kind=ItemKind.CHOICE,
                anchor=one.left,
                lead=lead,
                text=f"{about}Complete the formula: ${one.left} =$ {GAP}",
                key=f"${one.right}$",
                document=document.path,
                start=one.start,
                end=one.end,
                headings=one.headings,
                choices=tuple(f"${right}$" for right in wrong),
                weight=0.75,
                query=f"{lead} {one.about}",
            )
        )
    return found


def _opening(about: str) -> str:
    """Return the sentence before a formula as the start of a question."""
    if not about:
        return ""
    return f"{about} " if about.endswith((".", "。")) else f"{about.rstrip(': ')} … "


def _alike(one: str, other: str) -> bool:
    """Return whether two right-hand sides are of similar length.

    Else the key would be chosen for its length.
    """
    return 0.25 <= (len(one) + 4) / (len(other) + 4) <= 4


def _sides(body: str) -> tuple[str, str] | None:
    """Return the two sides of an equation; None for anything else.

    Of several in a row the first is taken.
    """
    if _LAYOUT.search(body):
        return None
    body = re.split(r"\\qquad|\\quad", " ".join(body.split()))[0]
    body = _END.sub("", body)
    parts = re.split(r"(?<![<>!:\\])=(?!=)", body)
    if len(parts) != 2:
        return None
    left, right = parts[0].strip(), parts[1].split("\\approx")[0].strip()
    sound = all(
        side.count("{") == side.count("}") and 0 < len(side) <= LONGEST_SIDE for side in (left, right)
    )
    return (left, right) if sound and len(left) <= 40 and len(right) >= 3 else None


def _last_sentence(text: str) -> str:
    """Return the last sentence, empty if there is none.

    It brings the one before it along where it leans on that one.
    """
    spans = sentence_spans(text)
    last = readable(text[slice(*spans[-1])]) if spans else ""
    if not leans(last):
        return last
    return " ".join(readable(text[slice(*span)]) for span in spans[-2:]) if len(spans) > 1 else ""
