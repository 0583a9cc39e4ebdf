"""Numbers of tables in one unit, and arithmetic over them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rag.answer.durations import as_one_unit
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
        (("1 h 30 min", "45 min"), ["90", "45"], "min"),
        (("2 h", "1h30"), ["120", "90"], "min"),
        (("2 h 5 min", "1 hr 30 mins"), ["125", "90"], "min"),
        (("1 Std. 30 Min.", "2 Std."), ["90", "120"], "Min"),
        (("1 h 5 min 20 s", "59 min"), ["3920", "3540"], "s"),
        (("3 h", "40 min"), ["180", "40"], "min"),
        (("20 ms", "1 s"), ["20", "1000"], "ms"),
        (("2 days 3 hours", "50 hours"), ["51", "50"], "hours"),
        (("1 h to 2 h", "90 min"), ["120", "90"], "min"),
        (("3 h", "2 h"), ["3", "2"], "h"),
    ],
)
def test_numbers_are_compared_in_one_unit(cells: tuple[str, ...], values: list[str], unit: str) -> None:
    (series,) = series_of(
        table(("Part", "Size"), *((f"part {n}", one) for n, one in zip("AB", cells, strict=True))), True
    )[-1:]
    assert [value for value, _, _ in series.values] == [Decimal(value) for value in values]
    assert series.unit == unit


@pytest.mark.parametrize("cells", [("3 h", "40 m"), ("2 October", "1 November"), ("3 files", "7 books")])
def test_numbers_of_different_units_are_not_compared(cells: tuple[str, ...]) -> None:
    rows = [("first", cells[0]), ("second", cells[1])]
    assert not [one for one in series_of(table(("Part", "Size"), *rows), True) if one.name == "Size"]


@pytest.mark.parametrize(
    "text", ["2 m 30 s", "1 h 75 min", "5 h, 30 min", "3 hours 2 labs", "12 h 30.5 V", "h 5 min"]
)
def test_what_is_no_time_in_two_units_stays(text: str) -> None:
    assert as_one_unit(text) == text
