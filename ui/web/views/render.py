"""HTML of the web views from the Jinja2 templates in `templates/`.

Every value is escaped unless it is already `Markup`, so a text from a note, a question or a model cannot
become an element. A misspelt name in a template is an error and not an empty string.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension
from markupsafe import Markup

from ui.web.language import gettext, ngettext, number

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATES = Path(__file__).parent / "templates"
_BREAK_BESIDE_TAG = re.compile(r"(?<=[>}])\s*\n\s*|\s*\n\s*(?=[<{])")
_BREAK = re.compile(r"\s*\n\s*")


class JoinedLines(Extension):
    """Templates whose line breaks are layout only.

    A break beside a tag or a Jinja mark disappears, any other becomes one space: white space between buttons
    and after citations would be visible on the page.
    """

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Return the source of a template with its lines joined."""
        return _BREAK.sub(" ", _BREAK_BESIDE_TAG.sub("", source.strip()))


def render(name: str, **values: Any) -> Markup:
    """Return the HTML of the template `name.html.j2` with these values."""
    return Markup(_template(name).render(values))


@cache
def environment() -> Environment:
    """Return the environment of the templates, with the functions of the catalogue."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        extensions=[JoinedLines, "jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.globals["number"] = number
    return environment


@cache
def _template(name: str) -> Template:
    return environment().get_template(f"{name}.html.j2")
