"""Plain text and source files: lines, and the paragraphs they make.

Ligatures, which copies of PDFs are full of, are spelled out: nobody searches for them.
"""

from __future__ import annotations

import re
from pathlib import Path

from ingest.kinds import is_code
from ingest.parsers.decoding import decode
from ingest.parsers.draft import LIGATURES
from rag.note_warnings import NoteWarning
from rag.types import Block, BlockKind, Locator, Unit

_PARAGRAPH = re.compile(r"\S[^\n]*(?:\n[^\n]*\S[^\n]*)*")


def read_plain(path: Path, data: bytes) -> tuple[str, list[Block], list[NoteWarning]]:
    """Return the decoded text, a block for each paragraph, and warnings.

    A paragraph is a run of lines without a blank one.
    """
    decoded = decode(data)
    text = decoded.text.translate(LIGATURES)
    kind = BlockKind.CODE if is_code(path.suffix) else BlockKind.PARAGRAPH
    return text, paragraphs(text, kind), list(decoded.warnings)


def paragraphs(text: str, kind: BlockKind = BlockKind.PARAGRAPH) -> list[Block]:
    """Return a block for each run of lines without a blank one, located by line."""
    blocks, line, counted = [], 1, 0
    for match in _PARAGRAPH.finditer(text):
        line += text.count("\n", counted, match.start())
        counted = match.start()
        last = line + text.count("\n", match.start(), match.end())
        blocks.append(Block(kind, match.start(), match.end(), Locator(Unit.LINE, line, last)))
    return blocks
