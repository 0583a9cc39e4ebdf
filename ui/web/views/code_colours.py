"""Code with the colours of its language, as spans with classes."""

from __future__ import annotations

from html import escape

_MOST_CHARS = 20_000
"""Longest code that is coloured: a lexer takes about 1 ms for 1,000 characters."""


def coloured(code: str, language: str) -> str:
    """Return code as escaped HTML, coloured if its language is known."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    if not language or len(code) > _MOST_CHARS:
        return escape(code, quote=False)
    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return escape(code, quote=False)
    return str(highlight(code, lexer, HtmlFormatter(nowrap=True, classprefix="hl-")))
