"""Checks of how the code speaks: docstrings in plain English and the field's words.

`python tests/plain_english.py [FOLDER ...]` prints every fault with its place.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("rag", "ingest", "finetune", "eval", "ui", "benchmarks")
LONGEST_FIRST_SENTENCE = 80
LONGEST_MODULE = 300
_DIALECT = re.compile(
    r"\b(stands?|standing|stood|holds?|holding|held|tells?|told|said|lies|lay|lying|meant|house|rooms?|shel(?:f|ves)|twins?)\b",
    re.IGNORECASE,
)
"""Words that the code used as technical verbs and nouns of its own; the field says contains, has, is, returns, reports."""
_ALLOWED = re.compile(r"held[- ]out|stand-?alone|placeholder|household|mac(?:hine)? room", re.IGNORECASE)
_CLAUSE = re.compile(r"(?:What|Whether|How|Which|Where|Who|Why|When)\b")


def first_sentence(docstring: str) -> str:
    """Return the first sentence of a docstring on one line."""
    paragraph = " ".join(docstring.strip().split("\n\n")[0].split())
    return re.split(r"(?<=[.!?])\s", paragraph)[0]


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line and text of every docstring, those of constants and fields too."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for child in body if isinstance(body, list) else []:
            if (
                isinstance(child, ast.Expr)
                and isinstance(child.value, ast.Constant)
                and isinstance(child.value.value, str)
            ):
                yield child.lineno, child.value.value


def faults(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and description of every fault of a module."""
    source = path.read_text(encoding="utf-8")
    lines = source.count("\n")
    if lines > LONGEST_MODULE:
        yield 1, f"{lines} lines, at most {LONGEST_MODULE}"
    for line, text in docstrings(ast.parse(source)):
        first = first_sentence(text)
        if len(first) > LONGEST_FIRST_SENTENCE:
            yield line, f"first sentence of {len(first)} characters: {first}"
        if _CLAUSE.match(first):
            yield line, f"a clause as a title: {first}"
        for word in _DIALECT.findall(_ALLOWED.sub("", text)):
            yield line, f"the word {word!r}: {first}"


def modules(folders: list[Path]) -> Iterator[Path]:
    """Yield the modules below folders, or the given files."""
    for folder in folders:
        yield from sorted(folder.rglob("*.py")) if folder.is_dir() else [folder]


def main() -> None:
    """Print every fault of the folders named, or of all packages."""
    folders = [Path(name) for name in sys.argv[1:]] or [ROOT / package for package in PACKAGES]
    found = [(path, *fault) for path in modules(folders) for fault in faults(path)]
    for path, line, fault in found:
        print(f"{path}:{line}: {fault}")
    print(f"{len(found)} faults")


if __name__ == "__main__":
    main()
