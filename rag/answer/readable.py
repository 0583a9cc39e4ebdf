"""Passages as a reader of the page sees them.

Markup that no block has is blanked, and code is known as such. A passage is a stretch of its document's text,
and between two blocks that text may have markup (tags, JSX, comments). A sentence must not run across it, and
markup is never quoted. Offsets stay the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rag.aliases import Span
from rag.types import Block, BlockKind, Chunk, Document, DocumentKind

_DATA = re.compile(
    r"\\?[\"']\s*:\s*(?:\\?[\"']|[\[{\d])|[\w)]\s*[{}\[\]]\s*$|^(?!\|).*\S \| \S|\w\(\(?\w+\s*[,=]|\(\s*$"
)
"""Marks of printed data.

Keys with values, brackets at the end, bars of a log, an object with its parts.

A table that a cell shows begins with a bar and is none.
"""
_SHOWN = r"`[^`\n]*`|(?<=[\w)\]])<(?P<raised>su[bp])>[^<>\n]{1,12}</(?P=raised)>"
_INLINE = re.compile(
    rf"(?P<shown>{_SHOWN})|<!--.*?-->|</?(?:a|abbr|b|big|br|center|cite|code|dd|del|details|div|dl|dt|em|figcaption|figure|font"
    r"|h[1-6]|hr|i|img|ins|kbd|li|mark|ol|p|picture|s|small|source|span|strike|strong|sub|summary|sup|table|tbody|td|th"
    r"|thead|tr|tt|u|ul|var|video)(?:\s[^<>]*)?/?>",
    re.IGNORECASE | re.DOTALL,
)
"""Tags of HTML inside a paragraph of Markdown. A power or an index, and what is in backticks, is shown as it is."""
_MARKDOWN = frozenset((DocumentKind.MARKDOWN, DocumentKind.NOTEBOOK))
_LETTERS = re.compile(r"[^\W\d_]{3}")
_LETTER = re.compile(r"[^\W\d_]")
_NUMBER = re.compile(r"[-+−]?[\d.,]*\d ?%?|")
_LINK = re.compile(
    r"!?\[[^\[\]]*\]\([^()\s]*(?:\s+\"[^\"]*\")?\s*\)|https?://[^\s)>]+|<https?://[^>]*>|<(?:a|img)\s[^<>]*>",
    re.IGNORECASE,
)
_TAG = re.compile(r"</?[A-Za-z][\w-]*(?:\s[^<>]*)?/?>|&\w+;")
_WORD = re.compile(r"\w{2,}")
_FIRST_FENCE = re.compile(r"\s*(?:`{3,}|~{3,})")
_LAST_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})(?=\s*\Z)", re.MULTILINE)
LEAST_LETTERS = 0.5
"""Share of letters from which a printed sentence can be prose. Chosen, not measured."""
POINTER_WORDS = 3
"""Words beside its links that a sentence may have and be a pointer only. Chosen, not measured."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A passage without hidden markup, and the spans of its code and printed output.

    Spans are half-open, in characters of the passage's text, which is as long as the original's.
    """

    chunk: Chunk
    code: tuple[Span, ...] = ()
    output: tuple[Span, ...] = ()

    def is_machine_text(self, start: int, end: int) -> bool:
        """Return whether `text[start:end]` is cut from code, is data or only links.

        A whole block of code in its fence is none: it is shown as one.
        """
        sentence = self.chunk.text[start:end]
        if _within(self.code, start, end):
            return not sentence.startswith(("```", "~~~"))
        return self.is_printed_data(start, end) or is_pointer(sentence)

    def is_printed(self, start: int, end: int) -> bool:
        """Return whether `text[start:end]` is output that a program printed."""
        return _within(self.output, start, end)

    def is_printed_data(self, start: int, end: int) -> bool:
        """Return whether `text[start:end]` is data or a log that a program printed.

        A printed line with a word and a value ("Accuracy: 0.93") is none; one mostly of numbers is data.
        """
        if not self.is_printed(start, end):
            return False
        sentence = self.chunk.text[start:end]
        return _DATA.search(sentence) is not None or not _LETTERS.search(sentence) or _is_numeric(sentence)


Read = Callable[[Chunk], Reading]
"""Returns a passage as it is read."""


def as_is(chunk: Chunk) -> Reading:
    """Return a passage of which no blocks are known."""
    return Reading(chunk)


def reading_of(chunk: Chunk, document: Document) -> Reading:
    """Return a passage as its document's blocks have it."""
    blocks = [block for block in document.blocks if block.end > chunk.start and block.start < chunk.end]
    text, code = _visible(chunk, blocks), _spans(chunk, blocks, BlockKind.CODE)
    if document.kind in _MARKDOWN:
        text = _without_tags(_without_ends_of_cut_code(text, chunk, blocks), code)
    return Reading(replace(chunk, text=text), code, _spans(chunk, blocks, BlockKind.OUTPUT))


