"""Bounds on the marks inside a paragraph of reStructuredText.

docutils searches the rest of a paragraph for the end of each mark, and the rest of a word for the end of each name, so
a paragraph costs the square of its length, and a long word more.
"""

from __future__ import annotations

from typing import Any

_MOST_CHARACTERS = 10_000
"""Longest paragraph in which marks are read. Chosen: some pages of text without a blank line."""
_LONGEST_WORD = 1_000
"""Longest word beside which marks are read. Chosen: longer than links are."""


def bounded_inliner() -> Any:
    """Return what reads a paragraph's marks for docutils.

    It takes the text of a paragraph beyond the bounds as it is written.
    """
    from docutils import nodes
    from docutils.parsers.rst.states import Inliner

    inliner = Inliner()
    marked = inliner.parse

    def parse(text: str, *place: Any) -> tuple[list[Any], list[Any]]:
        found: tuple[list[Any], list[Any]] = (
            ([nodes.Text(text)], []) if _is_plain(text) else marked(text, *place)
        )
        return found

    inliner.parse = parse  # of this object, because a subclass would lose the class's own patterns
    return inliner


def _is_plain(text: str) -> bool:
    return len(text) > _MOST_CHARACTERS or max(map(len, text.split()), default=0) > _LONGEST_WORD
