"""Texts that come from LangChain, as documents of a library.

Each text is a document of its own with one passage, so that it can be cited. Its metadata are the document's front matter.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any

from rag.types import Block, BlockKind, Chunk, Document, DocumentKind, Locator, Unit

FOLDER = "langchain/"
"""The beginning of the names of these documents."""
SOURCE = "langchain:"
"""The beginning of their sources.

No path of a file begins so, and no ingest removes them.
"""
CHUNKER = "texts added through LangChain"


def text_name(identifier: str) -> str:
    """Return the name of the document of a text."""
    return f"{FOLDER}{identifier}"


def text_document(identifier: str, text: str, metadata: dict[str, Any]) -> tuple[Document, Chunk]:
    """Return a text with its metadata as a document and its only passage.

    Raises:
        TypeError: the metadata are not JSON.
    """
    front = json.dumps(metadata, ensure_ascii=False)
    start = len(front) + 2
    whole = f"{front}\n\n{text}"
    place = Locator(Unit.LINE, 3, 3 + text.count("\n"))
    name = text_name(identifier)
    chunk = Chunk(identifier, name, 0, start, len(whole), text, place)
    blocks = (
        Block(BlockKind.METADATA, 0, len(front), Locator(Unit.LINE, 1, 1)),
        Block(BlockKind.PARAGRAPH, start, len(whole), place),
    )
    content = blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    document = Document(name, "", DocumentKind.TEXT, content, whole, blocks, source=f"{SOURCE}{identifier}")
    return document, chunk


def text_metadata(document: Document) -> dict[str, Any]:
    """Return the metadata with which a text was added."""
    front = document.blocks[0]
    found: dict[str, Any] = json.loads(document.text[front.start : front.end])
    return found
