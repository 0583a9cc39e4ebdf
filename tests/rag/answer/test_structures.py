"""Lists and tables of a document: joined, nested, named in a sentence or by bold terms."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rag.answer.enumerations import enumerations
from rag.answer.further_lists import further_lists
from rag.answer.structures import aligned_table, structures_of
from rag.types import Block, BlockKind, Document, DocumentKind, Locator, Unit


def document(*tables: str) -> Document:
    text, blocks = "", []
    for number, table in enumerate(tables, 1):
        blocks.append(
            Block(BlockKind.TABLE, len(text), len(text) + len(table), Locator(Unit.ROW, number, number))
        )
        text += f"{table}\n\n"
    return Document("marks.csv", "marks", DocumentKind.SPREADSHEET, "", text, tuple(blocks))


def test_the_rows_under_one_head_are_one_table() -> None:
    first, second = "name | mark\nAnn | 1.3\nBo | 2.0", "name | mark\nCy | 1.0"
    (found,) = structures_of(document(first, second))
    assert [row.cells for row in found.items] == [("Ann", "1.3"), ("Bo", "2.0"), ("Cy", "1.0")]


def test_tables_with_other_heads_stay_apart() -> None:
    found = structures_of(document("name | mark\nAnn | 1.3", "name | year\nCy | 2020"))
    assert [one.head for one in found] == [("name", "mark"), ("name", "year")]


def test_blocks_behind_an_aligned_table_are_not_read() -> None:
    table = ("Part     Weight   Due", "Sheet    10 %     3 May", "Exam     90 %     1 July")
    lines = (*table, "Sheets are short.", "They are few.", "The exam is long.", "Bye.")
    text = "\n".join(lines)
    starts = [text.index(line) for line in lines]
    blocks = iter(
        Block(BlockKind.PARAGRAPH, start, start + len(line), Locator(Unit.PAGE, 1, 1))
        for start, line in zip(starts, lines, strict=True)
    )
    head, rows = aligned_table(text, blocks)
    assert head == ("Part", "Weight", "Due")
    assert [row.cells for row in rows] == [("Sheet", "10 %", "3 May"), ("Exam", "90 %", "1 July")]
    assert [text[block.start : block.end] for block in blocks] == ["Bye."]


def read(text: str, read_note: Callable[[str, str], Document]) -> list[tuple[str, list[str]]]:
    """The introduction and the items of the further lists of a note."""
    return [
        (one.intro, [item.text for item in one.items]) for one in further_lists(read_note("note.md", text))
    ]


def test_a_list_inside_an_item_is_a_list_with_the_words_before_it(
    read_note: Callable[[str, str], Document],
) -> None:
    code = "   ```\n   - no item\n   - nor this\n   ```\n"
    text = f"# Lab\n\n1. Set it up.\n\n{code}\n   The kit has these parts:\n\n   - a lamp\n   - a lens\n\n2. Clean up.\n"
    ((intro, items),) = read(text, read_note)
    assert items == ["a lamp", "a lens"]
    assert intro.endswith("The kit has these parts:")


def test_bold_terms_that_open_paragraphs_are_a_list(read_note: Callable[[str, str], Document]) -> None:
    terms = "\n\n".join(f"**{term}**\n\n{term} is slow." for term in ("Ice", "Snow", "Hail"))
    assert read(f"# Weather\n\nThree kinds:\n\n{terms}\n", read_note) == [
        ("Three kinds:", ["Ice", "Snow", "Hail"])
    ]
    assert read("# Weather\n\n**Ice**\n\nIt is slow.\n\n**Snow**\n\nIt is white.\n", read_note) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("We use salt, sugar and flour.", "We use salt, sugar and flour."),
        (
            "We use salt, sugar and flour. Not needed: milk.",
            "We use salt, sugar and flour. Not needed: milk.",
        ),
        ("Take salt where it melts, for example in rain, and sand where dust or ice lies.", None),
    ],
)
def test_a_sentence_of_several_things_is_shown_with_its_short_paragraph(text: str, shown: str | None) -> None:
    found = enumerations(text, 0, len(text))
    assert [text[start:end] for start, end, _ in found] == ([shown] if shown else [])


def test_cells_that_a_program_cut_are_no_list(read_note: Callable[[str, str], Document]) -> None:
    rows = "".join(f"| {n} | a long text that the program cut... |\n" for n in range(3))
    (found,) = structures_of(read_note("note.md", f"# Run\n\n| n | text |\n|---|---|\n{rows}"))
    assert found.printed
