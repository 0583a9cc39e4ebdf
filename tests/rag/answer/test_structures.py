"""Tables whose rows are in several blocks, as a spreadsheet's are."""

from __future__ import annotations

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
