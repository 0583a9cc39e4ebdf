"""Formulas, numbers and units in one notation.

LaTeX, Unicode and plain text of the same thing so compare equal.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_WRAPPERS = re.compile(
    r"\\(?:text|textrm|textbf|textit|mathrm|mathbf|mathit|mathbb|mathcal|mathsf|operatorname|boldsymbol|bm)\s*\{([^{}]*)\}"
)
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_ROOT = re.compile(r"\\sqrt\s*\{([^{}]*)\}")
_DROPPED = re.compile(
    r"\\(?:left|right|bigg?|Bigg?|displaystyle|limits)(?![a-zA-Z])|\\[!()\[\]]|\$|[\u2009\u202f\u2061]"
)
_SPACES = re.compile(r"\\(?:q?quad(?![a-zA-Z])|[,;: ])|~")
_COMMAND = re.compile(r"\\([a-zA-Z]+)")
_BRACED = re.compile(r"([\^_])\s*\{([^{}]*)\}")
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿⁱ]+")
_LOWERED = re.compile("[₀₁₂₃₄₅₆₇₈₉₊₋]+")
_SPACED = re.compile(r"\s*([\^_*/=<>≤≥≈±])\s*")
_SIGNS = {
    "cdot": "*", "times": "*", "ast": "*", "div": "/", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "ne": "≠", "neq": "≠",
    "approx": "≈", "pm": "±", "infty": "∞", "sum": "∑", "prod": "∏", "int": "∫", "partial": "∂", "nabla": "∇", "in": "∈",
    "to": "→", "rightarrow": "→", "Rightarrow": "⇒", "mid": "|", "circ": "°", "degree": "°", "ldots": "…", "dots": "…",
    "cdots": "…", "varepsilon": "ε", "varphi": "φ", "vartheta": "θ", "ell": "ℓ", "forall": "∀", "exists": "∃", "cup": "∪",
    "cap": "∩", "sim": "∼", "propto": "∝", "percent": "%",
}  # fmt: skip
_CHARACTERS = str.maketrans(
    {"·": "*", "×": "*", "⋅": "*", "∙": "*", "−": "-", "–": "-", "÷": "/", "⁄": "/", "′": "'"}
)
_ROUNDS = 4
"""Levels of braces inside each other that are taken apart."""


@lru_cache(maxsize=4096)
def plain_notation(text: str) -> str:
    r"""Return `text` in one notation.

    `$10^{8}$`, `10⁸` and `10^8` are all `10^8`; `\alpha` is `α`, `\frac{a}{b}` is `a/b`. Text without
    formulas stays nearly as it is: a multiplication sign is `*` and a minus or a dash `-`.
    """
    text = text.translate(_CHARACTERS)
    if "\\" in text or "$" in text:
        text = _without_latex(text)
    text = _RAISED.sub(lambda match: "^" + unicodedata.normalize("NFKC", match.group()), text)
    text = _LOWERED.sub(lambda match: "_" + unicodedata.normalize("NFKC", match.group()), text)
    for _ in range(_ROUNDS):
        text = _BRACED.sub(r"\1\2", text)
    return _SPACED.sub(r"\1", text)


def _without_latex(text: str) -> str:
    text = _SPACES.sub(" ", _DROPPED.sub("", text))
    for _ in range(_ROUNDS):
        text = _WRAPPERS.sub(r"\1", text)
        text = _BRACED.sub(r"\1\2", text)
        text = _FRACTION.sub(lambda match: f"{_grouped(match[1])}/{_grouped(match[2])}", text)
        text = _ROOT.sub(lambda match: f"√{_grouped(match[1])}", text)
    return _COMMAND.sub(lambda match: _sign(match[1]), text)


def _grouped(part: str) -> str:
    """Return a numerator or denominator, in parentheses if it has several parts."""
    part = part.strip()
    return part if re.fullmatch(r"[\w\\.^]+", part) else f"({part})"


def _sign(command: str) -> str:
    """Return the character of a LaTeX command without arguments, else its name."""
    if command in _SIGNS:
        return _SIGNS[command]
    case = "CAPITAL" if command[0].isupper() else "SMALL"
    try:
        return unicodedata.lookup(f"GREEK {case} LETTER {command.upper().replace('LAMBDA', 'LAMDA')}")
    except KeyError:
        return command
