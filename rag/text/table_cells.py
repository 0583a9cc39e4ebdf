"""The cells of a table's row, and whether a first row names the columns."""

from __future__ import annotations

import re
from collections.abc import Sequence

_RULE = re.compile(r"\|?[\s:|-]*-[\s:|-]*")
_NUMBER = re.compile(r"[-+−–~≈<>≤≥$€£¥#]?\s?\d")
_LETTERS = re.compile(r"[^\W\d_]+")
_VALUED = re.compile(r"[^\W\d_]:\s*[-+−]?\d[\d.,/%]*$")
"""A name with its value in one cell. A head like "Ratio 1:2" has no letter before its colon."""
_UNIT_LETTERS = 4
"""Most letters behind a number that are its unit (`14 kDa`)."""
HEAD_COLUMNS = 3
"""Columns from which the first row of a table without any numbers is its head.

With two columns it may be a list of names and values. Chosen, not measured.
"""
ROWS_BELOW = 2
"""Least rows below the first for that to be a head by its cells.

A table whose head has a rule below it needs none. With one row below, words over a number may be chance.
Chosen, not measured.
"""


def cells(line: str) -> list[str]:
    """Return the cells of a table's row, with or without bars at both ends."""
    inner = line.strip()
    if inner.startswith("|"):
        inner = inner.removeprefix("|").removesuffix("|")
    return [cell.strip() for cell in inner.split("|")]


def is_rule(line: str) -> bool:
    """Return whether a line is the rule below the head of a Markdown table."""
    return _RULE.fullmatch(line) is not None


def with_names(names: Sequence[str], row: Sequence[str]) -> str:
    """Return a row's cells with the names of their columns.

    "Element: Gold; Density: 10.8". Empty cells are left out, and a cell whose column has no name is alone.
    """
    pairs = zip(names, row, strict=False)
    return "; ".join(f"{name}: {cell}" if name else cell for name, cell in pairs if cell)


def has_number(row: Sequence[str]) -> bool:
    """Return whether a cell of the row is a number, with a unit or not."""
    return any(_NUMBER.match(cell) and sum(map(len, _LETTERS.findall(cell))) <= _UNIT_LETTERS for cell in row)


def may_name_columns(row: Sequence[str]) -> bool:
    """Return whether a first row could be a head.

    It is without a number, or has an empty corner. A cell that is a name with its value ("Epoch: 001") is a number's.
    """
    valued = any(_VALUED.search(cell) for cell in row)
    return len(row) > 1 and (not row[0] or not has_number(row)) and not valued


def names_columns(row: str, below: Sequence[str]) -> bool:
    """Return whether a first row, without a rule below it, names the columns.

    It is where its corner is empty, where it alone has no number, or where a table of many columns has none.
    """
    head = cells(row)
    if not below or not may_name_columns(head):
        return False
    rows = [cells(line) for line in below]
    alike = all(len(one) == len(head) for one in rows)
    if not head[0] and alike:
        return True
    if len(rows) < ROWS_BELOW:
        return False
    return (len(head) >= HEAD_COLUMNS and alike) or all(map(has_number, rows))
