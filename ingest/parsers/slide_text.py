"""The paragraphs of a shape on a slide: a list, a paragraph, or code.

Nothing in the file says that a sentence goes on in the next paragraph, and on slides none does: "Prof. Iwu", "Hall 2" and "17
February" are three statements. Joined by line breaks they are read as one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from rag.types import BlockKind

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_CODE = re.compile(
    r"[;{}]$|^[}#@]|\w\([^)]*\)|\w\[[^\]]*\]|(?<![<>=!])=(?!=)|^(?:def|class|for|while|if|else|elif|return|import|from|SELECT|FROM|WHERE)\b.*"
)
_CODE_SHARE = 0.5
"""Share of lines that look like code from which all of them are. Chosen, not measured."""


def text_of(paragraphs: Sequence[Any], line_of: Callable[[Any], str]) -> tuple[BlockKind, str]:
    """Return the kind and the text of a shape's paragraphs.

    Several paragraphs are items of a list, with the numbers and levels that the slide shows. Lines of code stay lines.
    """
    lines = [(paragraph, line) for paragraph in paragraphs if (line := line_of(paragraph))]
    if len(lines) < 2:
        return BlockKind.PARAGRAPH, "".join(line for _, line in lines)
    if sum(_CODE.search(line) is not None for _, line in lines) >= _CODE_SHARE * len(lines):
        return BlockKind.PARAGRAPH, "\n".join(line for _, line in lines)
    counts: dict[int, int] = {}
    return BlockKind.LIST, "\n".join(_item(paragraph, line, counts) for paragraph, line in lines)


def _item(paragraph: Any, line: str, counts: dict[int, int]) -> str:
    """Return an item with its mark; `counts` has the last number of each level."""
    properties = paragraph.find(f"{_A}pPr")
    level = int(properties.get("lvl") or 0) if properties is not None else 0
    for deeper in [one for one in counts if one > level]:
        del counts[deeper]
    numbering = properties.find(f"{_A}buAutoNum") if properties is not None else None
    if numbering is None:
        counts.pop(level, None)
        return f"{'  ' * level}- {line}"
    counts[level] = counts.get(level, int(numbering.get("startAt") or 1) - 1) + 1
    return f"{'  ' * level}{counts[level]}. {line}"
