"""Formulas of Word and PowerPoint (Office Math) as one line of text.

A fraction is `(a+b)/c`, an index `x_i`, an exponent `e^(-x)`, a root `√(x)`, a sum `∑_(i=1)^n x_i`, a matrix `[a, b; c, d]`.
Symbols are never dropped: of an element that is not known here, what stands in it stays.

Source: the linear form of M. Sargent, "Unicode Nearly Plain-Text Encoding of Mathematics" (Unicode Technical Note 28), with
spaces, commas and semicolons where it has signs that only programs read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
FORMULA = f"{M}oMath"
_HAT = "\N{COMBINING CIRCUMFLEX ACCENT}"
_LEFT_OUT = ("Pr", "}del")
"""Endings of the names of what is not shown: properties, and deletions whose author is remembered."""


def linear(element: Any) -> str:
    """The formula, or any part of one, in a line."""
    name = element.tag.removeprefix(M) if isinstance(element.tag, str) else ""
    if name in _FORMS:
        return _FORMS[name](element)
    if name == "t" or name.endswith("}t"):
        return element.text or ""
    return "" if name.endswith(_LEFT_OUT) else "".join(map(linear, element))


def _part(element: Any, name: str) -> str:
    found = element.find(f"{M}{name}")
    return "" if found is None else linear(found)


def _grouped(text: str) -> str:
    """In brackets unless it is one number, name or sign, or has brackets already."""
    inner = text[1:-1]
    closed = text[:1] == "(" and text[-1:] == ")" and "(" not in inner and ")" not in inner
    return text if len(text) <= 1 or text.isalnum() or closed else f"({text})"


def _property(element: Any, name: str, otherwise: str) -> str:
    """A property's value; `otherwise` if it is not given, which is not the same as given and empty."""
    found = element.find(f"{M}{element.tag.removeprefix(M)}Pr/{M}{name}")
    return otherwise if found is None else str(found.get(f"{M}val") or "")


def _scripts(element: Any) -> str:
    """What stands below and above at the right."""
    below, above = (_part(element, name) for name in ("sub", "sup"))
    return (f"_{_grouped(below)}" if below else "") + (f"^{_grouped(above)}" if above else "")


def _fraction(element: Any) -> str:
    return f"{_grouped(_part(element, 'num'))}/{_grouped(_part(element, 'den'))}"


def _scripted(element: Any) -> str:
    return _grouped(_part(element, "e")) + _scripts(element)


def _before(element: Any) -> str:
    return f"{_scripts(element)} {_part(element, 'e')}"


def _root(element: Any) -> str:
    degree = _part(element, "deg")
    inner = _part(element, "e")
    return f"{_grouped(inner)}^(1/{_grouped(degree)})" if degree else f"√({inner})"


def _operator(element: Any) -> str:
    return f"{_property(element, 'chr', '∫')}{_scripts(element)} {_part(element, 'e')}"


def _bracketed(element: Any) -> str:
    between = _property(element, "sepChr", "|")
    inner = between.join(map(linear, element.findall(f"{M}e")))
    return f"{_property(element, 'begChr', '(')}{inner}{_property(element, 'endChr', ')')}"


def _function(element: Any) -> str:
    return f"{_part(element, 'fName')} {_part(element, 'e')}"


def _lower_limit(element: Any) -> str:
    return f"{_part(element, 'e')}_{_grouped(_part(element, 'lim'))}"


def _upper_limit(element: Any) -> str:
    return f"{_part(element, 'e')}^{_grouped(_part(element, 'lim'))}"


def _accented(element: Any) -> str:
    return f"{_grouped(_part(element, 'e'))}{_property(element, 'chr', _HAT)}"


def _matrix(element: Any) -> str:
    rows = (", ".join(map(linear, row.findall(f"{M}e"))) for row in element.findall(f"{M}mr"))
    return f"[{'; '.join(rows)}]"


def _equations(element: Any) -> str:
    return "; ".join(map(linear, element.findall(f"{M}e")))


_FORMS: dict[str, Callable[[Any], str]] = {
    "f": _fraction,
    "sSub": _scripted,
    "sSup": _scripted,
    "sSubSup": _scripted,
    "sPre": _before,
    "rad": _root,
    "nary": _operator,
    "d": _bracketed,
    "func": _function,
    "limLow": _lower_limit,
    "limUpp": _upper_limit,
    "acc": _accented,
    "m": _matrix,
    "eqArr": _equations,
}
