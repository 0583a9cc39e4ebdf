"""The templates of the views: escaped values, strict names, and no white space from their layout."""

from __future__ import annotations

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from ui.web.views.render import TEMPLATES, environment, render


def test_text_is_escaped_and_html_is_not() -> None:
    assert (
        render("no_sources", message="<b>&\"'")
        == '<section class="sources empty" aria-label="Sources"><h2>Sources</h2>'
        "<p>&lt;b&gt;&amp;&#34;&#39;</p></section>"
    )
    assert "<p><b></p>" in render("no_sources", message=Markup("<b>"))


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="message"):
        render("no_sources")


def test_line_breaks_of_a_template_are_layout() -> None:
    template = environment().from_string("<p>\n  {{ a }}\n</p>\n\n<b\n  id=x>one\n  two</b>\n")
    assert template.render(a="1") == "<p>1</p><b id=x>one two</b>"


@pytest.mark.parametrize("name", sorted(path.name for path in TEMPLATES.glob("*")))
def test_every_template_compiles(name: str) -> None:
    assert name.endswith(".html.j2")
    assert environment().get_template(name)
