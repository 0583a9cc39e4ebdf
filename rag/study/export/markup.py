"""The text of items in other markups.

It is plain text with `code`, fences and LaTeX between dollar signs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape

from rag.study.items import Item
from rag.text.notation import plain_notation

_PARTS = re.compile(
    r"```\w*\n(?P<block>.*?)\n?```|`(?P<code>[^`\n]+)`|\$\$(?P<display>.+?)\$\$|\$(?P<inline>[^$\n]+)\$",
    re.DOTALL,
)

_SIZES = re.compile(r"\\[bB]igg?[lrm]?(?![a-zA-Z])")
_ACCENTS = {"bar": "\u0304", "tilde": "\u0303", "hat": "\u0302"}
_ACCENT = re.compile(r"\\(bar|tilde|hat)\s*\{?\s*(\w)\s*\}?")
_POWER = re.compile(r"([\^_])\s*\{([^{}]*[-+*/=,][^{}]*)\}")
_INNER_WRAPPER = re.compile(r"\\(?:text|mathrm|mathbf|operatorname)\s*\{([^{}]*)\}")
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_ROUNDS = 4
"""Levels of braces inside each other that are taken apart."""


def html_for_moodle(text: str) -> str:
    r"""Return HTML with formulas as `\(...\)`, which Moodle and Anki render."""
    return _html(
        text,
        lambda body: f"\\({escape(body, quote=False)}\\)",
        lambda body: f"\\[{escape(body, quote=False)}\\]",
    )


def html_for_print(text: str) -> str:
    """Return HTML with formulas in plain notation.

    A page without a network cannot load a renderer.
    """

    def formula(body: str) -> str:
        return f'<span class="formula">{escape(formula_text(body), quote=False)}</span>'

    return _html(text, formula, formula)


def text_for_terminal(text: str) -> str:
    """Return plain text with formulas in plain notation and code without its marks."""

    def part(match: re.Match[str]) -> str:
        if match["block"] is not None:
            return "\n".join(f"    {line}" for line in match["block"].splitlines())
        if match["code"] is not None:
            return match["code"]
        return formula_text(match["display"] or match["inline"])

    return _PARTS.sub(part, text)


def formula_text(latex: str) -> str:
    r"""Return LaTeX as plain text.

    `\frac{a-b}{2}` is `(a-b)/2`, `e^{-t/\tau}` is `e^(-t/τ)`, `\bar{x}` is `x̄`.
    """
    text = _SIZES.sub("", latex)
    text = _ACCENT.sub(lambda match: match[2] + _ACCENTS[match[1]], text)
    for _ in range(_ROUNDS):
        text = _POWER.sub(r"\1(\2)", text)
        text = _INNER_WRAPPER.sub(r"\1", text)
        text = _FRACTION.sub(lambda match: f"{_grouped(match[1])}/{_grouped(match[2])}", text)
    return plain_notation(f"${text}$").strip()


def _grouped(part: str) -> str:
    return part.strip() if re.fullmatch(r"[\w\\.^̄̃̂]+", part.strip()) else f"({part.strip()})"


def source_line(item: Item) -> str:
    """Return the source of an item as it is printed."""
    return item.citation.locator


def _html(text: str, inline: Callable[[str], str], display: Callable[[str], str]) -> str:
    made: list[str] = []
    at = 0
    for match in _PARTS.finditer(text):
        made.append(_plain(text[at : match.start()]))
        if match["block"] is not None:
            made.append(f"<pre><code>{escape(match['block'], quote=False)}</code></pre>")
        elif match["code"] is not None:
            made.append(f"<code>{escape(match['code'], quote=False)}</code>")
        elif match["display"] is not None:
            made.append(display(match["display"].strip()))
        else:
            made.append(inline(match["inline"].strip()))
        at = match.end()
    return "".join([*made, _plain(text[at:])])


def _plain(text: str) -> str:
    return escape(text.strip("\n") if "\n\n" in text else text, quote=False).replace("\n", "<br>")
