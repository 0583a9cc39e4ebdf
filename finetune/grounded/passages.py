"""Texts become passages the way the product shows them: about 200 tokens, under a title and the headings above them.

`finetune` may not import `ingest`, and the training data need only the *look* of the product's passages, so this is a
small cutter of Markdown and plain text with a wished length that varies from document to document: a reader that has
only ever seen one length of note is lost when a user changes the knob.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.sentences import sentences
from rag.types import Chunk, Locator, Unit, chunk_id

_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*\s*$")
_FENCE = re.compile(r"^\s*(```|~~~)")
_MARKUP = re.compile(
    r"^\s*(:label:|:begin_tab|:end_tab|<[/!A-Za-z][^>]*>\s*$|\{:|%%tab|!\[|\[!\[|\{\{|import |tab\.)"
)


@dataclass(frozen=True, slots=True)
class TextBlock:
    """A paragraph, list, table or code fence with the headings above it (outermost first)."""

    text: str
    headings: tuple[str, ...]
    code: bool = False


def markdown_blocks(text: str) -> list[TextBlock]:
    """The blocks of a Markdown text; lines that are only markup of the publishing tool are left out."""
    blocks: list[TextBlock] = []
    headings: list[tuple[int, str]] = []
    lines: list[str] = []
    fence = ""

    def flush(code: bool = False) -> None:
        body = "\n".join(lines).strip("\n")
        lines.clear()
        if body.strip():
            blocks.append(TextBlock(body, tuple(title for _, title in headings), code))

    for line in text.replace("\r\n", "\n").split("\n"):
        if match := _FENCE.match(line):
            if not fence:
                flush()
                fence = match.group(1)
                lines.append(line)
            elif line.strip().startswith(fence):
                lines.append(line)
                fence = ""
                flush(code=True)
            continue
        if fence:
            lines.append(line)
        elif match := _HEADING.match(line):
            flush()
            level = len(match.group(1))
            headings = [pair for pair in headings if pair[0] < level] + [(level, match.group(2))]
        elif not line.strip():
            flush()
        elif not _MARKUP.match(line):
            lines.append(line)
    flush()
    return blocks


def plain_blocks(text: str) -> list[TextBlock]:
    """The paragraphs of a plain text."""
    return [TextBlock(part.strip("\n"), ()) for part in re.split(r"\n\s*\n", text) if part.strip()]


def cut(document: str, title: str, blocks: list[TextBlock], target_chars: int) -> list[Chunk]:
    """Passages of about `target_chars` characters: whole blocks under the same headings, long blocks cut at sentences."""
    chunks: list[Chunk] = []
    parts: list[str] = []
    headings: tuple[str, ...] = ()

    def flush() -> None:
        if parts:
            chunks.append(passage(document, len(chunks), "\n\n".join(parts), title, headings))
            parts.clear()

    for block in blocks:
        for text in _fit(block, target_chars):
            length = sum(len(part) for part in parts) + len(text)
            if parts and (length > target_chars * 1.15 or block.headings != headings):
                flush()
            headings = block.headings
            parts.append(text)
    flush()
    return chunks


def passage(document: str, ordinal: int, text: str, title: str, headings: tuple[str, ...] = ()) -> Chunk:
    """A chunk made outside ingest: spans count from 0 and the locator counts paragraphs."""
    return Chunk(
        id=chunk_id(document, ordinal, text),
        document=document,
        ordinal=ordinal,
        start=0,
        end=len(text),
        text=text,
        locator=Locator(Unit.PARAGRAPH, ordinal + 1, ordinal + 1),
        title=title,
        headings=headings,
    )


def _fit(block: TextBlock, target_chars: int) -> Iterator[str]:
    """The block in pieces no longer than the target: at sentences, or at lines for code."""
    if len(block.text) <= target_chars * 1.15:
        yield block.text
        return
    units, glue = (block.text.split("\n"), "\n") if block.code else (sentences(block.text), " ")
    piece = ""
    for unit in units:
        if piece and len(piece) + len(unit) > target_chars:
            yield piece
            piece = unit
        else:
            piece = f"{piece}{glue}{unit}" if piece else unit
    if piece:
        yield piece
