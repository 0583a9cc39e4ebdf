"""Encoded data and minified code in notes, which are no text to search.

A picture as base64 or a script without white space would become thousands of passages that answer nothing. It
is left out of the blocks of its document, with a warning. The text itself is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from rag.aliases import Span
from rag.note_warnings import NoteWarning, WarningCode
from rag.types import Block, Document, Unit

_LEAST_RUN_CHARS = 1000
"""Characters without white space from which a run is data.

Chosen: long addresses and formulas have a few hundred, the smallest pictures as base64 some thousand.
"""
_LEAST_KINDS = 16
"""Different characters of a run of data; a ruled line or a row of dots has fewer."""
_LEAST_LINE_CHARS = 2000
_MOST_SPACE_SHARE = 0.04
"""Share of white space in a long line below which it is minified.

English has 0.15 to 0.2; minified scripts have 0.01 to 0.03. Only lines of ASCII are judged, because other
scripts write without spaces.
"""
_RUN = re.compile(rf"[!-~]{{{_LEAST_RUN_CHARS},}}")
_LONG_LINE = re.compile(rf"[ -~\t]{{{_LEAST_LINE_CHARS},}}")
_WRAPPED = re.compile(
    r"(?:^[A-Za-z0-9+/_-]{60,128}\r?\n){4,}(?:[A-Za-z0-9+/_-]{20,}={0,2}$|[A-Za-z0-9+/_-]+={1,2}$)?",
    re.MULTILINE,
)
"""Base64 in lines of 64 (PEM) or 76 characters (MIME): at least four full ones."""


def without_blobs(document: Document) -> Document:
    """Return the document without encoded data in its blocks.

    It has a warning if there was any.
    """
    blocks: list[Block] = []
    left_out, first = 0, None
    for block in document.blocks:
        spans = list(_blobs(document.text, block))
        if not spans:
            blocks.append(block)
            continue
        first = first or _part(document.text, block, spans[0]).locator
        left_out += sum(end - start for start, end in spans)
        blocks += _rest(document.text, block, spans)
    if first is None:
        return document
    warning = NoteWarning(WarningCode.NOT_TEXT, places=(first.first,), count=left_out, unit=first.unit.value)
    return replace(document, blocks=tuple(blocks), warnings=(*document.warnings, warning))


def _blobs(text: str, block: Block) -> Iterator[Span]:
    """Yield the spans of data in a block, in order and apart."""
    if block.end - block.start < 4 * 60:
        return
    end = block.start
    found = [
        match.span()
        for pattern, is_data in ((_RUN, _is_varied), (_LONG_LINE, _is_minified), (_WRAPPED, _is_varied))
        for match in pattern.finditer(text, block.start, block.end)
        if is_data(match.group())
    ]
    for span in sorted(found):
        if span[0] >= end:
            yield span
            end = span[1]


def _is_varied(run: str) -> bool:
    return len(set(run)) >= _LEAST_KINDS


def _is_minified(line: str) -> bool:
    spaces = line.count(" ") + line.count("\t")
    return spaces < _MOST_SPACE_SHARE * len(line) and _is_varied(line)


def _rest(text: str, block: Block, spans: list[Span]) -> Iterator[Block]:
    """Yield the parts of a block between the spans, as blocks."""
    start = block.start
    for left, right in [*spans, (block.end, block.end)]:
        if text[start:left].strip():
            yield _part(text, block, (start, left))
        start = right


def _part(text: str, block: Block, span: Span) -> Block:
    """Return a part of a block; where the format counts lines, its lines are exact."""
    locator = block.locator
    if locator.unit is Unit.LINE:
        first = locator.first + text.count("\n", block.start, span[0])
        locator = replace(locator, first=first, last=first + text.count("\n", *span))
    return replace(block, start=span[0], end=span[1], locator=locator)
