"""Questions about what code prints: the key is the stored output of the cell. No code is run."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from itertools import pairwise

from rag.answer.notes import headings_above
from rag.study.items import ItemKind, Proposal, Topic
from rag.types import Block, BlockKind, Document

_FENCE = re.compile(r"^\s*```\{?([\w ]*)[^\n]*\n(.*?)\n?\s*```\s*$", re.DOTALL)
_PYTHON = frozenset(("py", "python", "python3", "ipython", ""))
_KNOWN = frozenset(
    ("math", "numpy", "pandas", "re", "collections", "itertools", "functools", "string", "json", "statistics")
)
"""Modules whose functions give the same output on every machine."""
_CHANGING = re.compile(r"\b(?:random|rng|time|now|today|open|input|requests|urlopen|id|hash|plt|read_csv)\b")
MOST_LINES, MOST_OUTPUT_LINES = 14, 3
LONGEST_OUTPUT = 100


def code_proposals(document: Document) -> list[Proposal]:
    """Return a question for each short piece of Python whose output is stored.

    It must need nothing outside itself.
    """
    found = []
    for (code_block, headings), (output_block, _) in pairwise(headings_above(document)):
        code, language = _body(document, code_block)
        printed, kind = _body(document, output_block)
        prints = output_block.kind is BlockKind.OUTPUT and output_block.part == code_block.part
        shown = output_block.kind is BlockKind.CODE and (kind.split() or [""])[-1] in {
            "out",
            "output",
            "console",
            "text",
        }
        if code_block.kind is not BlockKind.CODE or not (prints or shown) or language not in _PYTHON:
            continue
        if not _short(code, printed) or not is_self_contained(code):
            continue
        lead = headings[-1] if headings else document.title
        key = printed.strip()
        found.append(
            Proposal(
                topic=Topic.CODE,
                kind=ItemKind.CODE,
                anchor=code,
                lead="",
                text=f"What does this code print?\n\n```python\n{code.strip()}\n```",
                key=key,
                document=document.path,
                start=code_block.start,
                end=output_block.end,
                headings=headings,
                weight=0.8,
                query=f"{lead}\n{code}",
            )
        )
    return found


def _body(document: Document, block: Block) -> tuple[str, str]:
    """Return the text of a block without its fence, and the fence's language."""
    text = document.text[block.start : block.end]
    fence = _FENCE.match(text)
    return (fence[2], fence[1].strip()) if fence else (text, "")


def _short(code: str, printed: str) -> bool:
    lines = printed.strip().splitlines()
    return (
        2 <= len(code.strip().splitlines()) <= MOST_LINES
        and 0 < len(lines) <= MOST_OUTPUT_LINES
        and all(len(line) <= LONGEST_OUTPUT for line in lines)
        and not re.search(r"Error|Traceback|Warning|0x[0-9a-f]{6}|\.\.\.|<[\w.]+ ", printed)
    )


def is_self_contained(code: str) -> bool:
    """Return whether Python code defines its names and prints the same each time."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError):
        return False
    if _CHANGING.search(code) or not _shows(tree):
        return False
    modules = {name.split(".")[0] for name in _imported(tree)}
    return modules <= _KNOWN and not _missing(tree)


def _missing(tree: ast.Module) -> set[str]:
    """Return the names that a statement uses before anything gave them a value."""
    known = set(dir(builtins))
    missing: set[str] = set()
    for statement in tree.body:
        plain = isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Expr)
        inner = _local(statement) if plain else _defined(statement)
        used = {
            node.id
            for node in ast.walk(statement)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        }
        if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
            used.add(statement.target.id)
        missing |= used - known - inner
        known |= _defined(statement)
    return missing


def _local(statement: ast.stmt) -> set[str]:
    """The names of comprehensions and lambdas inside an expression."""
    names = {node.arg for node in ast.walk(statement) if isinstance(node, ast.arg)}
    for node in ast.walk(statement):
        if isinstance(node, ast.comprehension):
            names |= {one.id for one in ast.walk(node.target) if isinstance(one, ast.Name)}
    return names


def _shows(tree: ast.Module) -> bool:
    """Return whether something is printed that is more than a fixed text."""
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    last = tree.body[-1] if tree.body else None
    shown = [argument for call in calls for argument in call.args]
    if not calls and isinstance(last, ast.Expr):
        shown = [last.value]
    return any(not isinstance(one, ast.Constant) for one in shown)


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def _defined(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.add(node.name)
    return names
