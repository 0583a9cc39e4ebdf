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
    "a.srt": ("<b ", "{\\", "<v ", "<", "\n", " "),
    "a.vtt": ("<v.a", "<v ", "<"),
    "a.rst": ("*a ", "a_ ", "a-", "``a ", "|a "),
    "a.tex": ("\\newcommand{\\a}{", "\\title{"),
}
STARTS = {
    "a.srt": "1\n00:00:01,000 --> 00:00:02,000\na<v ",
    "a.vtt": "WEBVTT\n\n00:01.000 --> 00:02.000\na",
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("name", "mark"), [(name, mark) for name, marks in MARKS.items() for mark in marks])
def test_marks_that_never_close_are_read_in_linear_time(name: str, mark: str, tmp_path: Path) -> None:
    try:
        read_bytes(tmp_path, name, STARTS.get(name, "") + mark * (CHARACTERS // len(mark)) + "b")
    except RecursionError:  # the worker process gives it as the reason
        assert name == "a.tex"


@pytest.mark.timeout(60)
def test_tables_in_tables_are_read_in_time_linear_in_their_number(tmp_path: Path) -> None:
    nested = "<table><tr><td>" * 50 + "Owl" + "</td></tr></table>" * 50
    assert texts(read_bytes(tmp_path, "a.html", nested * 30)) == ["Owl"] * 30


def test_marks_that_never_close_are_shown_and_those_that_do_are_not(tmp_path: Path) -> None:
    start = "1\n00:00:01,000 --> 00:00:02,000\n"
    spoken = "If a < b, <i>then</i> {\\an8}f(x) = {x <b and {\n\n"
    assert texts(read_bytes(tmp_path, "a.srt", start + spoken + start + "<u>Next</u>\n")) == [
        "If a < b, then f(x) = {x <b and { Next"
    ]


def test_a_paragraph_of_the_longest_length_keeps_its_marks_and_a_longer_one_its_text(tmp_path: Path) -> None:
    words = "owl " * 2400
    read = texts(read_bytes(tmp_path, "a.rst", f"*One* {words}\n\n*Two* {words * 2}\n"))
    assert [text[:6].strip() for text in read] == ["One ow", "*Two*"]


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
