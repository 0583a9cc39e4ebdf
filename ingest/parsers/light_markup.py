"""The blocks of a text that is read line by line, for Org and AsciiDoc."""

from __future__ import annotations

from collections.abc import Callable

from ingest.parsers.draft import Draft
from rag.types import BlockKind, Locator, Unit


class LineBlocks:
    """The blocks of a text while its lines are read.

    `inline` turns a line's markup into words.
    """

    def __init__(self, draft: Draft, inline: Callable[[str], str]) -> None:
        self.draft = draft
        self.heading = ""
        self._inline = inline
        self._kind = BlockKind.PARAGRAPH
        self._lines: list[str] = []
        self._first = 1

    def line(self, kind: BlockKind, text: str, number: int) -> None:
        """Add a line to the block that is open, or open one of that kind."""
        if self._lines and kind is not self._kind:
            self.flush()
        if not self._lines:
            self._kind, self._first = kind, number
        self._lines.append(text)

    def continues(self, kind: BlockKind) -> bool:
        """Return whether a block of that kind is open."""
        return bool(self._lines) and self._kind is kind

    def flush(self) -> None:
        """Close the open block."""
        lines, self._lines = self._lines, []
        if not lines:
            return
        verbatim = self._kind in {BlockKind.CODE, BlockKind.OUTPUT, BlockKind.FORMULA}
        text = "\n".join(lines if verbatim else map(self._inline, lines))
        at = Locator(Unit.LINE, self._first, self._first + len(lines) - 1, self.heading)
        self.draft.add(self._kind, text, at)

    def title(self, text: str, level: int, number: int) -> None:
        """Close the open block and add a heading."""
        self.flush()
        self.heading = " ".join(self._inline(text).split())
        at = Locator(Unit.LINE, number, number, self.heading)
        self.draft.add(BlockKind.HEADING, self.heading, at, level=min(6, max(1, level)))
