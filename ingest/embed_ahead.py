"""Passages embedded in a thread of their own, while the documents before them are written to the library.

Embedding keeps every core busy and saving one, so an ingest that does them in turn leaves cores idle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeAlias

from rag.embedder import Embedder, embed_with_sketches
from rag.library import Library
from rag.library_reading import Vectors
from rag.passage import passage_text
from rag.records import passage_key
from rag.types import Chunk

PART_CHUNKS = 512
"""About so many passages are embedded between two reports of progress."""
Stored: TypeAlias = dict[bytes, tuple[Vectors, bytes]]
"""Passage key to (vector (dim,), sketch)."""


@dataclass(frozen=True, slots=True)
class Embedding:
    """Passages on their way: those the library has vectors of, and the others in parts that are done one after another."""

    stored: Stored
    parts: list[tuple[list[bytes], Future[tuple[Vectors, list[bytes]]]]] = field(default_factory=list)

    def keys(self) -> set[bytes]:
        """The passages that are being embedded."""
        return {key for keys, _ in self.parts for key in keys}

    def finished(self) -> Iterator[tuple[int, Stored]]:
        """(how many passages, their vectors and sketches): first what was stored, then each part once it is done."""
        yield len(self.stored), self.stored
        for keys, future in self.parts:
            vectors, sketches = future.result()
            yield len(keys), dict(zip(keys, zip(vectors, sketches, strict=True), strict=True))


class EmbedAhead:
    """Starts embeddings and goes on at once; to be used in a `with`, whose end gives up what was not fetched."""

    def __init__(self, library: Library, embedder: Embedder) -> None:
        self._library = library
        self._embedder = embedder
        self._thread = ThreadPoolExecutor(1, "embedding")

    def __enter__(self) -> EmbedAhead:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def start(self, chunks: Iterable[Chunk], under_way: Embedding | None) -> Embedding:
        """Embeds what neither the library has nor `under_way`, which will be saved before, is making.

        What the library has is read now: saving what is under way may take it out.
        """
        passages = {passage_key(chunk): chunk for chunk in chunks}
        stored = self._library.embeddings(list(passages))
        made = under_way.keys() if under_way else set()
        missing = [key for key in passages if key not in stored and key not in made]
        found = Embedding(stored)
        parts = max(
            1, round(len(missing) / PART_CHUNKS)
        )  # even ones: a short rest would keep one core busy only
        size = -(-len(missing) // parts)
        for start in range(0, len(missing), max(size, 1)):
            keys = missing[start : start + size]
            texts = [passage_text(passages[key]) for key in keys]
            found.parts.append((keys, self._thread.submit(embed_with_sketches, self._embedder, texts)))
        return found
