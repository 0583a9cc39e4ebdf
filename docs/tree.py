"""Writes the tree of the README from the first sentence of every module's docstring, so that it cannot grow stale.

Run `python docs/tree.py` after adding or renaming a module; `tests/test_readme.py` fails until it was run.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = {
    "ingest": "notes in, library out",
    "rag": "a question and a history in, a cited answer out: the core",
    "finetune": "rows in, adapter out",
    "eval": "golden questions in, measurements with uncertainty out",
    "ui": "the faces: command line and web app",
    "benchmarks": "what `make bench-*` runs",
}
START, END = "<!-- tree -->", "<!-- /tree -->"


def main() -> None:
    """Rewrite the tree between the two marks of the README."""
    readme = ROOT / "README.md"
    readme.write_text(with_tree(readme.read_text(encoding="utf-8")), encoding="utf-8")


def with_tree(readme: str) -> str:
    """The README with a fresh tree between its marks."""
    before, rest = readme.split(START)
    _, after = rest.split(END)
    return f"{before}{START}\n```\n{tree()}\n```\n{END}{after}"


def tree() -> str:
    """One line a module, folders first named by their room's purpose."""
    lines: list[str] = []
    for room, purpose in ROOMS.items():
        lines += ([""] if lines else []) + [_line(f"{room}/", purpose, 0)]
        lines += _folder(ROOT / room, 1)
    return "\n".join(lines)


def _folder(folder: Path, depth: int) -> list[str]:
    lines = []
    for path in sorted(folder.iterdir(), key=lambda path: (path.is_dir(), path.name)):
        if path.suffix == ".py" and path.name != "__init__.py":
            lines.append(_line(path.name, _summary(path), depth))
        elif path.is_dir() and any(path.rglob("*.py")) and path.name != "__pycache__":
            init = path / "__init__.py"
            lines.append(_line(f"{path.name}/", _summary(init) if init.is_file() else "", depth))
            lines += _folder(path, depth + 1)
    return lines


def _line(name: str, about: str, depth: int) -> str:
    return f"{'    ' * depth}{name:<{28 - 4 * depth}} {about}".rstrip()


def _summary(path: Path) -> str:
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    sentence = re.split(r"[.;](?=\s|$)", " ".join(doc.split("\n\n")[0].split()), maxsplit=1)[0]
    return sentence if len(sentence) <= 100 else re.split(r": |, ", sentence, maxsplit=1)[0]


if __name__ == "__main__":
    sys.exit(main())
