"""Tables that a passage goes on with after their head."""

from __future__ import annotations

import re

import pytest

from rag.types import Document, DocumentKind
from ui.web.views.cut_tables import continued_head, head_above, with_head
from ui.web.views.passage_view import layout_between, passage_html

NOTE = """# Deadlines

| Part | Due |
| :--- | ---: |
| Report | 3 May |
| Poster | 9 June |
| Talk | 1 July |

Late work loses a point.
"""


@pytest.fixture
def document() -> Document:
    return Document("plan.md", "", DocumentKind.MARKDOWN, "", NOTE, ())


def test_a_passage_that_goes_on_with_a_table_has_its_head(document: Document) -> None:
    start = document.text.index("| Poster")
    text = document.text[start:]
    marked = text.index("1 July")
    html = passage_html(text, layout_between(document, start, len(document.text)), [(marked, marked + 6)])
    assert re.findall(r"<th[^>]*>(.*?)</th>", html) == ["Part", "Due"]
    assert html.count("<tr>") == 3
    assert "<mark>1 July</mark>" in html
    assert "|" not in html


def test_one_row_is_a_table_too(document: Document) -> None:
    start = document.text.index("| Talk")
    html = passage_html(document.text[start : start + 18], layout_between(document, start, start + 18))
    assert "1 July</td>" in html


@pytest.mark.parametrize("begins", ["# Deadlines", "| Part", "Late work"])
def test_a_passage_that_begins_elsewhere_has_no_head_before_it(document: Document, begins: str) -> None:
    start = document.text.index(begins)
    assert with_head(document.text[start:], head_above(document, start)) == ""


def test_rows_whose_head_is_not_known_are_a_table_without_names() -> None:
    assert with_head("| a | b |\n| c | d |\n") == "| | |\n| --- | --- |\n"


def test_rows_of_a_second_table_do_not_get_the_head_of_the_first() -> None:
    above = "| a | b |\n\nMore:\n\n| x | y |\n|---|---|\n"
    assert continued_head(above, "| n | m |\n| --- | --- |\n") == ""
    assert continued_head("| a | b |\n", "| n | m |\n| --- | --- |\n") != ""
