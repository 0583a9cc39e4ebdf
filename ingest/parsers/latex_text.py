"""LaTeX inside a line: words without macros, and formulas.

A formula stays LaTeX unless signs can say all of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

_SPACE = re.compile(r"\s+")
_LABEL = re.compile(r"\\label\s*\{[^{}]*\}|\\(?:nonumber|notag)\b")
_LETTERS = re.compile(
    r"\\(?:mathbb|mathrm|mathbf|mathcal|mathit|mathsf|text|textrm|operatorname)\s*\{([^{}\\]*)\}"
)
_LONG_SCRIPT = re.compile(r"[\^_]\s*(?:\{[^{}]{2,}\}|\\)")
_GROUPED = re.compile(
    r"\\(?:[dt]?frac|sqrt|binom|overline|underline|hat|tilde|bar|vec|dot|begin|left|right|sum|prod|int|lim|over|choose|stackrel|"
    r"mathbb|mathcal|boldsymbol|bm|overset|underset|phantom|big|Big|bigg|Bigg|limits)(?![A-Za-z])|\\\\|&"
)
_MACRO = re.compile(r"\\([A-Za-z]+)")
_BEAMER = re.compile(r"<[\d,\-+.|@a-z:]*>")
_OVERLAY = re.compile(
    r"(\\(?:only|uncover|visible|invisible|alert|onslide|item|alt|temporal|textbf|textit|emph|structure|note|action|pause|"
    r"includegraphics|color|frame|column|hyperlink|label)\*?|\\(?:begin|end)\{\w+\*?\})<[\d,\-+.|@a-z:]*>"
)
"""A macro of beamer with the steps of the slide that it is for."""
_CITATIONS = ("citep", "citet", "cite", "parencite", "textcite", "autocite")
_SIGNS = {"checkmark": "✓", "degree": "°", "euro": "€", "texteuro": "€", "EUR": "€", "xmark": "✗", "qed": "∎"}
_LAYOUT = """
    vspace hspace setlength addtolength usepackage documentclass bibliographystyle bibliography pagestyle thispagestyle
    setcounter addtocounter geometry hypersetup color graphicspath tikzset lstset theoremstyle pagenumbering
    input include includeonly usetheme usecolortheme usefonttheme linespread renewcommand label index addbibresource
    printbibliography nocite hyphenation phantom hphantom vphantom pgfplotsset captionsetup setbeamertemplate
    column vskip hskip addcontentsline numberwithin allowdisplaybreaks bookmarksetup newtheorem newcounter newlength
""".split()
"""Macros whose arguments are no words."""


def inline_text(nodes: Sequence[Any]) -> str:
    """Return the words of nodes in one line, formulas between dollar signs."""
    text = str(_renderer().nodelist_to_text([node for node in nodes if node is not None]))
    return _SPACE.sub(" ", _BEAMER.sub("", text) if text.startswith("<") else text).strip()


def without_overlays(source: str) -> str:
    r"""Return the source without beamer's steps, such as `<2->` of `\only<2->`."""
    return _OVERLAY.sub(r"\1", source)


def latex_words(source: str) -> str:
    """Return the words of a piece of source in one line."""
    from pylatexenc.latexwalker import LatexWalker

    walker = LatexWalker(source, latex_context=latex_context(()), tolerant_parsing=True)
    return inline_text(walker.get_latex_nodes()[0])


def formula_text(source: str) -> str:
    """Return a displayed formula without labels, between double dollar signs."""
    return f"$${_SPACE.sub(' ', _LABEL.sub('', source)).strip()}$$"


def inline_formula(source: str) -> str:
    """Return a formula of a line as signs if they say all that it says, else as LaTeX.

    Long exponents and fractions would lose their brackets: `x^{n+1}` is not `x^n+1`.
    """
    from pylatexenc.latex2text import LatexNodes2Text

    body = _LABEL.sub("", source)
    short = _LETTERS.sub(lambda match: _double_struck(match[0], match[1]), body)
    unknown = set(_MACRO.findall(short)) - _known_macros()
    if unknown or _LONG_SCRIPT.search(short) or _GROUPED.search(short):
        return f"${_SPACE.sub(' ', body).strip()}$"
    signs = LatexNodes2Text(math_mode="text", strict_latex_spaces=False).latex_to_text(short)
    return _SPACE.sub(" ", str(signs)).strip()


