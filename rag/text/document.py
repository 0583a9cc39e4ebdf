"""Documents: the text of a file with the blocks and locators that parsing found.

Import these names from `rag.types`, which has them with the other types that the packages share.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rag.note_warnings import NoteWarning


class DocumentKind(StrEnum):
    """The format of a document.

    `MARKUP` is reStructuredText, Org and AsciiDoc; `RECORDING` is audio and video.
    """

    MARKDOWN = "markdown"
    NOTEBOOK = "notebook"
    PDF = "pdf"
    WORD = "word"
    SLIDES = "slides"
    HTML = "html"
    SPREADSHEET = "spreadsheet"
    EBOOK = "ebook"
    LATEX = "latex"
    MARKUP = "markup"
    SUBTITLES = "subtitles"
    EMAIL = "email"
    PICTURE = "picture"
    RECORDING = "recording"
    TEXT = "text"


class BlockKind(StrEnum):
    """The kind of a block.

    `OUTPUT` is what a notebook's cell printed, `NOTES` are footnotes and a slide's speaker notes, `METADATA`
    is the front matter of Markdown.
    """

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST = "list"
    TABLE = "table"
    CODE = "code"
    OUTPUT = "output"
    FORMULA = "formula"
    NOTES = "notes"
    METADATA = "metadata"


class Unit(StrEnum):
    """The unit that a locator counts in."""

    LINE = "line"
    PAGE = "page"
    SLIDE = "slide"
    CELL = "cell"
    PARAGRAPH = "paragraph"
    ROW = "row"
    CHAPTER = "chapter"
    SECOND = "second"


_PRINTED_UNIT = {
    Unit.LINE: ("line", "lines"),
    Unit.PAGE: ("p.", "pp."),
    Unit.SLIDE: ("slide", "slides"),
    Unit.CELL: ("cell", "cells"),
    Unit.PARAGRAPH: ("paragraph", "paragraphs"),
    Unit.ROW: ("row", "rows"),
    Unit.CHAPTER: ("chapter", "chapters"),
}
"""The singular and plural of a unit in a printed locator."""


@dataclass(frozen=True, slots=True)
class Locator:
    """The place of a piece of text in its document, in the unit of the format.

    `first` and `last` are 1-based and inclusive; seconds of a recording count from 0. `heading` is the nearest
    heading above, the name of a sheet or of an attached file; empty where the document has none. `label` is
    the number that is printed on the page (`iv`), empty where it is `first`.
    """

    unit: Unit
    first: int
    last: int
    heading: str = ""
    label: str = ""

    def __str__(self) -> str:
        if self.unit is Unit.SECOND:
            span = f"{_clock(self.first)}-{_clock(self.last)}"
        else:
            one, many = _PRINTED_UNIT[self.unit]
            counted = f"{self.first}" if self.first == self.last else f"{self.first}-{self.last}"
            word = one if self.first == self.last else many
            span = f"{word} {counted}"
            if self.label:
                span = f"{word} {self.label} ({self.unit}{'s' * (word == many)} {counted} of the file)"
        return f'"{self.heading}" › {span}' if self.heading else span

    def within(self, document: str) -> str:
        """Return the printed form with the document's name, for example `week3.pdf › p. 7`."""
        return f"{document} › {self}"

    def to(self, other: Locator) -> Locator:
        """Return the locator that covers this one and `other`, under this one's heading."""
        label = "-".join(dict.fromkeys((self.label, other.label))) if self.label and other.label else ""
        return Locator(
            self.unit, min(self.first, other.first), max(self.last, other.last), self.heading, label
        )


def _clock(seconds: int) -> str:
    """Return seconds as hours, minutes and seconds: `0:02:05`."""
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


@dataclass(frozen=True, slots=True)
class Block:
    """A structural part of a document: the half-open span `text[start:end]`.

    Spans are in characters. `level` is 1-6 for a heading and 0 otherwise. `part` is the number of the page,
    slide or cell that the block is in (0 for formats without them); the chunker cuts there rather than
    inside. `identity` is the format's own stable name of the part (a notebook's cell id), empty where it has
    none.
    """

    kind: BlockKind
    start: int
    end: int
    locator: Locator
    level: int = 0
    part: int = 0
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: its whole text and the blocks of it that are searched.

    `path` is the name shown to people and used by golden files: relative to the ingested folder, with forward
    slashes. `source` is the absolute path of the file. `content_hash` is of the file's bytes. Blocks are in
    reading order and do not overlap; text between blocks (markup, comments) is kept but never searched.
    `tags` of a parsed file are those that it names itself; of a document from a library also those that a
    person gave it.
    """

    path: str
    title: str
    kind: DocumentKind
    content_hash: str
    text: str
    blocks: tuple[Block, ...]
    source: str = ""
    warnings: tuple[NoteWarning, ...] = ()
    tags: tuple[str, ...] = ()
