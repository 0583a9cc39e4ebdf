"""A Markdown file as a document: front matter, the marks of note programs, blocks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ingest.parsers.embeds import Embeds
from ingest.parsers.front_matter import facts_text, read_front_matter
from ingest.parsers.markdown import markdown_blocks
from ingest.parsers.markdown_marks import render_marks
from ingest.parsers.missed import Missed
from rag.note_warnings import NoteWarning, WarningCode
from rag.types import Block, BlockKind, Locator, Unit


@dataclass(frozen=True, slots=True)
class MarkdownNote:
    """A note as its program shows it: text, blocks, warnings, title and tags."""

    text: str
    blocks: list[Block]
    warnings: list[NoteWarning]
    title: str
    tags: tuple[str, ...]


def read_markdown(text: str, source: Path | None = None, *, mdx: bool = False) -> MarkdownNote:
    """Return a note; embedded notes are looked for around the file `source`."""
    missed = Missed(Unit.LINE.value)
    front = read_front_matter(text)
    facts = facts_text(front, text[: front.length])
    first_line = 1 + text.count("\n", 0, front.length)
    embed = Embeds(source).text if source is not None else None
    body = render_marks(text[front.length :], missed, embed, first_line)
    whole = facts + body.text
    front_lines = facts.count("\n")
    numbers = [*range(1, front_lines + 1), *body.numbers]
    found = markdown_blocks(whole, mdx=mdx, numbers=numbers, start_at=len(facts))
    if front.is_drawing:  # its headings are the program's
        missed.add(WarningCode.DRAWINGS, 0)
        found = [block for block in found if block.kind is not BlockKind.HEADING]
    blocks = [*(_fact_blocks(facts) if front.facts else ()), *found]
    return MarkdownNote(whole, blocks, missed.warnings(), front.title, front.tags)


def _fact_blocks(facts: str) -> list[Block]:
    """Return one block of all facts, each of which has a line."""
    shown = facts.rstrip()
    if not shown:
        return []
    start = len(shown) - len(shown.lstrip())
    at = Locator(Unit.LINE, 1 + shown.count("\n", 0, start), 1 + shown.count("\n"))
    return [Block(BlockKind.METADATA, start, len(shown), at)]
