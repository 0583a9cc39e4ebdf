"""Markdown and MDX: the file itself is the text, and blocks cover what a reader would read of it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.front_matter import front_matter_plugin

from ingest.readers.mdx import mask_jsx
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
    "front_matter": BlockKind.METADATA,
}
_TAG = re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1\s*>|</?[A-Za-z][^<>]*>", re.DOTALL | re.IGNORECASE)
_BADGE = re.compile(r"\[\s*!\[[^\]]*\]\([^)]*\)\s*\]\([^)]*\)|<[^>]*>")
_DATA_URI = re.compile(r"data:[\w/+.-]+;base64,[A-Za-z0-9+/=\s]{100,}")
_BLANKED = re.compile(r"\s{12,}")
_FRONT_TITLE = re.compile(r"""^title:[ \t]*["']?(.+?)["']?[ \t]*$""", re.MULTILINE)
_FRONT_TAGS = re.compile(r"^tags:.*?(?=^[\w-]+:|^---|\Z)", re.MULTILINE | re.DOTALL)
_HEADING_MARKUP = re.compile(r"^\s{0,3}#{1,6}\s+|\s+#+\s*$|\s*\{#[^}]*\}\s*$")
_ANCHOR = re.compile(r"(?<=\S)\[\[[\w-]+\]\]\s*$")
_WIKI_LINK = re.compile(r"\[\[(?:[^\[\]|]*\|)?([^\[\]|]+)\]\]")
_INLINE_MARKUP = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|<[^>]*>|[*`]|(?<!\w)_|_(?!\w)")


def markdown_blocks(text: str, *, mdx: bool = False) -> list[Block]:
    """The blocks of a Markdown text in reading order, located by line under the nearest heading."""
    lines = text.split("\n")
    offsets = [0, *accumulate(len(line) + 1 for line in lines)]
    masked = mask_jsx(text) if mdx else text
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
            level = int(token.tag[1]) if kind is BlockKind.HEADING else 0
            blocks.append(Block(kind, first, last, Locator(Unit.LINE, top, bottom, heading), level))
    return blocks


def heading_text(markup: str) -> str:
    """The words of a heading without its marks, links and anchors (`Bias[[bias]]`); a wiki link's words stay (`[[Bias]]`)."""
    line = markup.strip().split("\n")[0]
    line = _HEADING_MARKUP.sub("", _HEADING_MARKUP.sub("", line))
    line = _WIKI_LINK.sub(r"\1", _ANCHOR.sub("", line))
    return " ".join(_INLINE_MARKUP.sub(r"\1", line).split())


def front_title(text: str, blocks: list[Block]) -> str:
    """The title that a front matter gives, empty if there is none."""
    if not blocks or blocks[0].kind is not BlockKind.METADATA:
        return ""
    match = _FRONT_TITLE.search(text, blocks[0].start, blocks[0].end)
    return "" if match is None else match[1].strip()


def front_tags(text: str, blocks: list[Block]) -> tuple[str, ...]:
    """The tags that a front matter gives, as a YAML list or parted by commas; empty if there are none."""
    import yaml

    if not blocks or blocks[0].kind is not BlockKind.METADATA:
        return ()
    match = _FRONT_TAGS.search(text, blocks[0].start, blocks[0].end)
    if match is None:
        return ()
    try:  # this key alone: a title with a colon makes the whole no YAML
        given = yaml.safe_load(match[0])["tags"]
    except (yaml.YAMLError, TypeError, KeyError, ValueError):
        return ()
    names = given if isinstance(given, list) else str(given or "").split(",")
    cleaned = (" ".join(str(name).split()).removeprefix("#") for name in names)
    return tuple(dict.fromkeys(name for name in cleaned if name))


def _only_badges(markup: str) -> bool:
    """Whether nothing but pictures that are links (build status, licence, "open in ...") stands there."""
    return "[![" in markup and not re.search(r"\w", _BADGE.sub(" ", markup))


def _parser(mdx: bool) -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable("table").use(front_matter_plugin)
    parser.use(dollarmath_plugin, allow_space=True, allow_digits=True)
    return parser.disable(["code", "html_block"]) if mdx else parser


def _spans(
    token: Token, text: str, masked: str, start: int, end: int
) -> Iterator[tuple[BlockKind, int, int]]:
    """(kind, start, end) of what is worth reading in a token's span."""
    if token.type == "html_block":
        yield from ((BlockKind.PARAGRAPH, *span) for span in _outside(_TAG, text, start, end))
    elif token.type in _KINDS:
        for first, last in _outside(_DATA_URI, masked, start, end):
            pieces = [(first, last)] if masked is text else _outside(_BLANKED, masked, first, last)
            yield from ((_KINDS[token.type], *span) for span in pieces)


def _outside(pattern: re.Pattern[str], text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The stretches of `text[start:end]` between matches, without white space at their ends; none for empty ones."""
    at = start
    for match in [*pattern.finditer(text, start, end), None]:
        first, last = at, match.start() if match else end
        piece = text[first:last]
        if piece.strip():
            yield first + len(piece) - len(piece.lstrip()), first + len(piece.rstrip())
        at = match.end() if match else end
