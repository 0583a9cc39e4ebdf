"""Numbers of tables in one unit, and arithmetic over them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rag.answer.series import series_of
from rag.answer.structures import Item, Structure


def table(head: tuple[str, ...], *rows: tuple[str, ...]) -> Structure:
    """A table without a document."""
    items = tuple(Item(n, n + 1, cells) for n, cells in enumerate(rows))
    return Structure("a.md", "A", (), "", head, items)


@pytest.mark.parametrize(
    ("cells", "values", "unit"),
    [
        (("400 kbit/s", "1 Mbit/s"), ["400", "1000"], "kbit/s"),
        (("20 mV", "1 V"), ["20", "1000"], "mV"),
        (("2 m", "5 mm"), ["2", "0.005"], "m"),
        (("1 week", "2 weeks"), ["1", "2"], "week"),
        (("under 1 €", "5 € to 30 €"), ["1", "30"], "€"),
        (("0.1 to 1 V", "7 V"), ["1", "7"], "V"),
        (("3 kg", "2 kg*"), ["3", "2"], "kg"),
        (("5 min.", "10 min"), ["5", "10"], "min"),
        (("7*", "5."), ["7", "5"], ""),
        (("1,024", "256"), ["1024", "256"], ""),
    ],
)
def test_numbers_are_compared_in_one_unit(cells: tuple[str, ...], values: list[str], unit: str) -> None:
    (series,) = series_of(
        table(("Part", "Size"), *((f"part {n}", one) for n, one in zip("AB", cells, strict=True))), True
    )[-1:]
    assert [value for value, _, _ in series.values] == [Decimal(value) for value in values]
    assert series.unit == unit


@pytest.mark.parametrize("cells", [("3 h", "40 min"), ("2 October", "1 November"), ("3 files", "7 books")])
def test_numbers_of_different_units_are_not_compared(cells: tuple[str, ...]) -> None:
    rows = [("first", cells[0]), ("second", cells[1])]
    assert not [one for one in series_of(table(("Part", "Size"), *rows), True) if one.name == "Size"]
