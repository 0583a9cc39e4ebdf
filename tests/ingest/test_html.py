"""HTML pages as they are written in the wild: nothing of their text is lost, and no two words become one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.parsers.html import read_html
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
    assert blocks(page) == [(BlockKind.PARAGRAPH, "As $x^2$ grows.")]


def test_what_a_click_opens_is_text_and_what_is_closed_for_good_is_not() -> None:
    page = (
        "<button aria-controls=a>Which tissue?</button><div id=a hidden><p>Cartilage.</p></div>"
        "<ul role=tablist><li role=tab><button aria-controls=t2>Tab</button></li></ul>"
        "<div role=tabpanel hidden><p>Bone.</p></div>"
        "<details><summary>Answer</summary>Tendon.</details>"
        "<div hidden><p>cookies</p></div><button>Submit</button>"
        "<div class=panel aria-hidden=true><p>Muscle.</p></div><span aria-hidden=true>icon</span>"
        "<select><option>one</option><option selected>Room 2</option></select>"
    )
    assert [text for _, text in blocks(page)] == [
        "Which tissue?", "Cartilage.", "- Tab", "Bone.", "Answer", "Tendon.", "Muscle.", "Room 2",
    ]  # fmt: skip


def test_asides_with_text_footers_of_quotes_and_footnotes_stay() -> None:
    page = (
        "<nav>Menu</nav><p>It was solved<sup><a href='#n1'>2</a></sup>.</p><aside class=note><p>Bring a ruler.</p></aside>"
        "<aside><a href=x>First page</a> <a href=y>Next page</a></aside>"
        "<blockquote><p>Nature does not jump.</p><footer>Linnaeus</footer></blockquote>"
        "<aside role=doc-footnote id=n1><p>By hand, in 1742. <a role=doc-backlink href=#r>back</a></p></aside><footer>© 2020</footer>"
    )
    assert [text for _, text in blocks(page)] == [
        "It was solved².", "Bring a ruler.", "Nature does not jump.", "Linnaeus", "By hand, in 1742.",
    ]  # fmt: skip


def test_boxes_are_ticked_or_not() -> None:
    page = (
        "<ul><li><input type=checkbox checked> read</li><li><input type=checkbox> solve</li>"
        "<li><span role=checkbox aria-checked=true></span>write</li></ul>"
    )
    assert blocks(page) == [(BlockKind.LIST, "- [x] read\n- [ ] solve\n- [x] write")]


def test_cells_that_span_are_repeated_and_pairs_are_a_list() -> None:
    page = (
        "<table><thead><tr><th rowspan=2>Crop<th colspan=2>Yield</tr><tr><th>dry<th>wet</tr></thead>"
        "<tr><td rowspan=2>Rye<td>3<td>4</tr><tr><td>5<td>6</tr></table>"
        "<table><tr><th>Tutor:</th><td>Ms Abe</td></tr><tr><th>Room</th><td>12</td></tr></table>"
    )
    assert blocks(page) == [
        (BlockKind.TABLE, "Crop | Yield dry | Yield wet\nRye | 3 | 4\nRye | 5 | 6"),
        (BlockKind.LIST, "- Tutor: Ms Abe\n- Room: 12"),
    ]


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        (
            "<span class=katex><span class=katex-mathml><math><semantics><mi>E</mi>"
            "<annotation encoding='application/x-tex'>E=mc^2</annotation></semantics></math></span>"
            "<span class=katex-html aria-hidden=true>E=mc2</span></span>",
            "$E=mc^2$",
        ),
        ("<math display=block><mfrac><mi>a</mi><mn>12</mn></mfrac><msup><mi>x</mi><mn>2</mn></msup></math>",
         r"$$\frac{a}{12} x^2$$"),
        ("<math alttext='{\\displaystyle k_{B}}'><mi>k</mi></math><img class=mwe-math-fallback-image-inline alt='k'>",
         "$k_{B}$"),
        ("<span class=MathJax_Preview>x</span><span class=MathJax>x</span><script type='math/tex'>x_1</script>",
         "$x_1$"),
    ],
)  # fmt: skip
def test_a_formula_is_read_once(markup: str, text: str) -> None:
    assert [found for _, found in blocks(f"<p>{markup}</p>")] == [text]


def test_pictures_are_described_or_named_with_their_paragraph() -> None:
    draft, _ = read_html(
        "<p>The heart.</p><img src=a.png alt='The aorta leaves the left ventricle'><img src=b.png>"
        "<p>An icon <img src=i.png width=16> and <img src=d.png alt=''> ornaments.</p>"
        "<figure><img src=c.png><figcaption>Figure 1: a valve</figcaption></figure>"
        "<iframe title='Lecture 3 on valves'></iframe><video></video><p>\ue000End.</p>"
    )
    assert [draft.text[b.start : b.end] for b in draft.blocks] == [
        "The heart.", "The aorta leaves the left ventricle", "An icon and ornaments.", "Figure 1: a valve",
        "Lecture 3 on valves", "End.",
    ]  # fmt: skip
    assert [str(warning) for warning in draft.missed.warnings()] == [
        "paragraph 2: a picture without a description",
        "paragraph 5: a frame with the content of another page",
        "paragraph 5: a recording (audio or video)",
    ]


def test_an_article_that_is_a_teaser_is_not_the_page() -> None:
    page = f"<article><p>{'Read our newsletter every week. ' * 3}</p></article><div><p>{'Real text. ' * 30}</p></div>"
    assert "Real text." in blocks(page)[-1][1]


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
