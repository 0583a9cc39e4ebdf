"""Output of a notebook's cell, below the statement that leads to it.

"Now a noisy tone of 730 Hz" is followed by code, and where the tone turned up is what the code printed.
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.answer.code_blocks import prints
from rag.answer.notes import Notes
from rag.answer.readable import line_spans
from rag.text.scripts import word_count
from rag.types import Block, BlockKind, Chunk, Citation, DocumentKind

PRINTED = "printed by a cell"
"""Reason of a sentence that is such an output."""
MOST_LINES, MOST_WORDS = 4, 40
"""The longest output that is shown below a statement, in lines and words. Chosen, not measured."""


def output_below(cited: Citation, notes: Notes) -> tuple[Chunk, Citation] | None:
    """Return the short output of a cited cell, with its passage.

    It is the cell that the citation is in or leads to. None where there is none, and where it is long or data. The citation's number is 0.
    """
    if not notes.library.has(cited.document):
        return None
    document = notes.document(cited.document)
    if document.kind is not DocumentKind.NOTEBOOK:
        return None
    output = _output(document.blocks, cited)
    if output is None:
        return None
    passage = notes.passage(document.path, output.start, output.end)
    text = document.text[output.start : output.end].rstrip()
    if (
        len(text.splitlines()) > MOST_LINES
        or word_count(text) > MOST_WORDS
        or _is_data(output, passage, notes)
    ):
        return None
    return passage, Citation(0, document.path, passage.label, output.start, output.start + len(text), text)


def _output(blocks: Sequence[Block], cited: Citation) -> Block | None:
    """Return the output of the code that a citation is in, or of the next."""
    place = next((n for n, block in enumerate(blocks) if block.start <= cited.start < block.end), None)
    if place is None or blocks[place].kind not in {BlockKind.PARAGRAPH, BlockKind.CODE}:
        return None
    code = place if blocks[place].kind is BlockKind.CODE else place + 1
    if code + 1 >= len(blocks) or blocks[code].kind is not BlockKind.CODE:
        return None
    return blocks[code + 1] if prints(blocks[code], blocks[code + 1]) else None


def _is_data(output: Block, passage: Chunk, notes: Notes) -> bool:
    """Return whether a line of an output is data. A cut output counts as data."""
    if output.start < passage.start or output.end > passage.end:
        return True
    reading = notes.reading(passage)
    lines = line_spans(passage.text, output.start - passage.start, output.end - passage.start)
    return any(start < end and reading.is_printed_data(start, end) for start, end in lines)
