"""The templates of the teacher's pages."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import FileSystemLoader
from markupsafe import Markup

from ui.teacher import words
from ui.web.forms import page
from ui.web.language import number
from ui.web.views.render import TEMPLATES, environment

if TYPE_CHECKING:
    from fastapi import Request
    from fastapi.responses import HTMLResponse
    from jinja2 import Environment

_OWN = Path(__file__).parent / "templates"


def write(view: str, **values: Any) -> Markup:
    """Return the HTML of the template `view.html.j2` with these values."""
    return Markup(_environment().get_template(f"{view}.html.j2").render(values))


def teacher_page(request: Request, view: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a teacher's page from its template."""
    return page(request, view, status=status, write=write, **values)


@cache
def _environment() -> Environment:
    made = environment().overlay(loader=FileSystemLoader([_OWN, TEMPLATES]))
    own = (words.kind_words, words.outcome, words.verdict_words, words.metric, words.drift_sentence)
    made.globals = dict(made.globals) | {"percent": _percent, "gigabytes": _gigabytes}
    made.globals |= {each.__name__: each for each in own}
    return made


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{number(100 * value)} %"


def _gigabytes(count: int) -> str:
    if not count:
        return "–"
    return f"{number(count / 1e9, 2)} GB" if count >= 1e8 else f"{number(count / 1e6, 1)} MB"
