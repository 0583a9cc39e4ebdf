"""Markdown and MDX: the text is the file itself, and blocks cover its content."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin

from ingest.parsers.closed_spans import tag_spans
from ingest.parsers.mdx import mask_jsx
from ingest.parsers.missed import described
from rag.types import Block, BlockKind, Locator, Unit

_KINDS = {
    "heading_open": BlockKind.HEADING,
    "paragraph_open": BlockKind.PARAGRAPH,
    "bullet_list_open": BlockKind.LIST,
    "ordered_list_open": BlockKind.LIST,
    "blockquote_open": BlockKind.PARAGRAPH,
    "fence": BlockKind.CODE,
    "code_block": BlockKind.CODE,
    "table_open": BlockKind.TABLE,
    "math_block": BlockKind.FORMULA,
    "math_block_label": BlockKind.FORMULA,
}
_ALT = re.compile(r"""<img\b[^<>]*?\balt\s*=\s*(?P<quote>["'])(?P<alt>[^<>]*?)(?P=quote)""", re.IGNORECASE)
_BADGE = re.compile(r"\[\s*!\[[^\[\]]*\]\([^()\[\]]*\)\s*\]\([^()\[\]]*\)|<[^<>]*>")
_DATA_URI = re.compile(r"data:[\w/+.-]+;base64,[A-Za-z0-9+/=\s]{100,}")
_WORD_SIGN = re.compile(r"[^\n]")
_BLANKED = re.compile(r"\s{12,}")
_HEADING_MARKUP = re.compile(r"^\s{0,3}#{1,6}\s+|(?<!\s)\s+#+\s*$|(?<!\s)\s*\{#[^{}]*\}\s*$")
_ANCHOR = re.compile(r"(?<=\S)\[\[[\w-]+\]\]\s*$")
_WIKI_LINK = re.compile(r"\[\[(?:[^\[\]|]*\|)?([^\[\]|]+)\]\]")
_INLINE_MARKUP = re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)|<[^<>]*>|[*`]|(?<!\w)_|_(?!\w)")


def markdown_blocks(
    text: str, *, mdx: bool = False, numbers: Sequence[int] | None = None, start_at: int = 0
) -> list[Block]:
    """Return the blocks of a Markdown text in reading order, from `start_at` on.

    They are located by line under the nearest heading. `numbers` are the lines of the file that the lines of
    the text come from, 1-based; its own without them.
    """
    lines = text.split("\n")
    offsets = [0, *accumulate(len(line) + 1 for line in lines)]
    masked = mask_jsx(text) if mdx else text
    if start_at:
        masked = _WORD_SIGN.sub(" ", masked[:start_at]) + masked[start_at:]
    masked = masked.replace("\r", " ")  # the parser takes each for a line's end
    blocks: list[Block] = []
    heading = ""
    for token in _parser(mdx).parse(masked):
        if token.level or token.map is None:
            continue
        start, end = offsets[token.map[0]], min(offsets[token.map[1]], len(text))
        if token.type == "heading_open":
            heading = heading_text(text[start:end])
        for kind, first, last in _spans(token, text, masked, start, end):
            if _only_badges(text[first:last]):
                continue
            top = bisect_right(offsets, first)
            bottom = bisect_right(offsets, max(first, last - 1))
            if numbers is not None:
                top, bottom = numbers[top - 1], numbers[bottom - 1]
            level = int(token.tag[1]) if kind is BlockKind.HEADING else 0
            blocks.append(Block(kind, first, last, Locator(Unit.LINE, top, bottom, heading), level))
    return blocks


def heading_text(markup: str) -> str:
    """Return the words of a heading without its marks, links and anchors.

    The anchor of `Bias[[bias]]` goes; the words of a wiki link (`[[Bias]]`) stay.
    """
    line = markup.strip().split("\n")[0]
    line = _HEADING_MARKUP.sub("", _HEADING_MARKUP.sub("", line))
    line = _WIKI_LINK.sub(r"\1", _ANCHOR.sub("", line))
    return " ".join(_INLINE_MARKUP.sub(r"\1", line).split())


def _only_badges(markup: str) -> bool:
    """Return whether there are only pictures that are links.

    Build status, licence, "open in ..." are such badges.
    """
    return "[![" in markup and not re.search(r"\w", _BADGE.sub(" ", markup))


def _parser(mdx: bool) -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable("table")
    parser.use(dollarmath_plugin, allow_space=True, allow_digits=True)
    parser.disable(["inline"])  # only blocks are asked for, and it is quadratic in unclosed marks
    return parser.disable(["code", "html_block"]) if mdx else parser


def _spans(
    token: Token, text: str, masked: str, start: int, end: int
) -> Iterator[tuple[BlockKind, int, int]]:
    """Yield (kind, start, end) of a token's parts that are worth reading."""
    if token.type == "html_block":
        tags = tag_spans(text, start, end)
        spans = [*_between(tags, text, start, end), *_descriptions(text, start, end)]
        yield from ((BlockKind.PARAGRAPH, *span) for span in sorted(spans))
    elif token.type in _KINDS:
        for first, last in _outside(_DATA_URI, masked, start, end):
            pieces = [(first, last)] if masked is text else _outside(_BLANKED, masked, first, last)
            yield from ((_KINDS[token.type], *span) for span in pieces)


def _descriptions(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the descriptions of the pictures in a block of HTML."""
    for found in _ALT.finditer(text, start, end):
        if described(found["alt"]):
            yield found.span("alt")


def _outside(pattern: re.Pattern[str], text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the stretches of `text[start:end]` between matches, as `_between` does."""
    return _between((match.span() for match in pattern.finditer(text, start, end)), text, start, end)


def _between(spans: Iterable[tuple[int, int]], text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the stretches of `text[start:end]` between spans.

    They have no white space at their ends, and empty ones are left out.
    """
    at = start
    for first, last in [*spans, (end, end)]:
        piece = text[at:first]
        if piece.strip():
            yield at + len(piece) - len(piece.lstrip()), at + len(piece.rstrip())
        at = last
