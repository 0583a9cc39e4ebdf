"""The head of a table for passages that begin below it."""

from __future__ import annotations

import re

from rag.text.table_cells import cells, may_name_columns
from rag.types import Block, BlockKind, Document

_MOST_HEAD_CHARS = 4000
"""Characters of a table in which its head is looked for, however long it is."""
_RULE = re.compile(r"\|?[\s:|+-]*-[\s:|+-]*")


def head_above(document: Document, block: Block, start: int) -> str:
    """Return the head of the table that a passage cuts, as `a | b`, else nothing.

    The head is the first row with bars, if a rule is below it or it has no number. `start` is the first
    character of the passage.
    """
    if block.kind is not BlockKind.TABLE or start <= block.start:
        return ""
    above = document.text[block.start : min(start, block.start + _MOST_HEAD_CHARS)].splitlines()
    rows = [line.strip() for line in above if "|" in line]
    if not rows or _RULE.fullmatch(rows[0]):
        return ""
    ruled = len(rows) > 1 and _RULE.fullmatch(rows[1]) is not None
    head = cells(rows[0])
    return " | ".join(head) if ruled or may_name_columns(head) else ""
