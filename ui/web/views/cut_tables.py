"""Tables that a passage goes on with after their head."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile

from rag.text.table_cells import cells, is_rule
from rag.types import Document, DocumentKind

_ROW = re.compile(r"[ \t]*\|[^\n]*\|[ \t]*")


def head_above(document: Document, start: int) -> str:
    """Return the head of the Markdown table that goes on at `start`, with its rule.

    Empty where no table does.
    """
    if document.kind is not DocumentKind.MARKDOWN:
        return ""
    rows = list(takewhile(lambda line: "|" in line, _lines_above(document.text, start)))
    if len(rows) < 2 or not is_rule(rows[-2]):
        return ""
    return f"{rows[-1]}\n{rows[-2]}\n"


def _lines_above(text: str, at: int) -> Iterator[str]:
    """Yield the lines before the one of `at`, the nearest first."""
    end = text.rfind("\n", 0, at)
    while end >= 0:
        start = text.rfind("\n", 0, end) + 1
        yield text[start:end]
        end = start - 1


def with_head(text: str, head: str = "") -> str:
    """Return what to put before a text that begins with table rows without a head.

    That is `head`, or one of empty cells. Empty where it begins with something else.
    """
    first, _, rest = text.partition("\n")
    second = rest.partition("\n")[0]
    if not is_row(first) or is_rule(second) or is_rule(first):
        return ""
    return head or empty_head(first)


def continued_head(above: str, head: str) -> str:
    """Return `head` if only rows of its table are `above` in a passage, else nothing."""
    return head if all(map(is_row, above.splitlines())) else ""


def is_row(line: str) -> bool:
    """Return whether a line is a table's row with bars at both ends."""
    return _ROW.fullmatch(line) is not None


def empty_head(row: str) -> str:
    """Return a table head without names for rows like `row`, and its rule."""
    columns = len(cells(row))
    return f"|{' |' * columns}\n|{' --- |' * columns}\n"