def prose_of(document: Document) -> str:
    """Return a document's text with spaces for the tags that a reader does not see.

    It is as long as it was.
    """
    if document.kind not in _MARKDOWN:
        return document.text
    code = [(block.start, block.end) for block in document.blocks if block.kind is BlockKind.CODE]
    return _without_tags(document.text, code)


def is_pointer(sentence: str) -> bool:
    """Return whether a sentence only links elsewhere: "See: [Homework](homework.md)".

    A picture is a link too, in Markdown or in HTML, also one around which there is a link.
    """
    rest = _LINK.sub(" ", _LINK.sub("", sentence))
    return rest != sentence and len(_WORD.findall(_TAG.sub(" ", rest))) <= POINTER_WORDS


def _visible(chunk: Chunk, blocks: Sequence[Block]) -> str:
    """Return the text with what is between blocks as white space.

    A gap with markup becomes a blank line.
    """
    parts: list[str] = []
    at = chunk.start
    for block in sorted(blocks, key=lambda block: block.start):
        first, last = max(at, block.start), min(chunk.end, block.end)
        parts += [
            _blank(chunk.text[at - chunk.start : first - chunk.start]),
            chunk.text[first - chunk.start : last - chunk.start],
        ]
        at = max(at, last)
    return "".join(parts) + _blank(chunk.text[at - chunk.start :])


def _without_ends_of_cut_code(text: str, chunk: Chunk, blocks: Sequence[Block]) -> str:
    """Return the text with spaces for the last fence of code that has no first one.

    It would open a block of all that follows.
    """
    for block in blocks:
        if block.kind is not BlockKind.CODE:
            continue
        start, end = max(0, block.start - chunk.start), block.end - chunk.start
        whole = block.start >= chunk.start and _FIRST_FENCE.match(text, start, end)
        fence = None if whole else _LAST_FENCE.search(text, start, end)
        if fence is not None:
            text = text[: fence.start()] + " " * (fence.end() - fence.start()) + text[fence.end() :]
    return text


def _without_tags(text: str, code: Sequence[Span]) -> str:
    """Return the text with spaces for the tags of HTML outside its code."""

    def spaces(found: re.Match[str]) -> str:
        kept = found["shown"] is not None or any(
            start < found.end() and found.start() < end for start, end in code
        )
        return found[0] if kept else " " * len(found[0])

    return _INLINE.sub(spaces, text) if "<" in text else text


def _is_numeric(sentence: str) -> bool:
    if sentence.startswith("|"):
        return False  # the row of a table
    signs = [char for char in sentence if not char.isspace()]
    return sum(map(str.isalpha, signs)) < LEAST_LETTERS * len(signs)


def is_row_of_numbers(sentence: str) -> bool:
    """Return whether a sentence is a row of a data frame without a word.

    Such as "20 | 2.0 | 0.5".
    """
    cells = sentence.split(" | ")
    return len(cells) > 1 and all(_NUMBER.fullmatch(cell.strip()) for cell in cells)


def is_array(statement: str) -> bool:
    """Return whether a block of code is mostly lines of numbers."""
    lines = [line for line in statement.splitlines() if line.strip() and not line.startswith(("```", "~~~"))]
    bare = sum(not _LETTER.search(line) for line in lines)
    return statement.startswith(("```", "~~~")) and 2 * bare > len(lines)


def _blank(gap: str) -> str:
    return gap if not gap.strip() else "\n\n"[: len(gap)] + " " * (len(gap) - 2)


def line_spans(text: str, start: int, end: int) -> list[Span]:
    """Return the spans of a stretch's lines without their ends."""
    spans = []
    for line in text[start:end].splitlines(keepends=True):
        spans.append((start, start + len(line.rstrip())))
        start += len(line)
    return spans


def _spans(chunk: Chunk, blocks: Sequence[Block], kind: BlockKind) -> tuple[Span, ...]:
    return tuple(
        (max(0, block.start - chunk.start), min(chunk.end, block.end) - chunk.start)
        for block in blocks
        if block.kind is kind
    )


def _within(spans: Sequence[Span], start: int, end: int) -> bool:
    return any(first <= start and end <= last for first, last in spans)
