"""The parts of a document that the source viewer shows one after another.

They are the pages, slides or cells of a format that has them, else stretches of about a screen that begin at a heading
where there is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from rag.aliases import Span
from rag.types import Block, BlockKind, Document, Unit
from ui.web.language import gettext as _
from ui.web.language import noted

_PART_CHARS = 1800
"""Characters from which a part of continuous text ends at the next block."""
_NAMES = {
    Unit.PAGE: noted("Page %(n)s"),
    Unit.SLIDE: noted("Slide %(n)s"),
    Unit.CELL: noted("Cell %(n)s"),
    Unit.CHAPTER: noted("Chapter %(n)s"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A half-open span of a document's text with its name and its blocks.

    `number` is that of the page, slide or cell, 0 for continuous text, which has no name either.
    """

    start: int
    end: int
    name: str
    number: int
    blocks: tuple[Block, ...]


def parts_of(document: Document) -> tuple[Part, ...]:
    """Return the parts of a document in order; none of an empty one."""
    if any(block.part for block in document.blocks):
        groups = [tuple(group) for _, group in groupby(document.blocks, key=lambda block: block.part)]
        return tuple(_numbered(group) for group in groups)
    starts = [group[0].start for group in _stretches(document.blocks)]
    ends = [*starts[1:], len(document.text)]
    return tuple(
        Part(start, end, "", 0, group)
        for start, end, group in zip(starts, ends, _stretches(document.blocks), strict=True)
    )


def shown_parts(parts: Sequence[Part], passage: Span) -> tuple[int, int]:
    """Return the first and last index of the parts that a passage touches.

    The first part if none.
    """
    touched = [index for index, part in enumerate(parts) if part.start < passage[1] and passage[0] < part.end]
    return (touched[0], touched[-1]) if touched else (0, 0)


def _numbered(blocks: tuple[Block, ...]) -> Part:
    first = blocks[0]
    name = _NAMES.get(first.locator.unit)
    return Part(first.start, blocks[-1].end, _(name, n=first.part) if name else "", first.part, blocks)


def _stretches(blocks: Sequence[Block]) -> Iterator[tuple[Block, ...]]:
    """Yield runs of blocks.

    A run that is long enough ends, and a heading begins one where it is half full.
    """
    run: list[Block] = []
    for block in blocks:
        length = block.start - run[0].start if run else 0
        at_heading = block.kind is BlockKind.HEADING and length > _PART_CHARS // 2
        if run and (length >= _PART_CHARS or at_heading):
            yield tuple(run)
            run = []
        run.append(block)
    if run:
        yield tuple(run)
