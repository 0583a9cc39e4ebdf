"""Items as a page to print, with the key on a page of its own."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from rag.study.export.markup import html_for_print, source_line
from rag.study.grading import lettered
from rag.study.items import Item


def printable_html(items: Sequence[Item], title: str) -> str:
    """Return the items as one HTML file without scripts that needs no network."""
    from jinja2 import Environment
    from markupsafe import Markup

    source = files("rag.study.export").joinpath("printable.html.jinja").read_text("utf-8")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["shown"] = lambda text: Markup(html_for_print(text))
    environment.filters["lettered"] = lettered
    environment.filters["source"] = source_line
    return environment.from_string(source).render(items=items, title=title)
