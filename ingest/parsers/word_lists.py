"""The numbers and bullets of list items, which are not in the file as text."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_PLACE = re.compile(r"%(\d)")
_LEVELS = 9
"""Levels of a list in Word (`w:ilvl` is 0 to 8)."""
_ROMAN = tuple(
    zip(
        (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
        "m cm d cd c xc l xl x ix v iv i".split(),
        strict=True,
    )
)


class ListNumbers:
    """Counts the items of a document's lists.

    The paragraphs must be asked for in their order.
    """

    def __init__(self, document: Any) -> None:
        self._levels: dict[str, dict[int, tuple[str, str, int]]] = {}
        self._abstract: dict[str, str] = {}
        self._counts: dict[str, list[int | None]] = defaultdict(lambda: [None] * _LEVELS)
        self._of_style: dict[str, tuple[str, int]] = {}
        for relation in document.part.rels.values():
            if relation.reltype.endswith("/numbering") and not relation.is_external:
                self._read(relation.target_part.element)
        for style in document.styles.element:
            if (numbering := _numbering(style)) is not None:
                self._of_style[style.get(f"{_W}styleId")] = numbering

    def label(self, paragraph: Any, text: str) -> str:
        """Return the label of a paragraph: `3.`, `b)`, `-` for any bullet.

        It is empty if the paragraph is no item of a list.
        """
        numbering = _numbering(paragraph)
        if numbering is None:
            style = paragraph.find(f"{_W}pPr/{_W}pStyle")
            numbering = self._of_style.get(style.get(f"{_W}val")) if style is not None else None
        if numbering is None or not text.strip():
            return ""
        number, level = numbering
        levels = self._levels.get(self._abstract.get(number, ""), {})
        if level not in levels:
            return ""
        form, pattern, start = levels[level]
        if form == "bullet":
            return "-"
        if form == "none":
            return ""
        counts = self._counts[self._abstract[number]]
        before = counts[level]
        counts[level] = start if before is None else before + 1
        counts[level + 1 :] = [None] * (_LEVELS - level - 1)
        return _PLACE.sub(lambda place: self._shown(levels, counts, int(place[1]) - 1), pattern).strip()

    def _read(self, root: Any) -> None:
        for abstract in root.iter(f"{_W}abstractNum"):
            levels = {}
            for level in abstract.iter(f"{_W}lvl"):
                start = int(_value(level, "start") or 1)
                levels[int(level.get(f"{_W}ilvl"))] = (
                    _value(level, "numFmt") or "decimal",
                    _value(level, "lvlText"),
                    start,
                )
            self._levels[abstract.get(f"{_W}abstractNumId")] = levels
        for number in root.iter(f"{_W}num"):
            self._abstract[number.get(f"{_W}numId")] = _value(number, "abstractNumId")

    @staticmethod
    def _shown(levels: dict[int, tuple[str, str, int]], counts: list[int | None], level: int) -> str:
        """Return the number of a level in its own form."""
        form, _, start = levels.get(level, ("decimal", "", 1))
        count = counts[level]
        return _in_form(start if count is None else count, form)


def _numbering(element: Any) -> tuple[str, int] | None:
    """Return (list number, level) that a paragraph or a style names itself."""
    found = element.find(f"{_W}pPr/{_W}numPr")
    if found is None or not _value(found, "numId"):
        return None
    return _value(found, "numId"), min(int(_value(found, "ilvl") or 0), _LEVELS - 1)


def _value(element: Any, name: str) -> str:
    child = element.find(f"{_W}{name}")
    return "" if child is None else str(child.get(f"{_W}val") or "")


def _in_form(count: int, form: str) -> str:
    """Return a count in one of Word's number formats; decimal for the rarer ones."""
    if form in {"lowerLetter", "upperLetter"} and count > 0:
        letter = chr(ord("a") + (count - 1) % 26) * ((count - 1) // 26 + 1)
        return letter.upper() if form == "upperLetter" else letter
    if form in {"lowerRoman", "upperRoman"} and count > 0:
        roman = ""
        for value, sign in _ROMAN:
            roman += sign * (count // value)
            count %= value
        return roman.upper() if form == "upperRoman" else roman
    return str(count)
