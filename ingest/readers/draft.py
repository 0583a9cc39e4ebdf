"""The text of a document while a reader extracts it: parts are appended, and their spans become blocks."""

from __future__ import annotations

from rag.types import Block, BlockKind, Locator

_PART_GAP = "\n\n"
LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
_PLAIN = LIGATURES | str.maketrans({"\u00a0": " ", "\u200b": "", "\u00ad": ""})


class Draft:
    """Collects text and blocks for formats whose text is extracted, so that every block's span is right by construction."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length_chars = 0
        self.blocks: list[Block] = []
        self.warnings: list[str] = []

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
        """Appends a part, a blank line after the one before; white space alone is left out, ligatures are spelled out."""
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
        """Everything appended so far."""
        return "".join(self._pieces)


def clean(text: str) -> str:
    """The text with what no database and no font can hold (NUL, lone surrogates) replaced one to one."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
