"""Documents, passages and searches of one library, for the kinds of answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from rag.answer.found import Scorer
from rag.answer.readable import Reading, reading_of
from rag.embedding.embedder import Embedder
from rag.library.rows import DocumentRecord
from rag.library.store import LibraryStore
from rag.search.lexical import LexicalIndex
from rag.search.scope import Scope, records_inside
from rag.types import Block, BlockKind, Chunk, Document, Hit, Locator, Unit, chunk_id

T = TypeVar("T")
_ANCHOR = re.compile(r"\s*(?:\[\[[\w-]+\]\]|\{#[\w-]+\})$")
KEPT_DOCUMENTS = 600
"""Documents kept in memory with their blocks between questions."""


class Searches(Protocol):
    """The part of `rag.search.searcher.Searcher` that is used here."""

    @property
    def library(self) -> LibraryStore: ...

    @property
    def embedder(self) -> Embedder: ...

    @property
    def lexical(self) -> LexicalIndex: ...

    def search(self, query: str, k: int | None = None, scope: Scope | None = None) -> list[Hit]: ...


@dataclass(slots=True)
class Notes:
    """One library with its search, embedder and evidence scorer. Documents are kept until the library changes."""

    searcher: Searches
    scorer: Scorer
    _kept: dict[str, tuple[Document, list[Chunk]]] = field(default_factory=dict)
    _made: dict[tuple[object, str], object] = field(default_factory=dict)
    _generation: int = -1

    @property
    def library(self) -> LibraryStore:
        return self.searcher.library

    def search(self, query: str, k: int, scope: Scope | None = None) -> list[Hit]:
        """Return at most `k` passages, best first."""
        return self.searcher.search(query, k, scope) if query.strip() else []

    def share_of_passages(self, word: str) -> float:
        """Return the share in [0, 1] of all passages that have a word."""
        most = max((term.passages for term in self.searcher.lexical.terms(word)), default=0)
        return most / max(1, self.library.chunk_count())

    def records(self, scope: Scope | None = None) -> list[DocumentRecord]:
        """Return the documents with text inside a scope, by name."""
        return [record for record in records_inside(self.library, scope) if record.chunks]

    def document(self, path: str) -> Document:
        """Return a document with its blocks."""
        return self._read(path)[0]

    def chunks(self, path: str) -> list[Chunk]:
        """Return a document's passages in reading order."""
        return self._read(path)[1]

    def reading(self, chunk: Chunk) -> Reading:
        """Return a passage without markup that no block has.

        As it is where its document is gone.
        """
        if not self.library.has(chunk.document):
            return Reading(chunk)
        return reading_of(chunk, self.document(chunk.document))

    def passage(self, path: str, start: int, end: int) -> Chunk:
        """Return the passage that has most of a span of a document. One made of the span where none has any."""
        shares = [(min(end, one.end) - max(start, one.start), one) for one in self.chunks(path)]
        most = max(shares, key=lambda share: share[0], default=None)
        if most is not None and most[0] > 0:
            return most[1]
        document = self.document(path)
        text = document.text[start:end]
        locator = next(
            (b.locator for b in document.blocks if b.start <= start < b.end), Locator(Unit.LINE, 1, 1)
        )
        return Chunk(chunk_id(path, start, text), path, 0, start, end, text, locator, document.title)

    def similarities(self, question: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the cosine of a question with each text, (n,)."""
        if not texts:
            return np.zeros(0, np.float32)
        embedder = self.searcher.embedder
        return np.asarray(embedder.embed_passages(texts) @ embedder.embed_query(question), np.float32)

    def made(self, make: Callable[[Document], T], path: str) -> T:
        """Return what `make` returns for a document, kept until the library changes."""
        document = self.document(path)
        if (make, path) not in self._made:
            self._made[make, path] = make(document)
        return cast("T", self._made[make, path])

    def _read(self, path: str) -> tuple[Document, list[Chunk]]:
        generation = self.library.generation
        if generation != self._generation or len(self._kept) > KEPT_DOCUMENTS:
            self._kept, self._made, self._generation = {}, {}, generation
        kept = self._kept
        if path not in kept:
            kept[path] = (self.library.document(path), self.library.chunks_of(path))
        return kept[path]


def headings_above(document: Document) -> list[tuple[Block, tuple[str, ...]]]:
    """Return every block but headings, with the headings above it."""
    found: list[tuple[Block, tuple[str, ...]]] = []
    path: list[tuple[int, str]] = []
    for block in document.blocks:
        if block.kind is BlockKind.HEADING:
            path = [one for one in path if one[0] < block.level]
            path.append((block.level, heading_text(document.text[block.start : block.end])))
        else:
            found.append((block, tuple(name for _, name in path)))
    return found


def heading_text(text: str) -> str:
    """Return a heading on one line without marks and anchor (`[[name]]`, `{#name}`)."""
    return _ANCHOR.sub("", " ".join(text.split())).strip("# *_:")


def documents_of(hits: Sequence[Hit], most: int) -> list[str]:
    """Return the documents of hits, best first."""
    return list(dict.fromkeys(hit.chunk.document for hit in hits))[:most]
