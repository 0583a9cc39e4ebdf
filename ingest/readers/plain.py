"""Plain text and source files: lines, and the paragraphs they make.

Ligatures, which copies of PDFs are full of, are spelled out: nobody searches for them.
"""

from __future__ import annotations

import re
from pathlib import Path

from ingest.readers.decoding import decode
from ingest.readers.draft import LIGATURES
from rag.types import Block, BlockKind, Locator, Unit

_PARAGRAPH = re.compile(r"\S[^\n]*(?:\n[^\n]*\S[^\n]*)*")
_CODE_SUFFIXES = re.compile(
    r"\.(py|c|h|cc|cpp|hpp|cs|java|kt|js|mjs|ts|tsx|jsx|go|rs|rb|php|pl|r|jl|m|sql|sh|bash|ps1|scala|swift|hs|ml|lua|asm|s|v"
    r"|vhd|toml|ya?ml|json|ini|cfg|csv|tsv|xml)",
    re.IGNORECASE,
)


def read_plain(path: Path, data: bytes) -> tuple[str, list[Block], list[str]]:
    """The decoded text, a block for each paragraph (run of lines without a blank one), and warnings."""
    decoded = decode(data)
    text = decoded.text.translate(LIGATURES)
    kind = BlockKind.CODE if _CODE_SUFFIXES.fullmatch(path.suffix) else BlockKind.PARAGRAPH
    return text, paragraphs(text, kind), list(decoded.warnings)


def paragraphs(text: str, kind: BlockKind = BlockKind.PARAGRAPH) -> list[Block]:
    """A block for each run of lines without a blank one, located by line."""
    blocks, line, counted = [], 1, 0
    for match in _PARAGRAPH.finditer(text):
        line += text.count("\n", counted, match.start())
        counted = match.start()
        last = line + text.count("\n", match.start(), match.end())
        blocks.append(Block(kind, match.start(), match.end(), Locator(Unit.LINE, line, last)))
    return blocks
