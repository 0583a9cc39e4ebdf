"""Marks that never close cost time linear in the text: each of these took minutes or hours."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.parsers.closed_spans import comment_spans, tag_spans, untouched_spans
from ingest.parsers.latex_macros import group_ends
from ingest.parsers.markdown_marks import _FORMULA
from tests.ingest.reading import read_bytes, texts

CHARACTERS = 300_000
MARKS = {
    "a.md": ("<!--", "<script>", "[![", "[[a", "# [", "# <", "# a   {#", "![](", "$a `b ``c "),
    "a.mdx": ("`", "{/*", "<!--", "$$"),
    "a.adoc": ("((", "<<", "http://a.b/", "~a"),
    "a.org": ("[[a][", "[1/"),
    "a.tex": ("\\newcommand{\\a}{", "\\title{"),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("name", "mark"), [(name, mark) for name, marks in MARKS.items() for mark in marks])
def test_marks_that_never_close_are_read_in_linear_time(name: str, mark: str, tmp_path: Path) -> None:
    try:
        read_bytes(tmp_path, name, mark * (CHARACTERS // len(mark)))
    except RecursionError:  # the worker process gives it as the reason
        assert name == "a.tex"


def test_spans_of_html() -> None:
    text = "<!-- a --> b <script>c < d</script> <style>e <b> f <!-- g"
    assert [text[a:b] for a, b in tag_spans(text, 0, len(text))] == [
        "<!-- a -->",
        "<script>c < d</script>",
        "<style>",
        "<b>",
    ]
    assert [text[a:b] for a, b in comment_spans(text)] == ["<!-- a -->"]


def test_code_needs_as_many_back_ticks_at_both_ends() -> None:
    text = "`a` ``b ` c`` `d ``` e"
    assert [text[a:b] for a, b in untouched_spans(text)] == ["`a`", "``b ` c``"]


def test_code_and_formulas_of_a_line_do_not_overlap() -> None:
    text = "`b$` c $$d ` e$$ `f$` $5 and $6"
    assert [text[a:b] for a, b in untouched_spans(text, _FORMULA)] == ["`b$`", "$$d ` e$$", "`f$`"]
    text = "$x `a$ y` `z`"
    assert [text[a:b] for a, b in untouched_spans(text, _FORMULA)] == ["$x `a$", "` `"]


def test_groups_end_at_their_own_brace() -> None:
    assert group_ends(r"{a{b}\}c}{d") == {0: 9, 2: 5}


def test_what_is_closed_is_read_as_before(tmp_path: Path) -> None:
    note = "A <!-- hidden --> mark.\n\n<div>\n<script>no</script>\n<b>Yes</b>\n</div>\n"
    assert texts(read_bytes(tmp_path, "a.md", note)) == ["A  mark.", "Yes"]
