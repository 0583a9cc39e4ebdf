"""Passages embedded while the documents before them are saved.

Embedding keeps every core busy and saving one, so an ingest that does them in turn leaves cores idle.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeAlias

from rag.aliases import Vectors
from rag.library.rows import passage_key
from rag.library.store import LibraryStore
from rag.passage_text import passage_text
from rag.types import Chunk

PART_CHUNKS = 512
"""Passages that are embedded between two reports of progress, about. Chosen."""
Stored: TypeAlias = dict[bytes, tuple[Vectors, bytes]]
"""Passage key to (vector (dim,), sketch)."""
Embedded: TypeAlias = tuple[Vectors, list[bytes]]
"""Vectors (n, dim) and sketches of n texts."""


@dataclass(frozen=True, slots=True)
class Embedding:
    """Passages that are being embedded.

    `stored` are those whose vectors the library has already; the others are in parts that are done one after
    another.
    """

    stored: Stored
    parts: list[tuple[list[bytes], Future[Embedded]]] = field(default_factory=list)

    def keys(self) -> set[bytes]:
        """Return the keys of the passages that are being embedded."""
        return {key for keys, _ in self.parts for key in keys}

    def finished(self) -> Iterator[tuple[int, Stored]]:
        """Yield (number of passages, their vectors and sketches), part by part.

        The stored ones come first, then each part once it is done.
        """
        yield len(self.stored), self.stored
        for keys, future in self.parts:
            vectors, sketches = future.result()
            yield len(keys), dict(zip(keys, zip(vectors, sketches, strict=True), strict=True))


class EmbedAhead:
    """Starts embeddings and returns at once."""

    def __init__(self, library: LibraryStore, embed: Callable[[list[str]], Future[Embedded]]) -> None:
        self._library = library
        self._embed = embed

    def start(self, chunks: Iterable[Chunk], under_way: Collection[Embedding]) -> Embedding:
        """Embed what neither the library nor `under_way` has.

        `under_way` will be saved before. What the library has is read now: saving `under_way` may delete some
        of it.
        """
        passages = {passage_key(chunk): chunk for chunk in chunks}
        stored = self._library.embeddings(list(passages))
        made = set[bytes]().union(*(embedding.keys() for embedding in under_way))
        missing = [key for key in passages if key not in stored and key not in made]
        found = Embedding(stored)
        parts = max(
            1, round(len(missing) / PART_CHUNKS)
        )  # even ones: a short rest would keep one core busy only
        size = -(-len(missing) // parts)
        for start in range(0, len(missing), max(size, 1)):
            keys = missing[start : start + size]
            texts = [passage_text(passages[key]) for key in keys]
            found.parts.append((keys, self._embed(texts)))
        return found
