"""The text and blocks of a document while a parser extracts them."""

from __future__ import annotations

from ingest.parsers.missed import Missed
from rag.note_warnings import NoteWarning
from rag.types import Block, BlockKind, Locator, Unit

_PART_GAP = "\n\n"
LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
_PLAIN = LIGATURES | str.maketrans({"\u00a0": " ", "\u200b": "", "\u00ad": ""})


class Draft:
    """Collects text and blocks for formats whose text is extracted.

    Every block's span is right by construction. `missed` collects what is not read; its places count in
    `unit`.
    """

    def __init__(self, unit: Unit = Unit.PARAGRAPH) -> None:
        self.missed = Missed(unit.value)
        self._pieces: list[str] = []
        self._length_chars = 0
        self.blocks: list[Block] = []
        self.warnings: list[NoteWarning] = []

    def add(
        self,
        kind: BlockKind,
        text: str,
        locator: Locator,
        *,
        level: int = 0,
        part: int = 0,
        identity: str = "",
    ) -> None:
        """Append a part, after a blank line.

        White space alone is left out, ligatures are spelled out.
        """
        text = clean(text).translate(_PLAIN).strip("\n")
        if not text.strip():
            return
        if self._pieces:
            self._pieces.append(_PART_GAP)
            self._length_chars += len(_PART_GAP)
        start = self._length_chars
        self._pieces.append(text)
        self._length_chars += len(text)
        self.blocks.append(Block(kind, start, self._length_chars, locator, level, part, identity))

    @property
    def text(self) -> str:
        """The text of all parts so far."""
        return "".join(self._pieces)


def clean(text: str) -> str:
    """Return the text with NUL and lone surrogates replaced one to one.

    No database and no font has them.
    """
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
