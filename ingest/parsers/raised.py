"""Raised text as characters: 10 to the power of 8 is not 108."""

from __future__ import annotations

import re

_RAISED = str.maketrans("0123456789+-−=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱ")
_POWER = re.compile(r"[0-9+\-−=()ni]+")
_ENDING = re.compile(
    r"\W*|[⁰¹²³⁴⁵⁶⁷⁸⁹]+|\[.*|(?:st|nd|rd|th|er|re|e|ème|o|a|os|as|ª|º|TM|SM|®|™)", re.IGNORECASE | re.DOTALL
)
"""Raised text that is no power: signs, references to notes, endings of ordinals."""


def raised(text: str) -> str:
    """Return raised text: powers as raised characters, longer ones behind `^`."""
    bare = text.strip()
    if _ENDING.fullmatch(bare):
        return text
    if _POWER.fullmatch(bare):
        return bare.translate(_RAISED)
    return f"^{bare}" if len(bare) == 1 else f"^({bare})"
