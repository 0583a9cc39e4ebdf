"""LaTeX: sections, theorems with their names, lists, tables, formulas and code.

pylatexenc parses the source. Formulas stay LaTeX, with the author's own macros replaced; everything else
becomes plain text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from ingest.parsers.decoding import decode
from ingest.parsers.draft import Draft
from ingest.parsers.latex_macros import expanded, group_ends, without_comments
from ingest.parsers.latex_nodes import (
    LISTS,
    arguments,
    has_blocks,
    labels,
    list_lines,
    macros_in,
    opening,
    table_text,
)
from ingest.parsers.latex_text import (
    formula_text,
    inline_text,
    latex_context,
    latex_words,
    without_overlays,
)
from ingest.parsers.latex_units import with_units
from rag.note_warnings import WarningCode
from rag.types import BlockKind, Locator, Unit

_SECTIONS = {
    "part": 1,
    "chapter": 1,
    "section": 2,
    "subsection": 3,
    "subsubsection": 4,
    "paragraph": 5,
    "subparagraph": 6,
    "frametitle": 3,
}
_TABLES = frozenset(("tabular", "tabular*", "tabularx", "tabulary", "longtable", "array", "tblr"))
_FORMULAS = frozenset(
    "equation align gather multline eqnarray displaymath math flalign alignat split dmath subequations".split()
)
_CODE = frozenset(
    ("verbatim", "verbatim*", "lstlisting", "minted", "Verbatim", "alltt", "algorithmic", "algorithm2e")
)
_DRAWINGS = frozenset(("tikzpicture", "pspicture", "picture", "forest", "circuitikz", "pgfpicture", "asy"))
_LEFT_OUT = frozenset(("comment", "filecontents", "filecontents*"))
_KNOWN_THEOREMS = {
    "theorem": "Theorem", "thm": "Theorem", "lemma": "Lemma", "lem": "Lemma", "proposition": "Proposition",
    "prop": "Proposition", "corollary": "Corollary", "cor": "Corollary", "definition": "Definition", "defn": "Definition",
    "example": "Example", "remark": "Remark", "exercise": "Exercise", "problem": "Problem", "claim": "Claim",
    "conjecture": "Conjecture", "axiom": "Axiom", "proof": "Proof", "solution": "Solution", "note": "Note",
    "block": "", "alertblock": "", "exampleblock": "", "abstract": "Abstract",
}  # fmt: skip
_NEW_THEOREM = re.compile(
    r"\\(?:newtheorem|declaretheorem|newtcbtheorem)\*?\s*\{([^{}]+)\}\s*(?:\[[^\]]*\])?\s*\{([^{}]*)\}"
)
_DOCUMENT = re.compile(r"\\begin\s*\{document\}")
_METADATA = re.compile(r"\\(title|author|date|institute|subtitle)\s*(?:\[[^\]]*\])?\s*(?=\{)")
_LISTING = re.compile(
    r"\\begin\{(verbatim\*?|lstlisting|minted|Verbatim|alltt|algorithmic|algorithm2e)\}((?:\[[^\]\n]*\])?(?:(?<=\{minted\})\{\w+\})?)"
    r"(.*?)\\end\{\1\}",
    re.DOTALL,
)
_LISTING_CAPTION = re.compile(r"\bcaption\s*=\s*(?:\{([^{}]*)\}|([^,\]{}]+))")
_EXAM_PART = re.compile(r"\\part(?![A-Za-z*])(?=\s*(?:\[[^\]]*\])?\s*[^\s{])")
"""A part of a question in the class `exam`, which is no part of a book."""
_STARTS = frozenset(("par", "question", "titledquestion", "subpart", "subsubpart", "newpage", "clearpage"))
"""Macros that begin a paragraph."""
_MARK = "\ue000"
"""A sign for private use around the number of a listing."""
_CODE_MARK = re.compile(rf"{_MARK}(\d+){_MARK}")


def read_latex(data: bytes) -> tuple[Draft, str]:
    """Return the document's blocks, located by line, and its title.

    Raises:
        UnreadableNote: it is not text.
    """
    from pylatexenc.latexwalker import LatexWalker

    decoded = decode(data)
    masked, code = _without_code(decoded.text)
    source = without_overlays(with_units(expanded(without_comments(masked))))
    if "\\begin{parts}" in source:
        source = _EXAM_PART.sub(r"\\subpart", source)
    theorems = _KNOWN_THEOREMS | {match[1]: match[2] for match in _NEW_THEOREM.finditer(source)}
    page = _Page(source, code, theorems)
    page.draft.warnings += decoded.warnings
    title = page.add_metadata(source)
    begin = _DOCUMENT.search(source)
    walker = LatexWalker(source, latex_context=latex_context(list(theorems)), tolerant_parsing=True)
    nodes, _, _ = walker.get_latex_nodes(pos=begin.start() if begin else 0)
    page.walk(nodes)
    return page.draft, title


def _without_code(source: str) -> tuple[str, list[str]]:
    """Return the source with a mark in place of every listing, and the listings.

    The line ends inside them stay.
    """
    code: list[str] = []

    def masked(match: re.Match[str]) -> str:
        code.append(match[3])
        breaks = "\n" * (match[2] + match[3]).count("\n")
        caption = _LISTING_CAPTION.search(match[2])
        named = f"\\caption{{{caption[1] or caption[2]}}}" if caption else ""
        return f"{named}\\begin{{{match[1]}}}{_MARK}{len(code) - 1}{_MARK}{breaks}\\end{{{match[1]}}}"

    return _LISTING.sub(masked, source), code


class _Page:
    """The blocks of a source while its nodes are walked."""

    def __init__(self, source: str, code: Sequence[str], theorems: dict[str, str]) -> None:
        self.draft = Draft(Unit.LINE)
        self._code = code
        self._theorems = theorems
        self._line_starts = [0, *accumulate(len(line) for line in source.splitlines(keepends=True))]
        self._end = len(source)
        self._heading = ""
        self._inline: list[Any] = []
        self._prefix = ""

    def add_metadata(self, source: str) -> str:
        """Append author and date, and return the title."""
        found: dict[str, str] = {}
        ends = group_ends(source)
        for match in _METADATA.finditer(source):
            end = ends.get(match.end(), -1)
            if end > 0 and match[1] not in found:
                found[match[1]] = latex_words(source[match.end() + 1 : end - 1])
        lines = [f"{name}: {text}" for name, text in found.items() if text and name != "title"]
        self.draft.add(BlockKind.METADATA, "\n".join(lines), Locator(Unit.LINE, 1, 1))
        return found.get("title", "")

    def walk(self, nodes: Sequence[Any]) -> None:
        """Add the blocks of some nodes; what is between two blocks is a paragraph."""
        from pylatexenc import latexwalker as lw

        pending = deque(nodes)
        while pending:
            node = pending.popleft()
            if node is None or isinstance(node, lw.LatexCommentNode):
                continue
            if isinstance(node, lw.LatexMacroNode) and node.macroname in _SECTIONS:
                self._flush()
                self._section(node)
            elif isinstance(node, lw.LatexMacroNode) and node.macroname in _STARTS:
                self._flush()
                self._inline += arguments(node)
            elif isinstance(node, lw.LatexMacroNode) and node.macroname == "caption":
                self._flush()
                self._inline.append(node)
                self._flush()
            elif isinstance(node, lw.LatexSpecialsNode) and node.specials_chars == "\n\n":
                self._flush()
            elif isinstance(node, lw.LatexEnvironmentNode):
                self._flush()
                self._environment(node)
                self._flush()
            elif isinstance(node, lw.LatexMathNode) and node.displaytype == "display":
                self._flush()
                self._add(
                    BlockKind.FORMULA,
                    formula_text("".join(one.latex_verbatim() for one in node.nodelist)),
                    node,
                )
            elif isinstance(node, lw.LatexGroupNode) and has_blocks(node):
                pending.extendleft(reversed(node.nodelist))
            else:
                self._inline.append(node)
        self._flush()

    def _section(self, node: Any) -> None:
        text = inline_text(arguments(node)[-1:])
        if text:
            self._heading = text
            self._add(BlockKind.HEADING, text, node, _SECTIONS[node.macroname])

    def _environment(self, node: Any) -> None:
        name = node.environmentname
        plain = name.rstrip("*")
        if name in _CODE:
            self._listing(node)
        elif plain in _FORMULAS:
            inner = "".join(one.latex_verbatim() for one in node.nodelist)
            self._add(BlockKind.FORMULA, formula_text(inner) + labels(inner), node)
        elif plain in LISTS:
            self._add(BlockKind.LIST, "\n".join(list_lines(node)), node)
        elif name in _TABLES:
            self._add(BlockKind.TABLE, table_text(node.nodelist), node)
        elif name in _DRAWINGS:
            self.draft.missed.add(WarningCode.DIAGRAMS, self._line(node.pos))
        elif name in self._theorems:
            self._theorem(node, self._theorems[name])
        elif name == "frame":
            self._frame(node)
        elif name not in _LEFT_OUT:
            self.walk(node.nodelist)

    def _theorem(self, node: Any, printed: str) -> None:
        """Add a theorem, its name and label before its first words."""
        title = inline_text(arguments(node)[-1:])
        words = f"{printed} ({title})" if printed and title else printed or title
        self._prefix = f"{words}{labels(opening(node))}: " if words else ""
        self.walk(node.nodelist)
        self._prefix = ""

    def _frame(self, node: Any) -> None:
        """Add a slide of a presentation; a group right at its start is the title."""
        from pylatexenc.latexwalker import LatexCharsNode, LatexGroupNode

        rest = [
            one for one in node.nodelist if not (isinstance(one, LatexCharsNode) and not one.chars.strip())
        ]
        if rest and isinstance(rest[0], LatexGroupNode) and (title := inline_text([rest[0]])):
            self._heading = title
            self._add(BlockKind.HEADING, title, node, 3)
            rest = list(node.nodelist)[list(node.nodelist).index(rest[0]) + 1 :]
            self.walk(rest)
        else:
            self.walk(node.nodelist)

    def _listing(self, node: Any) -> None:
        for number in _CODE_MARK.findall(node.latex_verbatim()):
            self._add(BlockKind.CODE, self._code[int(number)], node)

    def _flush(self) -> None:
        """Add the collected nodes as a paragraph, then their footnotes and pictures."""
        nodes, self._inline = self._inline, []
        if not nodes:
            return
        if text := inline_text(nodes):
            shown = [node for node in nodes if inline_text([node])]
            self._add(BlockKind.PARAGRAPH, self._prefix + text, shown[0], last=shown[-1])
            self._prefix = ""
        for macro in macros_in(nodes):
            if macro.macroname == "footnote":
                self._add(BlockKind.NOTES, inline_text(arguments(macro)[-1:]), macro)
            elif macro.macroname == "includegraphics":
                self.draft.missed.add(
                    WarningCode.PICTURES, self._line(macro.pos), inline_text(arguments(macro)[-1:])
                )

    def _add(self, kind: BlockKind, text: str, node: Any, level: int = 0, last: Any = None) -> None:
        end = last or node
        source, final_source = node.latex_verbatim(), end.latex_verbatim()
        first = self._line(node.pos + len(source) - len(source.lstrip()))
        final = self._line(min(end.pos + max(0, len(final_source.rstrip()) - 1), self._end))
        self.draft.add(kind, text, Locator(Unit.LINE, first, max(first, final), self._heading), level=level)

    def _line(self, position: int) -> int:
        return max(1, min(bisect_right(self._line_starts, position), len(self._line_starts)))
