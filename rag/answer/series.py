"""Comparable numbers of a column or a row of a table, in one unit.

"400 kbit/s" and "1 Mbit/s" are compared as 400 and 1000 kbit/s, "1 h 30 min" and "40 min" as 90 and 40 min.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from rag.answer.durations import as_one_unit, seconds_of, smallest
from rag.answer.structures import Item, Structure
from rag.text.words import stem

_NUMBER = re.compile(r"(?<![\w.])[-−–]?\d+(?:[.,]\d+)*(?!\w*-\d)")
_GROUPS = re.compile(r"(?<=\d)[,\u202f ](?=\d{3}(?!\d))")
_UNIT = re.compile(r"\s*([^\s\d,;:()|–−-][^\s,;:()|]*)")
_PREFIXES = {"n": -9, "u": -6, "µ": -6, "μ": -6, "m": -3, "k": 3, "K": 3, "M": 6, "G": 9, "T": 12}
"""Powers of ten. Source: the prefixes of the International System of Units; K is usual for bytes."""
MOST_UNNUMBERED = 4
"""One cell of so many may be without a number."""
_MARKS = ".*†‡"
"""Signs that may follow a unit and are no part of it, such as that of a footnote."""


@dataclass(frozen=True, slots=True)
class Series:
    """Comparable numbers of a column or a row, all in `unit`, each with its owner.

    The owner is the name of the row or of the column.
    """

    name: str
    values: tuple[tuple[Decimal, str, Item], ...]
    unit: str


def numbers_in(cell: str) -> list[Decimal]:
    """Return the numbers of a cell, thousands separators removed."""
    return [value for value, _ in _measures(cell)]


def series_of(structure: Structure, largest: bool) -> list[Series]:
    """Return the columns and rows of comparable numbers.

    Of a cell with several ("10 to 20 V") the largest or the smallest counts.
    """
    found = []
    for place, name in enumerate(structure.head):
        cells = [
            (row.cells[place], row.cells[0], row)
            for row in structure.items
            if place < len(row.cells) and not row.total
        ]
        found += _series(name, cells, largest)
    named = sum(not numbers_in(row.cells[0]) for row in structure.items)
    for row in structure.items if 2 * named > len(structure.items) else ():
        if len(row.cells) == len(structure.head) and len(row.cells) > 2:
            pairs = zip(row.cells[1:], structure.head[1:], strict=True)
            found += _series(row.cells[0], [(cell, name, row) for cell, name in pairs], largest)
    return found


def _series(name: str, cells: Sequence[tuple[str, str, Item]], largest: bool) -> list[Series]:
    measured = [(_measures(cell), owner, row) for cell, owner, row in cells]
    valued = [one for one in measured if one[0]]
    if len(measured) < 2 or len(measured) - len(valued) > len(measured) // MOST_UNNUMBERED:
        return []
    units = [unit for measures, _, _ in valued for _, unit in measures if unit]
    units = [*filter(None, [smallest(units)]), *units]
    scales = _scales(units)
    if scales is None:
        return []
    choose = max if largest else min
    values = tuple(
        (choose(value * scales.get(unit, 1) for value, unit in measures), owner, row)
        for measures, owner, row in valued
    )
    return [Series(name, values, units[0] if units else "")]


def _measures(cell: str) -> list[tuple[Decimal, str]]:
    """The numbers of a cell with their units. One without a unit has that of the next number: "0.1 to 1 V"."""
    text = as_one_unit(_GROUPS.sub("", cell))
    matches = list(_NUMBER.finditer(text))
    found: list[tuple[Decimal, str]] = []
    unit = ""
    for match in reversed(matches):
        behind = _UNIT.match(text, match.end())
        own = behind[1].rstrip(_MARKS) if behind else ""
        if own and (not found or _scales([own, unit]) is not None):
            unit = own
        try:
            value = Decimal(match.group().replace("−", "-").replace("–", "-").replace(",", "."))
        except InvalidOperation:
            continue
        found.insert(0, (value, unit))
    return found


def _scales(units: Sequence[str]) -> dict[str, Decimal] | None:
    """The factor of each unit to the first; None where the units cannot be compared."""
    factors: dict[str, Decimal] | None = None
    for base in _bases(units[0]) if units else {"": Decimal(1)}:
        found = {unit: _bases(unit).get(base) for unit in units}
        if None not in found.values():
            factors = {unit: factor for unit, factor in found.items() if factor is not None}
            break
    if factors is None:
        return None
    return {unit: factor / factors[units[0]] for unit, factor in factors.items()}


def _bases(unit: str) -> dict[str, Decimal]:
    """A unit's stem, what is behind a prefix, and seconds, each with its factor."""
    found = {stem(unit): Decimal(1)}
    if len(unit) > 1 and unit[0] in _PREFIXES:
        found[unit[1:]] = Decimal(10) ** _PREFIXES[unit[0]]
    if (seconds := seconds_of(unit)) is not None:
        found["s"] = seconds
    return found
