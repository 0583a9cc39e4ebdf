"""HTML pages as they are written in the wild: nothing of their text is lost, and no two words become one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.readers.html import read_html
from rag.types import BlockKind


def blocks(page: str) -> list[tuple[BlockKind, str]]:
    draft, _ = read_html(page)
    return [(block.kind, draft.text[block.start : block.end]) for block in draft.blocks]


def test_a_page_inside_a_form_is_read_and_a_form_to_fill_in_is_not() -> None:
    page = (
        "<form id=aspnet><h1>Filters</h1><p>A low pass lets slow changes through.</p><select><option>Menu</option></select></form>"
        "<form><label>Search</label><input><button>Go</button></form>"
    )
    assert blocks(page) == [
        (BlockKind.HEADING, "Filters"),
        (BlockKind.PARAGRAPH, "A low pass lets slow changes through."),
    ]


@pytest.mark.parametrize(
    ("markup", "lines"),
    [
        ("<ul><ul><li>deep</li></ul><li>flat</li></ul>", ["  - deep", "- flat"]),
        ("<ol><div><li>a</li></div><li>b</li><ol><li>c</li></ol></ol>", ["1. a", "2. b", "  1. c"]),
        ("<dl><div><dt>Term</dt><dd>What it means.</dd></div></dl>", ["Term", "What it means."]),
        ("<ul>loose words<li>item</li></ul>", ["loose words", "- item"]),
        ("<ul><li>x<ul><li>in</li></ul>after</li></ul>", ["- x", "  - in", "  after"]),
        (
            "<ul><li>Run:<pre>if a:\n    b = 2</pre>then stop</li></ul>",
            ["- Run:", "  if a:", "      b = 2", "  then stop"],
        ),
        ("<ul><li><p>one</p><p>two</p></li><li>three<br>four</li></ul>", ["- one two", "- three four"]),
    ],
    ids=["list in list", "wrapped items", "wrapped terms", "loose text", "text after", "code", "paragraphs"],
)
def test_lists_keep_what_stands_in_them(markup: str, lines: list[str]) -> None:
    assert blocks(markup) == [(BlockKind.LIST, "\n".join(lines))]


def test_line_breaks_and_blocks_part_words() -> None:
    page = (
        "<h2>Two<br>lines</h2><p>one<br>two</p><span>three<br>four</span>"
        "<table><caption>Marks</caption><tr><td><p>a</p><p>b</p></td><td>c<br>d</td></tr></table>"
    )
    assert blocks(page) == [
        (BlockKind.HEADING, "Two lines"),
        (BlockKind.PARAGRAPH, "one two"),
        (BlockKind.PARAGRAPH, "three four"),
        (BlockKind.TABLE, "Marks\na b | c d"),
    ]


def test_code_laid_out_in_a_table_keeps_its_lines() -> None:
    page = "<table><tr><td><pre>1\n2</pre></td><td><pre>def f():\n    return 1</pre></td></tr></table>"
    assert blocks(page) == [(BlockKind.CODE, "1\n2"), (BlockKind.CODE, "def f():\n    return 1")]


def test_formulas_in_a_paragraph_stay_and_other_scripts_go() -> None:
    page = "<p>As <script type='math/tex'>x^2</script> grows<script>evil()</script>.</p>"
    assert blocks(page) == [(BlockKind.PARAGRAPH, "As x^2 grows.")]


trees = st.recursive(
    st.just("@"),
    lambda inner: st.builds(
        lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag}>",
        st.sampled_from("div ul ol dl li dd p pre table td blockquote span b center section".split()),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=8,
)


@given(trees)
def test_no_word_is_lost_or_glued_whatever_stands_in_what(tree: str) -> None:
    """Every word of the markup is a word of the text, each once, except that inline elements part no words."""
    if any(tag in tree for tag in ("<span>", "<b>")):
        tree = tree.replace("@", " @ ")
    words = tree.count("@")
    page = "<body>" + "".join(
        part + (f"word{number}" if number < words else "") for number, part in enumerate(tree.split("@"))
    )
    found = " ".join(text for _, text in blocks(page + "<p>and a closing paragraph</p></body>"))
    for number in range(words):
        assert found.count(f"word{number}") == 1, page
