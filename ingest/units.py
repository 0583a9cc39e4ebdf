"""The smallest pieces of a passage, and how bad a cut before each is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from rag.aliases import Span, TokenCounter
from rag.text.sentences import sentence_spans
from rag.types import Block, BlockKind, Document


class Cut(IntEnum):
    """The boundary before a unit, from the most to the least natural place to cut."""

    SECTION = 0
    PART = 1
    BLOCK = 2
    SENTENCE = 3
    WORD = 4
    NEVER = 5


@dataclass(frozen=True, slots=True)
class Unit:
    """The span `[start, end)` of a block, with its length in tokens.

    `cut` is the kind of boundary before it; `path` is the heading path.
    """

    start: int
    end: int
    tokens: int
    cut: Cut
    block: Block
    path: tuple[str, ...]


_MOST_CHARS_PER_TOKEN = 50
"""Characters that count as at least one token.

A tokenizer may count a word of any length as one. Chosen: text has 2 to 5 characters a token, tables padded with spaces up to 30.
"""
_COUNTED_CHARS = 10_000
"""Characters that are tokenized as one text.

A longer text is counted in parts, which bounds the memory.
"""
_BATCH_CHARS = 200_000
"""Characters that are tokenized in one call, about.

Each takes some 100 bytes there.
"""
_SPLIT_CHARS = 50_000
"""Characters that are split into sentences as one text.

The patterns for it look ahead.
"""
_HEADING_MARKUP = re.compile(r"^[#=\s]+|[#=\s]+$")
_WORD_GAP = re.compile(r"\s+")
_LINE_KINDS = frozenset(
    {BlockKind.CODE, BlockKind.TABLE, BlockKind.LIST, BlockKind.OUTPUT, BlockKind.METADATA}
)


def cut_units(document: Document, max_tokens: int, count_tokens: TokenCounter) -> list[Unit]:
    """Return the units of a document in reading order.

    A document whose blocks have only white space has none. Blocks up to `max_tokens` stay whole, longer ones
    are cut at sentences (prose) or lines (code, lists, tables), and what is still longer between words. No
    unit is longer than `max_tokens`. The work grows with the length of the text, whatever is in it.
    """
    count_tokens = _bounded(count_tokens)
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
    """Yield the heading path at each block; a heading's own text is part of it."""
    stack: list[tuple[int, str]] = []
    for block in blocks:
        if block.kind is BlockKind.HEADING:
            stack = [entry for entry in stack if entry[0] < block.level]
            own = block.locator.heading or heading_text(document.text[block.start : block.end])
            stack.append((block.level, own))
        yield tuple(name for _, name in stack)


def heading_text(source: str) -> str:
    """Return a heading's words in one line, without the marks of Markdown."""
    lines = [line for line in source.splitlines() if line.strip("=- \t")]
    return _WORD_GAP.sub(" ", _HEADING_MARKUP.sub("", " ".join(lines)))


def _block_cuts(blocks: Sequence[Block]) -> Iterator[Cut]:
    """Yield the cut before each block.

    A heading opens a section, and is never cut off from what follows it.
    """
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
    """Return the block as one stripped span; if it is long, its lines or sentences."""
    body = text[block.start : block.end]
    left, right = len(body) - len(body.lstrip()), len(body.rstrip())
    if block.kind in _LINE_KINDS or block.kind is BlockKind.FORMULA:
        left = body.rfind("\n", 0, left) + 1  # the indent of a first line of code means something
    if tokens <= max_tokens:
        return [(block.start + left, block.start + right)]
    inner = _line_spans(body) if block.kind in _LINE_KINDS else _sentences(body)
    return [(block.start + start, block.start + end) for start, end in inner]


def _sentences(body: str) -> list[Span]:
    """Return the sentences of a long block, found part by part.

    A part ends between words where it can.
    """
    spans: list[Span] = []
    start = 0
    while start < len(body):
        end = start + _SPLIT_CHARS
        if end < len(body):
            end = _cut_near(body, start, len(body), end)[1]
        spans += [(start + first, start + last) for first, last in sentence_spans(body[start:end])]
        start = end
    return spans


def _line_spans(body: str) -> list[Span]:
    """Return the lines that are not blank, with their indent."""
    spans, start = [], 0
    for line in body.splitlines(keepends=True):
        if line.strip():
            spans.append((start, start + len(line.rstrip())))
        start += len(line)
    return spans


def _fitted(
    text: str, span: Span, tokens: int, max_tokens: int, count_tokens: TokenCounter
) -> Iterator[tuple[Span, int, bool]]:
    """Yield the span whole where it fits, else in near-equal parts.

    It is cut between words (anywhere in text without spaces).
    """
    # The rest after a part is not counted again, which would be quadratic: it has the tokens that are left, which is exact
    # for cuts between words. It is counted once it seems to fit, so the count of a part that is yielded is its own.
    pending = [(span, tokens, True, False)]
    while pending:
        (start, end), count, counted, inner = pending.pop()
        if count <= max_tokens and not counted:
            count = count_tokens([text[start:end]])[0]
        if count <= max_tokens or end - start < 2:
            yield (start, end), count, inner
            continue
        left, right = _cut_near(text, start, end, start + (end - start) // -(-count // max_tokens))
        first = count_tokens([text[start:left]])[0]
        rest = max(count - first, _least_tokens(end - right))
        pending += [((right, end), rest, False, True), ((start, left), first, True, inner)]


def _least_tokens(chars: int) -> int:
    return max(1, chars // _MOST_CHARS_PER_TOKEN)


def _bounded(count_tokens: TokenCounter) -> TokenCounter:
    """Return a counter that gives the tokenizer short texts, a few at a time.

    The count of a text of more than `_COUNTED_CHARS` is that of its parts. No text has less than one token, nor
    less than one for every `_MOST_CHARS_PER_TOKEN` characters.
    """

    def count(texts: Sequence[str]) -> list[int]:
        owners: list[int] = []
        parts: list[str] = []
        for index, text in enumerate(texts):
            for start in range(0, max(len(text), 1), _COUNTED_CHARS):
                owners.append(index)
                parts.append(text[start : start + _COUNTED_CHARS])
        totals = [0] * len(texts)
        for start, stop in _batches(parts):
            for owner, tokens in zip(owners[start:stop], count_tokens(parts[start:stop]), strict=True):
                totals[owner] += tokens
        return [max(total, _least_tokens(len(text))) for total, text in zip(totals, texts, strict=True)]

    return count


def _batches(texts: Sequence[str]) -> Iterator[Span]:
    """Yield consecutive runs of texts, each of about `_BATCH_CHARS`."""
    start = chars = 0
    for stop, text in enumerate(texts, 1):
        chars += len(text)
        if chars >= _BATCH_CHARS or stop == len(texts):
            yield start, stop
            start, chars = stop, 0


def _cut_near(text: str, start: int, end: int, wished: int) -> Span:
    """Return the white space nearest before `wished`, else `wished` itself.

    The gap is `(end of left, start of right)`.
    """
    wished = min(max(wished, start + 1), end - 1)
    gaps = [gap.span() for gap in _WORD_GAP.finditer(text, start + (wished - start) // 2, wished + 1)]
    gaps = [gap for gap in gaps if gap[0] > start and gap[1] < end]
    return gaps[-1] if gaps else (wished, wished)