def latex_context(theorems: Sequence[str]) -> Any:
    """Return pylatexenc's database of macros with those that course notes use besides."""
    from pylatexenc.latexwalker import get_default_latex_context_db
    from pylatexenc.macrospec import EnvironmentSpec, std_macro

    context = get_default_latex_context_db()
    context.add_context_category(
        "notes",
        prepend=True,
        macros=[
            *(std_macro(name, "*[{") for name in _LAYOUT),
            *(
                std_macro(name, "{")
                for name in (
                    "frametitle",
                    "framesubtitle",
                    "url",
                    "eqref",
                    "autoref",
                    "cref",
                    "Cref",
                    "bibinfo",
                )
            ),
            *(std_macro(name, "*[{") for name in ("paragraph", "subparagraph", "part", "chapter")),
            *(std_macro(name, "[[{") for name in _CITATIONS),
            *(
                std_macro(name, "{{")
                for name in ("href", "textcolor", "colorbox", "definecolortheme", "raisebox")
            ),
            *(std_macro(name, "{{{") for name in ("multicolumn", "multirow", "definecolor")),
            std_macro("footnote", "[{"),
            std_macro("caption", "*[{"),
            std_macro("includegraphics", "*[[{"),
            std_macro("bibitem", "[{"),
            std_macro("cline", "{"),
            std_macro("cmidrule", "[{"),
            std_macro("only", "{"),
        ],
        environments=[
            *(EnvironmentSpec(name, "[") for name in theorems),
            *(EnvironmentSpec(name, "{[{") for name in ("tabular*", "tabularx", "tabulary")),
            EnvironmentSpec("longtable", "[{"),
            EnvironmentSpec("tabular", "[{"),
            EnvironmentSpec("minipage", "[[[{"),
            EnvironmentSpec("multicols", "*{"),
            EnvironmentSpec("thebibliography", "{"),
            EnvironmentSpec("frame", "["),
            EnvironmentSpec("columns", "["),
            EnvironmentSpec("column", "[{"),
            EnvironmentSpec("figure", "["),
            EnvironmentSpec("table", "["),
            EnvironmentSpec("wrapfigure", "[{{"),
            EnvironmentSpec("enumerate", "["),
            EnvironmentSpec("itemize", "["),
            EnvironmentSpec("description", "["),
        ],
    )
    return context


@lru_cache(maxsize=1)
def _known_macros() -> frozenset[str]:
    """Return the names of the macros that have a sign; any other would vanish."""
    from pylatexenc.latex2text import get_default_latex_context_db

    return frozenset(spec.macroname for spec in get_default_latex_context_db().iter_macro_specs())


@lru_cache(maxsize=1)
def _renderer() -> Any:
    from pylatexenc.latex2text import MacroTextSpec, get_default_latex_context_db

    context = get_default_latex_context_db()
    silent = [
        MacroTextSpec(name, "")
        for name in (*_LAYOUT, "footnote", "maketitle", "tableofcontents", "centering")
    ]
    last = [
        MacroTextSpec(name, _last_argument)
        for name in ("ref", "eqref", "autoref", "cref", "Cref", "pageref", "url", "textcolor", "colorbox", "multicolumn", "multirow",
                     "caption", "raisebox", "only", "bibinfo", "texttt", "textsf", "textmd", "textup", "mbox", "boxframe", "keywords",
                     "framesubtitle", "citetext", "xleftarrow", "xrightarrow", "subexercise")
    ]  # fmt: skip
    cited = [
        MacroTextSpec(name, _citation)
        for name in (
            *_CITATIONS,
            "Citep",
            "Citet",
            "citealp",
            "citealt",
            "Citealp",
            "Citealt",
            "citeauthor",
            "citeyear",
            "citeyearpar",
        )
    ]
    signs = [MacroTextSpec(name, sign) for name, sign in _SIGNS.items()]
    verbatim = MacroTextSpec("verb", lambda node: node.nodeargd.verbatim_text)
    linked = [MacroTextSpec("href", _last_argument), MacroTextSpec("includegraphics", "")]
    context.add_context_category(
        "notes", prepend=True, macros=[*silent, *last, *cited, *linked, *signs, verbatim]
    )
    return _with_formulas()(
        latex_context=context, math_mode="verbatim", keep_comments=False, strict_latex_spaces=False
    )


def _last_argument(node: Any, l2tobj: Any) -> str:
    arguments = [one for one in (node.nodeargd.argnlist if node.nodeargd else ()) if one is not None]
    return str(l2tobj.nodelist_to_text([arguments[-1]])) if arguments else ""


def _citation(node: Any, l2tobj: Any) -> str:
    return f"[{_last_argument(node, l2tobj)}]"


def _double_struck(macro: str, letters: str) -> str:
    """Return the letters of a font macro; those of `mathbb` as signs (`ℝ`)."""
    if macro.startswith("\\mathbb"):
        letters = "".join(_STRUCK.get(letter, letter) for letter in letters)
    return f"{{{letters}}}"  # so that no macro before them takes them for its own letters


_STRUCK = {"C": "ℂ", "H": "ℍ", "N": "ℕ", "P": "ℙ", "Q": "ℚ", "R": "ℝ", "Z": "ℤ"}


def _with_formulas() -> Any:
    """Return the class of the renderer, which pylatexenc has to be imported for."""
    from pylatexenc.latex2text import LatexNodes2Text

    class WithFormulas(LatexNodes2Text):  # type: ignore[misc]
        """The renderer of words, with this module's formulas."""

        def math_node_to_text(self, node: Any) -> str:
            """Return a formula of a line or a displayed one."""
            source = "".join(part.latex_verbatim() for part in node.nodelist)
            return formula_text(source) if node.displaytype == "display" else inline_formula(source)

    return WithFormulas
