"""The types that flow through Lectern: `Path -> Document -> Chunk -> Hit -> Answer`.

Every room imports these and none of them imports anything but the standard library. Vectors are never a field: they
travel as a separate `float32 (n, dim)` array in the order of the chunks they belong to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import Any


class DocumentKind(StrEnum):
    """What a note is, which decides how it is read."""

    MARKDOWN = "markdown"
    NOTEBOOK = "notebook"
    PDF = "pdf"
    WORD = "word"
    SLIDES = "slides"
    HTML = "html"
    TEXT = "text"


class BlockKind(StrEnum):
    """What a stretch of a document's text is."""

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
    """What a locator counts."""

    LINE = "line"
    PAGE = "page"
    SLIDE = "slide"
    CELL = "cell"
    PARAGRAPH = "paragraph"


class Role(StrEnum):
    """Who said a turn."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


_PRINTED_UNIT = {
    Unit.LINE: ("line", "lines"),
    Unit.PAGE: ("p.", "pp."),
    Unit.SLIDE: ("slide", "slides"),
    Unit.CELL: ("cell", "cells"),
    Unit.PARAGRAPH: ("paragraph", "paragraphs"),
}


@dataclass(frozen=True, slots=True)
class Locator:
    """Where a stretch of text stands in its document, in the terms a reader of that format counts in.

    `first` and `last` are 1-based and inclusive. `heading` is the nearest heading above, empty where the format or the
    document has none.
    """

    unit: Unit
    first: int
    last: int
    heading: str = ""

    def __str__(self) -> str:
        one, many = _PRINTED_UNIT[self.unit]
        span = f"{one} {self.first}" if self.first == self.last else f"{many} {self.first}-{self.last}"
        return f'"{self.heading}" › {span}' if self.heading else span

    def within(self, document: str) -> str:
        """The printed form used everywhere, for example `week3.pdf › p. 7`."""
        return f"{document} › {self}"

    def to(self, other: Locator) -> Locator:
        """The locator that reaches from this one to `other`, under this one's heading."""
        return Locator(self.unit, min(self.first, other.first), max(self.last, other.last), self.heading)


@dataclass(frozen=True, slots=True)
class Block:
    """A structural unit of a document: the half-open span `text[start:end]`.

    `level` is 1-6 for a heading and 0 otherwise. `part` numbers the page, slide or cell the block stands in (0 for
    formats without them); a chunk does not cross it silently. `identity` is the format's own stable name of the part
    (a notebook's cell id), empty where it has none.
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
    """A note as read: its whole text and the blocks that cover what is worth searching.

    `path` is the name shown to people and used by golden files: relative to the ingested folder, with forward slashes.
    `source` is the absolute path of the file it was read from. `content_hash` is of the file's bytes. Blocks are in
    reading order and do not overlap; text between blocks (markup, comments) is kept but never searched. `tags` are the
    note's own when it is read, and with them those that a person gave once it comes from a library.
    """

    path: str
    title: str
    kind: DocumentKind
    content_hash: str
    text: str
    blocks: tuple[Block, ...]
    source: str = ""
    warnings: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of a document: `text == document.text[start:end]`.

    `title` and `headings` (outermost first) are context for the embedding and the lexical index, not part of the text.
    """

    id: str
    document: str
    ordinal: int
    start: int
    end: int
    text: str
    locator: Locator
    title: str = ""
    headings: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The printed locator, document included."""
        return self.locator.within(self.document)


def chunk_id(document: str, start: int, text: str) -> str:
    """The content hash that names a chunk: 16 hexadecimal digits of BLAKE2b over its place and text."""
    return blake2b(f"{document}\0{start}\0{text}".encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Why:
    """Why a passage was found. Ranks are 1-based; None where that search did not return the passage.

    `match_score` is the mean over the question's tokens of the cosine with the passage's nearest token. `fused_score` is what
    the search gave before a reranker, whose `rerank_score` then is the hit's.
    """

    dense_rank: int | None = None
    dense_score: float | None = None
    lexical_rank: int | None = None
    lexical_score: float | None = None
    fused_rank: int | None = None
    fused_score: float | None = None
    match_score: float | None = None
    rerank_score: float | None = None
    matched_terms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk with its score (higher is better). Lists of hits are best first, ties by chunk id."""

    chunk: Chunk
    score: float
    why: Why = field(default_factory=Why)


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Citation:
    """A passage the answer names. `n` is the number in the answer's text; `quote` is `document text[start:end]`."""

    n: int
    document: str
    locator: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the answer with the verdict of the evidence check.

    `support` in [0, 1] is the share of the sentence's content words, numbers and identifiers that its cited passages
    hold; `reason` says in words why it is or is not `supported`.
    """

    text: str
    citations: tuple[int, ...]
    supported: bool
    support: float
    reason: str


@dataclass(frozen=True, slots=True)
class Timings:
    """What an answer cost. Seconds of wall clock; tokens as the model's own tokenizer counts them."""

    retrieve_seconds: float = 0.0
    first_token_seconds: float | None = None
    total_seconds: float = 0.0
    prompt_tokens: int = 0
    answer_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Receipt:
    """Everything needed to ask the same question again and get the same answer.

    `scope` is the part of the notes that was searched, in words; empty for all of them.
    """

    library_generation: int
    embedder: str
    model: str
    adapter: str
    prompt_version: str
    seed: int
    temperature: float
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A cited answer, or an abstention with the nearest passages.

    `left_out` says in words what did not fit the context (turns, passages); it is empty when everything did.
    """

    question: str
    standalone_question: str
    text: str
    abstained: bool
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]
    hits: tuple[Hit, ...]
    timings: Timings
    receipt: Receipt
    left_out: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)
