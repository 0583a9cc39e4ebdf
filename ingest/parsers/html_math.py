"""Formulas of HTML pages, each once and as LaTeX.

The LaTeX that a page keeps beside its MathML is taken, else the MathML is written as LaTeX.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_DRAWN = (
    ".katex-html, .MathJax_Preview, .MathJax_SVG, .MathJax_CHTML, .mjx-chtml, span.MathJax, .MathJax_Display, mjx-math, "
    "img.mwe-math-fallback-image-inline, img.mwe-math-fallback-image-display"
)
"""Drawn copies of a formula (KaTeX, MathJax 2 and 3, MediaWiki)."""
_TEX = "application/x-tex"


def write_formulas(soup: Any) -> None:
    """Replace every formula of a page by its LaTeX in dollar signs."""
    for script in soup.select("script[type^='math/tex']"):
        _put(script, script.get_text(), display="display" in str(script.get("type")))
    for element in soup.find_all("math"):
        tex = _latex_beside(element) or " ".join(_latex(element).split())
        _put(element, tex, display=element.get("display") == "block" or "display" in _classes(element))
    for copy in soup.select(_DRAWN):
        beside = copy.parent is not None and "$" in copy.parent.get_text()
        if copy.name == "img" and not beside and copy.get("alt"):
            _put(copy, str(copy["alt"]), display=False)
        elif not copy.decomposed and beside:
            copy.decompose()


def _put(element: Any, tex: str, *, display: bool) -> None:
    tex = (
        tex.strip().removeprefix(r"{\displaystyle").strip()
        if tex.strip().startswith(r"{\displaystyle")
        else tex
    )
    if tex.endswith("}") and tex.count("}") > tex.count("{"):
        tex = tex[:-1]
    tex = " ".join(tex.split())
    sign = "$$" if display else "$"
    element.replace_with(f"{sign}{tex}{sign}" if tex else "")


def _classes(element: Any) -> str:
    """Return the classes of the elements around a formula, as one text."""
    return " ".join(
        " ".join(parent.get("class") or ()) for parent in list(element.parents)[:4] if parent.name
    )


def _latex_beside(math: Any) -> str:
    for note in math.find_all("annotation"):
        if note.get("encoding") == _TEX:
            return str(note.get_text())
    return str(math.get("alttext") or "")


def _latex(element: Any) -> str:
    """Return MathML as LaTeX; of an element that is not known the content."""
    if getattr(element, "name", None) is None:
        return str(element).strip()
    if element.name in {"annotation", "annotation-xml"}:
        return ""
    parts = [part for part in map(_latex, element.children) if part]
    form = _FORMS.get(element.name)
    return form(parts) if form is not None else _row(parts, element.name)


def _row(parts: list[str], name: str) -> str:
    if name == "mtr":
        return " & ".join(parts)
    if name == "mtable":
        lines = r" \\ ".join(parts)
        return rf"\begin{{matrix}} {lines} \end{{matrix}}"
    return "".join(parts) if name in {"mi", "mo", "mn", "mtext"} else " ".join(parts)


def _braced(text: str) -> str:
    return text if len(text) == 1 else f"{{{text}}}"


def _at(parts: list[str], place: int) -> str:
    return parts[place] if place < len(parts) else ""


_FORMS: dict[str, Callable[[list[str]], str]] = {
    "mfrac": lambda parts: rf"\frac{{{_at(parts, 0)}}}{{{_at(parts, 1)}}}",
    "msqrt": lambda parts: rf"\sqrt{{{' '.join(parts)}}}",
    "mroot": lambda parts: rf"\sqrt[{_at(parts, 1)}]{{{_at(parts, 0)}}}",
    "msub": lambda parts: f"{_at(parts, 0)}_{_braced(_at(parts, 1))}",
    "msup": lambda parts: f"{_at(parts, 0)}^{_braced(_at(parts, 1))}",
    "msubsup": lambda parts: f"{_at(parts, 0)}_{_braced(_at(parts, 1))}^{_braced(_at(parts, 2))}",
    "munder": lambda parts: f"{_at(parts, 0)}_{_braced(_at(parts, 1))}",
    "mover": lambda parts: f"{_at(parts, 0)}^{_braced(_at(parts, 1))}",
    "munderover": lambda parts: f"{_at(parts, 0)}_{_braced(_at(parts, 1))}^{_braced(_at(parts, 2))}",
}
