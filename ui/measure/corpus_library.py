"""A benchmark's corpus as a library, ingested with the default settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rag.settings import ChunkSettings
from rag.types import Block, Chunk, Document, DocumentKind

if TYPE_CHECKING:
    from eval.beir import CorpusDocument
    from rag.embedding.embedder import Embedder
    from rag.library.library import Library

_BATCH_CHUNKS = 512
_MARKDOWN_NAME = re.compile(r"\.(md|mdx|markdown)$", re.IGNORECASE)
_MARKDOWN_HEADING = re.compile(r"^#{1,6} \S", re.MULTILINE)


def fill_library(
    library: Library,
    corpus: Sequence[CorpusDocument],
    embedder: Embedder,
    settings: ChunkSettings,
    on_document: Callable[[int], None] = lambda count: None,
    cut: Callable[[Document], list[Chunk]] | None = None,
) -> None:
    """Put every document of a corpus into an empty library under its id.

    `on_document` is called with the number of documents saved. `cut` replaces the product's own chunker.
    """
    from ingest.chunker import chunk_document, chunker_fingerprint
    from rag.embedding.embedder import embed_with_sketches
    from rag.passage_text import passage_text
    from rag.search.dense import VectorIndex

    with library.writing():
        library.bind(embedder.fingerprint, embedder.dim, chunker_fingerprint(settings))
        waiting: list[tuple[Document, list[Chunk]]] = []
        for place, entry in enumerate(corpus, start=1):
            document = corpus_document(entry)
            own = cut(document) if cut else chunk_document(document, settings, embedder.count_tokens)
            waiting.append((document, own))
            if place == len(corpus) or sum(len(chunks) for _, chunks in waiting) >= _BATCH_CHUNKS:
                passages = [passage_text(chunk) for _, chunks in waiting for chunk in chunks]
                vectors, sketches = embed_with_sketches(embedder, passages)
                start = 0
                for saved, chunks in waiting:
                    rows = slice(start, start + len(chunks))
                    library.replace_document(
                        saved, chunks, np.asarray(vectors[rows]), sketches=sketches[rows]
                    )
                    start = rows.stop
                on_document(len(waiting))
                waiting = []
        VectorIndex(library).refresh()


def corpus_document(entry: CorpusDocument) -> Document:
    """Return a corpus line as a note: Markdown by its id or headings, else plain text.

    Of an entry that is a title alone, the title is the text too: without a passage it could never be found.
    """
    from ingest.parsers import content_hash, opening_heading

    text = entry.text.replace("\r\n", "\n") if entry.text.strip() else entry.title
    markdown = bool(_MARKDOWN_NAME.search(entry.id) or _MARKDOWN_HEADING.search(text))
    blocks = _blocks(entry.id, text, markdown)
    return Document(
        path=entry.id,
        title=entry.title or opening_heading(text, blocks),
        kind=DocumentKind.MARKDOWN if markdown else DocumentKind.TEXT,
        content_hash=content_hash(f"{entry.title}\0{text}".encode("utf-8", "surrogatepass")),
        text=text,
        blocks=tuple(blocks),
    )


def _blocks(name: str, text: str, markdown: bool) -> list[Block]:
    from ingest.parsers.markdown import markdown_blocks
    from ingest.parsers.plain import paragraphs

    return markdown_blocks(text, mdx=name.lower().endswith(".mdx")) if markdown else paragraphs(text)
