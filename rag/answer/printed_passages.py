"""Passages that programs printed, where they hide what people wrote.

Notebooks print the records and the texts that they work on. Such a passage has the words of many questions ("'question': 'Can I
get a certificate?'"), and a search full of them hides the section that answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from functools import cache

from rag.answer.readable import Read, Reading, line_spans
from rag.types import Hit

MOSTLY = 0.5
"""Share of a passage's letters from which it counts as what they are.

Also the share of the first passages from which printed ones hide the others. Chosen, not measured.
"""
WIDER = 4
"""Factor by which more passages are looked at where some of the first are printed.

In a course with twenty notebooks the section that answers came at place 31.
"""


class Printed(IntEnum):
    """The share of a passage that a program printed."""

    LITTLE = 0
    TEXT = 1
    """Most of it, as text."""
    DATA = 2
    """Most of it, as data: nothing in it can be quoted."""


def written_first(hits: Sequence[Hit], deeper: Callable[[], Sequence[Hit]], read: Read) -> list[Hit]:
    """Return as many passages of a search, best first, those of printed data last.

    Where programs printed most of the best passages, printed text comes last too. `deeper` returns `WIDER` times as many.
    """
    kind = cache(lambda chunk: printed(read(chunk)))
    found = [kind(hit.chunk) for hit in hits]
    most = sum(map(bool, found)) > MOSTLY * len(found)
    least = Printed.TEXT if most else Printed.DATA
    if max(found, default=Printed.LITTLE) < least:
        return list(hits)
    return sorted(deeper(), key=lambda hit: max(kind(hit.chunk), least - 1))[: len(hits)]


def printed(reading: Reading) -> Printed:
    """Return how much of a passage a program printed."""
    text = reading.chunk.text
    lines = [line for start, end in reading.output for line in line_spans(text, start, end)]
    letters = sum(_letters(text, *line) for line in lines)
    if letters <= MOSTLY * _letters(text, 0, len(text)):
        return Printed.LITTLE
    data = sum(_letters(text, *line) for line in lines if reading.is_printed_data(*line))
    return Printed.DATA if data > MOSTLY * letters else Printed.TEXT


def _letters(text: str, start: int, end: int) -> int:
    return sum(map(str.isalnum, text[start:end]))
