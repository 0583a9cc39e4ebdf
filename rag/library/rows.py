"""Documents and chunks as rows, and the small records that a library returns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from rag.library.schema import HEADING_SEPARATOR
from rag.note_warnings import NoteWarning, warnings_from_json
from rag.types import Block, BlockKind, Chunk, Document, DocumentKind, Locator, Unit


@dataclass(frozen=True, slots=True)
class Manifest:
    """The settings that a library was made with.

    Empty strings and 0 until the first document is saved.
    """

    schema: int
    embedder: str
    dim: int
    chunker: str
    created_at: str


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """A document without its text.

    `lectern documents list` shows it, and an ingest compares it with the file on disk. `size_bytes` and
    `mtime_ns` are of the file `source` when it was read; `ingested_at` is UTC, ISO 8601.
    """

    path: str
    title: str
    kind: DocumentKind
    content_hash: str
    size_bytes: int
    mtime_ns: int
    chunks: int
    source: str
    tags: tuple[str, ...]
    warnings: tuple[NoteWarning, ...]
    ingested_at: str


@dataclass(frozen=True, slots=True)
class FailureRecord:
    """A file that could not be read, as it was then.

    `parser` names the parsers that tried, with their settings; it is empty if the file should be tried again
    in any case.
    """

    source: str
    path: str
    reason: str
    size_bytes: int
    mtime_ns: int
    parser: str
    failed_at: str = ""


@dataclass(frozen=True, slots=True)
class Feedback:
    """A person's verdict on an answer; `given_at` is UTC, ISO 8601."""

    id: int
    question: str
    answer_json: str
    verdict: str
    note: str
    given_at: str


CHUNK_COLUMNS = 'chunk_id, ordinal, start, "end", unit, first, last, heading, title, headings, text'  # as `chunk_values` has them
BLOCK_COLUMNS = 'ordinal, kind, start, "end", unit, first, last, heading, level, part, identity'
RECORD_COLUMNS = (
    "path, title, kind, content_hash, size_bytes, mtime_ns, chunk_count, source, tags, warnings, ingested_at"
)


def passage_key(chunk: Chunk) -> bytes:
    """Return the 16-byte name of the text that is embedded for a chunk.

    It depends on title, headings and text, but not on the position. Two chunks with the same key have the
    same vector, which is how unchanged text keeps its embedding when a file is edited above it, renamed or
    copied.
    """
    passage = "\0".join((chunk.title, HEADING_SEPARATOR.join(chunk.headings), chunk.text))
    return blake2b(passage.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def chunk_values(chunk: Chunk) -> tuple[Any, ...]:
    """Return the chunk's values in the order of `CHUNK_COLUMNS`."""
    at = chunk.locator
    place = (chunk.id, chunk.ordinal, chunk.start, chunk.end, at.unit, at.first, at.last, named_place(at))
    return (*place, chunk.title, HEADING_SEPARATOR.join(chunk.headings), chunk.text)


def chunk_of(document: str, values: Sequence[Any]) -> Chunk:
    """Return the chunk from values in the order of `CHUNK_COLUMNS`."""
    identity, ordinal, start, end, unit, first, last, heading, title, headings, text = values
    parts = tuple(headings.split(HEADING_SEPARATOR)) if headings else ()
    locator = Locator(Unit(unit), first, last, *_name_and_label(heading))
    return Chunk(identity, document, ordinal, start, end, text, locator, title, parts)


def block_values(blocks: Iterable[Block]) -> list[tuple[Any, ...]]:
    """Return the blocks' values in the order of `BLOCK_COLUMNS`."""
    values = []
    for ordinal, block in enumerate(blocks):
        at = block.locator
        place = (block.start, block.end, at.unit, at.first, at.last, named_place(at))
        values.append((ordinal, block.kind, *place, block.level, block.part, block.identity))
    return values


def block_of(values: Sequence[Any]) -> Block:
    """Return the block from values in the order of `BLOCK_COLUMNS`."""
    _, kind, start, end, unit, first, last, heading, level, part, identity = values
    locator = Locator(Unit(unit), first, last, *_name_and_label(heading))
    return Block(BlockKind(kind), start, end, locator, level, part, identity)


def named_place(at: Locator) -> str:
    """Return a locator's heading as it is stored: with the page's label behind it."""
    return f"{at.heading}{HEADING_SEPARATOR}{at.label}" if at.label else at.heading


def _name_and_label(stored: str) -> tuple[str, str]:
    heading, _, label = stored.partition(HEADING_SEPARATOR)
    return heading, label


def record_of(values: Sequence[Any]) -> DocumentRecord:
    """Return the record from values in the order of `RECORD_COLUMNS`."""
    path, title, kind, content_hash, size, mtime, chunks, source, tags, warnings, at = values
    listed = tuple(json.loads(tags)), warnings_from_json(warnings)
    return DocumentRecord(
        path, title, DocumentKind(kind), content_hash, size, mtime, chunks, source, *listed, at
    )


def document_of(record: DocumentRecord, text: str, blocks: Iterable[Block]) -> Document:
    """Return the whole document again."""
    return Document(
        path=record.path,
        title=record.title,
        kind=record.kind,
        content_hash=record.content_hash,
        text=text,
        blocks=tuple(blocks),
        source=record.source,
        warnings=record.warnings,
        tags=record.tags,
    )
