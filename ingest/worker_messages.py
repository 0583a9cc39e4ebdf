"""Messages between an ingest and its worker process: length-prefixed JSON.

Nothing that a broken parser might write is trusted beyond that.
"""

from __future__ import annotations

import struct
from dataclasses import asdict
from typing import IO, Any

from rag.note_warnings import warning_from
from rag.types import Block, BlockKind, Chunk, Document, DocumentKind, Locator, Unit, chunk_id

_HEADER = struct.Struct("<Q")


def send(pipe: IO[bytes] | None, message: bytes) -> None:
    """Write a message.

    Raises:
        OSError: the other side is gone.
    """
    if pipe is None:
        raise BrokenPipeError
    pipe.write(_HEADER.pack(len(message)))
    pipe.write(message)
    pipe.flush()


def receive(pipe: IO[bytes]) -> bytes | None:
    """Return the next message; None at the end."""
    header = pipe.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    (length,) = _HEADER.unpack(header)
    message = pipe.read(length)
    return message if len(message) == length else None


def document_from(values: dict[str, Any]) -> Document:
    """Return the document from `dataclasses.asdict` that went through JSON."""
    blocks = []
    for block in values["blocks"]:
        at = Locator(**{**block["locator"], "unit": Unit(block["locator"]["unit"])})
        blocks.append(Block(**{**block, "kind": BlockKind(block["kind"]), "locator": at}))
    lists = {"warnings": tuple(map(warning_from, values["warnings"])), "tags": tuple(values["tags"])}
    return Document(**{**values, **lists, "kind": DocumentKind(values["kind"]), "blocks": tuple(blocks)})


def chunk_from(document: Document, ordinal: int, values: dict[str, Any]) -> Chunk:
    """Return a passage of a document from `span_of` that went through JSON."""
    start, end = values["start"], values["end"]
    text = document.text[start:end]
    locator = Locator(**{**values["locator"], "unit": Unit(values["locator"]["unit"])})
    own_id = chunk_id(document.path, start, text)
    headings = tuple(values["headings"])
    return Chunk(own_id, document.path, ordinal, start, end, text, locator, document.title, headings)


def span_of(chunk: Chunk) -> dict[str, Any]:
    """Return a passage without what the document has already."""
    place = {"start": chunk.start, "end": chunk.end}
    return {**place, "locator": asdict(chunk.locator), "headings": chunk.headings}
