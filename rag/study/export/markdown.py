"""Items as Markdown: the questions, then the key with explanations and sources."""

from __future__ import annotations

from collections.abc import Sequence

from rag.study.export.markup import source_line
from rag.study.grading import lettered
from rag.study.items import Item


def markdown_text(items: Sequence[Item], title: str) -> str:
    """Return the items as a Markdown document."""
    lines = [f"# {title}", ""]
    for number, item in enumerate(items, 1):
        lines += [f"{number}. {_indented(item.question)}", ""]
        lines += [f"    - {letter}) {_indented(choice)}" for letter, choice in lettered(item.choices)]
        lines += [""] if item.choices else []
    lines += ["## Key", ""]
    for number, item in enumerate(items, 1):
        letter = next((f"{one}) " for one, choice in lettered(item.choices) if choice == item.answer), "")
        unit = f" {item.unit}" if item.unit else ""
        lines += [
            f"{number}. {letter}{_indented(item.answer)}{unit}",
            f"    - {_indented(item.explanation)}",
            f"    - Source: {source_line(item)}",
        ]
    return "\n".join(lines) + "\n"


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")
