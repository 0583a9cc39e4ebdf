r"""Formulas of Word and PowerPoint (Office Math) as LaTeX.

A fraction is `\frac{a+b}{c}`, an index `x_i`, an exponent `e^{-x}`, a root `\sqrt{x}`, a sum
`\sum_{i=1}^n x_i`. Letters and signs stay the characters that they are (`α`, `≤`); LaTeX programs read them
too. Symbols are never dropped: of an element that is not known here, the content stays.

Source of the elements: ECMA-376, part 1, section 22.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ingest.parsers.office_symbols import without_private

M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
FORMULA = f"{M}oMath"
_HAT = "\N{COMBINING CIRCUMFLEX ACCENT}"
_LEFT_OUT = ("Pr", "}del")
"""Endings of the names of elements that are not shown.

They are properties, and deletions whose author is remembered.
"""
_OPERATORS = {
    "∑": r"\sum", "∏": r"\prod", "∐": r"\coprod", "∫": r"\int", "∬": r"\iint", "∭": r"\iiint", "∮": r"\oint",
    "⋃": r"\bigcup", "⋂": r"\bigcap", "⋁": r"\bigvee", "⋀": r"\bigwedge", "⨁": r"\bigoplus", "⨂": r"\bigotimes",
}  # fmt: skip
_ACCENTS = {
    _HAT: r"\hat", "\u0303": r"\tilde", "\u0304": r"\bar", "\u0305": r"\overline", "\u0307": r"\dot",
    "\u0308": r"\ddot", "\u0301": r"\acute", "\u0300": r"\grave", "\u0306": r"\breve", "\u030c": r"\check",
    "\u20d7": r"\vec", "\u20d6": r"\overleftarrow", "\u0331": r"\underline",
}  # fmt: skip
_FUNCTIONS = frozenset(
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp lim max min sup inf det dim ker arg gcd".split()
)
_LINE_END = r" \\ "
_ESCAPED = str.maketrans(
    {"%": r"\%", "#": r"\#", "&": r"\&", "$": r"\$", "\N{INVISIBLE TIMES}": "", "\u2061": ""}
)
_BRACKETS = {"{": r"\{", "}": r"\}", "": ".", "⟨": r"\langle", "⟩": r"\rangle", "‖": r"\|", "⌊": r"\lfloor",
             "⌋": r"\rfloor", "⌈": r"\lceil", "⌉": r"\rceil"}  # fmt: skip


def formula(element: Any) -> str:
    """Return a formula in dollar signs, empty if it has nothing."""
    inner = " ".join(latex(element).split())
    return f"${inner}$" if inner else ""


def latex(element: Any) -> str:
    """Return the formula, or any part of one, as LaTeX in a line."""
    name = element.tag.removeprefix(M) if isinstance(element.tag, str) else ""
    if name in _FORMS:
        return _FORMS[name](element)
    if name == "t" or name.endswith("}t"):
        return without_private(element.text or "").translate(_ESCAPED)
    return "" if name.endswith(_LEFT_OUT) else "".join(map(latex, element))


def _part(element: Any, name: str) -> str:
    found = element.find(f"{M}{name}")
    return "" if found is None else latex(found).strip()


def _braced(text: str) -> str:
    """Return an argument, in braces unless it is one character."""
    return text if len(text) == 1 else f"{{{text}}}"


def _property(element: Any, name: str, otherwise: str) -> str:
    """Return a property's value; `otherwise` if it is not given.

    Not given is not the same as given and empty.
    """
    found = element.find(f"{M}{element.tag.removeprefix(M)}Pr/{M}{name}")
    return otherwise if found is None else str(found.get(f"{M}val") or "")


def _scripts(element: Any) -> str:
    """Return the index and the exponent at the right."""
    below, above = (_part(element, name) for name in ("sub", "sup"))
    return (f"_{_braced(below)}" if below else "") + (f"^{_braced(above)}" if above else "")


def _run(element: Any) -> str:
    """Return a run; one of plain text is marked as text."""
    inner = "".join(latex(child) for child in element if not child.tag.endswith(_LEFT_OUT))
    plain = element.find(f"{M}rPr/{M}nor") is not None
    return rf"\text{{{inner}}}" if plain and inner.strip() else inner


def _fraction(element: Any) -> str:
    above, below = _part(element, "num"), _part(element, "den")
    kind = _property(element, "type", "bar")
    if kind == "noBar":
        return rf"\binom{{{above}}}{{{below}}}"
    return f"{above}/{below}" if kind == "lin" else rf"\frac{{{above}}}{{{below}}}"


def _scripted(element: Any) -> str:
    base = _part(element, "e")
    return (base if len(base) <= 1 or base.isalnum() or base.startswith("\\") else f"{{{base}}}") + _scripts(
        element
    )


def _before(element: Any) -> str:
    return f"{{}}{_scripts(element)} {_part(element, 'e')}"


def _root(element: Any) -> str:
    degree = _part(element, "deg")
    return rf"\sqrt{f'[{degree}]' if degree else ''}{{{_part(element, 'e')}}}"


def _operator(element: Any) -> str:
    sign = _property(element, "chr", "∫")
    return f"{_OPERATORS.get(sign, sign)}{_scripts(element)} {_part(element, 'e')}"


def _bracketed(element: Any) -> str:
    between = _property(element, "sepChr", "|")
    inner = between.join(latex(part).strip() for part in element.findall(f"{M}e"))
    opening, closing = _property(element, "begChr", "("), _property(element, "endChr", ")")
    if (opening, closing) == ("(", ")") or (opening, closing) == ("[", "]"):
        return f"{opening}{inner}{closing}"
    left, right = (_BRACKETS.get(sign, sign) for sign in (opening, closing))
    return rf"\left{left} {inner} \right{right}"


def _function(element: Any) -> str:
    name = _part(element, "fName")
    return f"{_named(name)} {_part(element, 'e')}"


def _named(name: str) -> str:
    """Return the name of a function as a command, with its scripts."""
    letters = name[: next((at for at, sign in enumerate(name) if not sign.isalpha()), len(name))]
    return f"\\{name}" if letters in _FUNCTIONS else name


def _lower_limit(element: Any) -> str:
    return f"{_named(_part(element, 'e'))}_{_braced(_part(element, 'lim'))}"


def _upper_limit(element: Any) -> str:
    return f"{_part(element, 'e')}^{_braced(_part(element, 'lim'))}"


def _accented(element: Any) -> str:
    sign, inner = _property(element, "chr", _HAT), _part(element, "e")
    return rf"{_ACCENTS[sign]}{{{inner}}}" if sign in _ACCENTS else f"{inner}{sign}"


def _barred(element: Any) -> str:
    command = r"\underline" if _property(element, "pos", "bot") == "bot" else r"\overline"
    return rf"{command}{{{_part(element, 'e')}}}"


def _matrix(element: Any) -> str:
    rows = (
        " & ".join(latex(cell).strip() for cell in row.findall(f"{M}e")) for row in element.findall(f"{M}mr")
    )
    return rf"\begin{{matrix}} {_LINE_END.join(rows)} \end{{matrix}}"


def _equations(element: Any) -> str:
    lines = [latex(line).strip() for line in element.findall(f"{M}e")]
    return rf"\begin{{aligned}} {_LINE_END.join(lines)} \end{{aligned}}"


_FORMS: dict[str, Callable[[Any], str]] = {
    "r": _run,
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
    "bar": _barred,
    "m": _matrix,
    "eqArr": _equations,
}
