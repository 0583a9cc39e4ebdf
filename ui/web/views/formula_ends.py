"""Punctuation behind formulas, which stays on their line."""

from __future__ import annotations

import re

_DISPLAYED_END = re.compile(
    r"(<lectern-math display>(?:(?!\\(?:end|tag)\{[^{}]*\}\s*</)[^<])*)(</lectern-math>)([.,;:])(?=\s|<|\Z)"
)
"""A displayed formula and the sign behind it, which would have a line to itself.

Not one that ends with an environment or a tag.
"""
_INLINE_END = re.compile(
    r"(?P<formula>(?P<mark><(?P<name>span|mark)[^>]*>)?<lectern-math>[^<]{1,40}</lectern-math>(?(mark)</(?P=name)>))"
    r"(?P<opening><(?P<next>span|mark)[^>]*>)?(?P<sign>[.,;:!?)\]]+)"
)
"""A formula in a line with the signs behind it.

Either may be in a mark of its own.

A formula of more than 40 signs of LaTeX may be wider than a phone and stays as it is: it must be able to break.
"""


def with_signs(html: str) -> str:
    """Return the HTML with each formula and the signs behind it on one line.

    A browser may break the line behind every formula, because it is a box of its own; a word joiner does not keep it
    from that.
    """
    return _INLINE_END.sub(_together, _DISPLAYED_END.sub(r"\1\3\2", html))


def _together(found: re.Match[str]) -> str:
    """Return the formula and the signs in one element.

    Behind it the mark is opened again."""
    opening = found["opening"] or ""
    closing = f"</{found['next']}>" if opening else ""
    return f'<span class="together">{found["formula"]}{opening}{found["sign"]}{closing}</span>{opening}'
