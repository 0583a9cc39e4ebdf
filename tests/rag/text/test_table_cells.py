"""The cells of rows as Markdown and extracted tables have them, and the heads of tables without a rule."""

from __future__ import annotations

import pytest

from rag.text.table_cells import cells, has_number, names_columns


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("| a | b |", ["a", "b"]),
        ("a | b", ["a", "b"]),
        ("|  | 2023 | 2024 |", ["", "2023", "2024"]),
        ("| a |  |", ["a", ""]),
        ("|a|b", ["a", "b"]),
    ],
)
def test_cells_with_and_without_bars_at_the_ends(line: str, found: list[str]) -> None:
    assert cells(line) == found


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("10.8", True),
        ("-3 %", True),
        ("14 kDa", True),
        ("€ 5", True),
        ("R2", False),
        ("g/cm3", False),
        ("2nd lab course", False),
    ],
)
def test_numbers_may_have_a_unit(cell: str, number: bool) -> None:
    assert has_number(["Gold", cell]) is number


@pytest.mark.parametrize(
    ("table", "head"),
    [
        (["model | R2", "ridge | 0.61", "boosting | 0.79"], True),
        (["|  | 2023 |", "oats | 4.5"], True),
        (["Group | Lab | Seminar", "A | Mon | Wed", "B | Tue | Thu"], True),
        (["Element | Density in g/cm3", "Gold | 10.8", "Iron | 7.9"], True),
        (["Lecturer | Dr. Abe", "Room | 12", "Status | Done"], False),
        (["Gold | 10.8", "Iron | 7.9", "Lead | 11.3"], False),
        (["station | delay", "Harbour Street | 7.25"], False),
        (["only a head | here"], False),
    ],
)
def test_the_first_row_names_the_columns(table: list[str], head: bool) -> None:
    assert names_columns(table[0], table[1:]) is head
