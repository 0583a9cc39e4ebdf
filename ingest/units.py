"""The smallest pieces a passage may be made of: knows where each kind of block may be cut, and how bad each cut is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from rag.sentences import sentence_spans
from rag.types import Block, BlockKind, Document

TokenCounter: TypeAlias = Callable[[Sequence[str]], list[int]]
Span: TypeAlias = tuple[int, int]


class Cut(IntEnum):
    """What stands between a unit and the one before it, from the most to the least natural place to cut."""

    SECTION = 0
    PART = 1
    BLOCK = 2
    SENTENCE = 3
    WORD = 4
    NEVER = 5


@dataclass(frozen=True, slots=True)
class Unit:
    """The span `[start, end)` of a block with its length and the kind of cut before it; `path` is the heading path."""

    start: int
    end: int
    tokens: int
    cut: Cut
    block: Block
    path: tuple[str, ...]


_HEADING_MARKUP = re.compile(r"^[#=\s]+|[#=\s]+$")
_WORD_GAP = re.compile(r"\s+")
_LINE_KINDS = frozenset(
    {BlockKind.CODE, BlockKind.TABLE, BlockKind.LIST, BlockKind.OUTPUT, BlockKind.METADATA}
)


def cut_units(document: Document, max_tokens: int, count_tokens: TokenCounter) -> list[Unit]:
    """The units of a document in reading order; none for a document whose blocks hold only white space.

    Blocks up to `max_tokens` stay whole, longer ones are cut at sentences (prose) or lines (code, lists, tables), and what is
    still longer between words. No unit is longer than `max_tokens`.
    """
    blocks = [block for block in document.blocks if document.text[block.start : block.end].strip()]
    lengths = count_tokens([document.text[block.start : block.end] for block in blocks]) if blocks else []
    fine = [
        _fine_spans(document.text, block, n, max_tokens) for block, n in zip(blocks, lengths, strict=True)
    ]
    pieces = [document.text[start:end] for spans in fine for start, end in spans]
    counts = iter(count_tokens(pieces) if pieces else [])
    units: list[Unit] = []
    for block, spans, path, cut in zip(
        blocks, fine, _heading_paths(document, blocks), _block_cuts(blocks), strict=True
    ):
        for place, (start, end) in enumerate(spans):
            first = cut if place == 0 else Cut.SENTENCE
            for span, tokens, inner in _fitted(
                document.text, (start, end), next(counts), max_tokens, count_tokens
            ):
                units.append(Unit(*span, tokens, Cut.WORD if inner else first, block, path))
    return units


def _heading_paths(document: Document, blocks: Sequence[Block]) -> Iterator[tuple[str, ...]]:
    """The heading path in force at each block; a heading's own is part of its path."""
    stack: list[tuple[int, str]] = []
    for block in blocks:
        if block.kind is BlockKind.HEADING:
            stack = [entry for entry in stack if entry[0] < block.level]
            own = block.locator.heading or heading_text(document.text[block.start : block.end])
            stack.append((block.level, own))
        yield tuple(name for _, name in stack)


def heading_text(source: str) -> str:
    """A heading as it reads: one line, without the marks of Markdown around it."""
    lines = [line for line in source.splitlines() if line.strip("=- \t")]
    return _WORD_GAP.sub(" ", _HEADING_MARKUP.sub("", " ".join(lines)))


def _block_cuts(blocks: Sequence[Block]) -> Iterator[Cut]:
    """The cut before each block: a heading opens a section, and is never cut off from what follows it."""
    before: Block | None = None
    for block in blocks:
        after_heading = before is not None and before.kind is BlockKind.HEADING
        if before is None:
            yield Cut.SECTION
        elif after_heading and block.part == before.part:
            yield Cut.NEVER
        elif block.kind is BlockKind.HEADING:
            yield Cut.SECTION
        else:
            yield Cut.PART if block.part != before.part else Cut.BLOCK
        before = block


def _fine_spans(text: str, block: Block, tokens: int, max_tokens: int) -> list[Span]:
    """The block as one stripped span, or its lines or sentences where it is long."""
    body = text[block.start : block.end]
    left, right = len(body) - len(body.lstrip()), len(body.rstrip())
    if block.kind in _LINE_KINDS or block.kind is BlockKind.FORMULA:
        left = body.rfind("\n", 0, left) + 1  # the indent of a first line of code means something
    if tokens <= max_tokens:
        return [(block.start + left, block.start + right)]
    inner = _line_spans(body) if block.kind in _LINE_KINDS else sentence_spans(body)
    return [(block.start + start, block.start + end) for start, end in inner]


def _line_spans(body: str) -> list[Span]:
    """The lines that are not blank, with their indent."""
    spans, start = [], 0
    for line in body.splitlines(keepends=True):
        if line.strip():
            spans.append((start, start + len(line.rstrip())))
        start += len(line)
    return spans


def _fitted(
    text: str, span: Span, tokens: int, max_tokens: int, count_tokens: TokenCounter
) -> Iterator[tuple[Span, int, bool]]:
    """The span whole where it fits, else cut in near-equal parts between words (anywhere in text without spaces)."""
    pending = [(span, tokens, False)]
    while pending:
        (start, end), count, inner = pending.pop(0)
        if count <= max_tokens or end - start < 2:
            yield (start, end), count, inner
            continue
        middle = _cut_near(text, start, end, start + (end - start) // -(-count // max_tokens))
        halves = [(start, middle[0]), (middle[1], end)]
        counts = count_tokens([text[a:b] for a, b in halves])
        pending[:0] = [(halves[0], counts[0], inner), (halves[1], counts[1], True)]


def _cut_near(text: str, start: int, end: int, wished: int) -> Span:
    """The white space nearest before `wished` as a gap `(end of left, start of right)`, else `wished` itself."""
    wished = min(max(wished, start + 1), end - 1)
    gaps = [gap.span() for gap in _WORD_GAP.finditer(text, start + (wished - start) // 2, wished + 1)]
    gaps = [gap for gap in gaps if gap[0] > start and gap[1] < end]
    return gaps[-1] if gaps else (wished, wished)
