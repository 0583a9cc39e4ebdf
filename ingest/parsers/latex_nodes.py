"""Parts of a parsed LaTeX source: arguments, labels, lists and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from ingest.parsers.latex_text import inline_text
from ingest.parsers.table_text import MOST_SPAN, Cell
from ingest.parsers.table_text import table_text as text_of_rows

LISTS = frozenset(
    ("itemize", "enumerate", "description", "thebibliography", "compactitem", "compactenum", "inparaenum")
)
_LABEL = re.compile(r"\\label\s*\{([^{}]*)\}")
_RULES = frozenset(
    (
        "hline",
        "toprule",
        "midrule",
        "bottomrule",
        "cline",
        "cmidrule",
        "addlinespace",
        "endhead",
        "endfirsthead",
    )
)


def arguments(node: Any) -> list[Any]:
    """Return the arguments that are there."""
    return [one for one in (node.nodeargd.argnlist if node.nodeargd else ()) if one is not None]


def opening(node: Any) -> str:
    """Return the start of an environment, up to a paragraph break or an inner one."""
    inner = str(node.latex_verbatim()).partition("}")[2]
    return inner.partition("\n\n")[0].partition("\\begin")[0]


def labels(source: str) -> str:
    """Return the labels in a source, in brackets."""
    names = ", ".join(_LABEL.findall(source))
    return f" [{names}]" if names else ""


def has_blocks(group: Any) -> bool:
    from pylatexenc.latexwalker import LatexEnvironmentNode

    return any(isinstance(one, LatexEnvironmentNode) for one in group.nodelist)


def macros_in(nodes: Sequence[Any]) -> Iterator[Any]:
    """Yield the macros among nodes and inside their groups and arguments."""
    from pylatexenc import latexwalker as lw

    for node in nodes:
        if isinstance(node, lw.LatexMacroNode):
            yield node
            if node.macroname != "footnote":
                yield from macros_in(arguments(node))
        elif isinstance(node, lw.LatexGroupNode):
            yield from macros_in(node.nodelist)


def list_lines(node: Any, depth: int = 0) -> Iterator[str]:
    """Yield one line an item, with inner lists indented."""
    from pylatexenc import latexwalker as lw

    numbered = node.environmentname.startswith("enum")
    number, mark, inline = 0, "", []
    for child in [*node.nodelist, None]:
        is_item = isinstance(child, lw.LatexMacroNode) and child.macroname in {"item", "bibitem"}
        inner = isinstance(child, lw.LatexEnvironmentNode) and child.environmentname.rstrip("*") in LISTS
        if child is not None and not is_item and not inner:
            inline.append(child)
            continue
        if line := inline_text(inline):
            yield "  " * depth + mark + line
            mark = " " * len(mark)
        inline = []
        if inner:
            yield from list_lines(child, depth + 1)
        elif is_item:
            number += 1
            label = inline_text(arguments(child)[-1:])
            mark = f"[{label}] " if child.macroname == "bibitem" else f"{number}. " if numbered else "- "
            mark += f"{label}: " if label and child.macroname == "item" else ""


def table_text(nodes: Sequence[Any]) -> str:
    """Return the rows of a table as lines, with bars between the cells.

    A cell over several columns or rows is in each of them.
    """
    from pylatexenc import latexwalker as lw

    rows: list[list[list[Any]]] = [[[]]]
    for node in nodes:
        if isinstance(node, lw.LatexMacroNode) and node.macroname in {"\\", "tabularnewline"}:
            rows.append([[]])
        elif isinstance(node, lw.LatexSpecialsNode) and node.specials_chars == "&":
            rows[-1].append([])
        elif not (isinstance(node, lw.LatexMacroNode) and node.macroname in _RULES):
            rows[-1][-1].append(node)
    cells = [[_cell(cell) for cell in row] for row in rows]
    _fill_down(cells)
    return text_of_rows([[Cell(cell.text, cell.columns) for cell in row] for row in cells])


def _cell(nodes: Sequence[Any]) -> Cell:
    """Return a cell with the columns and rows that its macros give it."""
    spans = {"multicolumn": 1, "multirow": 1}
    for macro in macros_in(nodes):
        if macro.macroname in spans and (given := arguments(macro)):
            number = inline_text(given[:1])
            spans[macro.macroname] = min(int(number), MOST_SPAN) if number.isdecimal() else 1
    return Cell(inline_text(nodes), spans["multicolumn"], spans["multirow"])


def _fill_down(rows: list[list[Cell]]) -> None:
    """Write the text of a cell over several rows into the empty ones below it."""
    for at, row in enumerate(rows):
        for column, cell in enumerate(row):
            for below in rows[at + 1 : at + cell.rows]:
                if column < len(below) and not below[column].text:
                    below[column] = Cell(cell.text, below[column].columns)
