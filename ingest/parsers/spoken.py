"""Spoken words with their times, from subtitles and recordings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ingest.parsers.draft import Draft
from rag.types import BlockKind, Locator, Unit

_BLOCK_CHARS = 400
"""Characters after which a block ends at the next end of a sentence. Chosen, not measured."""
_PAUSE_SECONDS = 4.0
"""Silence that ends a block. Chosen, not measured."""
_SENTENCE_ENDS = (".", "!", "?", "。", "！", "？", "…", "؟", "।")


@dataclass(frozen=True, slots=True)
class Line:
    """Words that are heard from `start` to `end`, in seconds."""

    start: float
    end: float
    text: str


def add_spoken(draft: Draft, lines: Iterable[Line]) -> None:
    """Append the lines as paragraphs, located by time."""
    for block in _blocks(_without_repeats(lines)):
        at = Locator(Unit.SECOND, int(block[0].start), max(int(block[0].start), int(block[-1].end)))
        draft.add(BlockKind.PARAGRAPH, " ".join(line.text for line in block), at)


def _without_repeats(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield the lines without the words that the line before has shown.

    Captions that roll up repeat them.
    """
    before: list[str] = []
    for line in lines:
        shown = [" ".join(part.split()) for part in line.text.split("\n") if part.strip()]
        new = [part for part in shown if part not in before]
        before = shown
        if new:
            yield Line(line.start, line.end, " ".join(new))


def _blocks(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Yield runs of lines up to the end of a sentence or a pause."""
    run: list[Line] = []
    chars = 0
    for line in lines:
        if run and line.start - run[-1].end > _PAUSE_SECONDS:
            yield run
            run, chars = [], 0
        run.append(line)
        chars += len(line.text) + 1
        full = chars >= _BLOCK_CHARS and line.text.rstrip().endswith(_SENTENCE_ENDS)
        if full or chars >= 2 * _BLOCK_CHARS:
            yield run
            run, chars = [], 0
    if run:
        yield run
