"""A library of small notes and an embedder whose vectors can be written down."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.embedding.late_interaction import sketch
from rag.library.library import Library
from rag.types import Block, BlockKind, Chunk, Document, DocumentKind, Locator, Unit, chunk_id


class FirstLetters:
    """A text's vector counts its words by their first letter (a-h, the rest is ignored), scaled to length 1."""

    fingerprint = "first letters"
    dim = 8
    max_tokens = 1000

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([self.embed_query(text) for text in texts], np.float32).reshape(-1, self.dim)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        counts = np.zeros(self.dim, np.float32)
        for word in text.lower().split():
            place = ord(word[0]) - ord("a")
            if 0 <= place < self.dim:
                counts[place] += 1
        return counts / max(float(np.linalg.norm(counts)), 1e-12)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]


class FirstLetterTokens(FirstLetters):
    """Also tells the tokens: a word's vector is its first letter's axis."""

    fingerprint = "first letters"

    def _tokens(self, text: str) -> NDArray[np.float32]:
        rows = [self.embed_query(word) for word in text.split()]
        return np.array([row for row in rows if row.any()], np.float32).reshape(-1, self.dim)

    def sketch_passages(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], list[bytes]]:
        return self.embed_passages(texts), [sketch(self._tokens(text)) for text in texts]

    def embed_query_tokens(self, text: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self.embed_query(text), self._tokens(text)


@pytest.fixture
def letters() -> FirstLetters:
    """The embedder without tokens."""
    return FirstLetters()


@pytest.fixture
def letter_tokens() -> FirstLetterTokens:
    """The embedder with tokens."""
    return FirstLetterTokens()


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """An empty library bound to `FirstLetters`."""
    with Library.create(tmp_path / "library") as made:
        made.bind("first letters", 8, "by hand")
        yield made


@pytest.fixture
def put(library: Library) -> Callable[..., list[Chunk]]:
    """Puts a document in: one chunk for each of the given texts."""

    def put_document(
        path: str, *texts: str, embedder: Any = None, tags: tuple[str, ...] = (), title: str = ""
    ) -> list[Chunk]:
        embedder = embedder or FirstLetters()
        whole, chunks = "\n\n".join(texts), []
        at = 0
        for ordinal, text in enumerate(texts):
            locator = Locator(Unit.LINE, 1 + 2 * ordinal, 1 + 2 * ordinal)
            chunks.append(
                Chunk(chunk_id(path, at, text), path, ordinal, at, at + len(text), text, locator, title)
            )
            at += len(text) + 2
        blocks = tuple(Block(BlockKind.PARAGRAPH, c.start, c.end, c.locator) for c in chunks)
        document = Document(path, title, DocumentKind.TEXT, path, whole, blocks, tags=tags)
        if hasattr(embedder, "sketch_passages"):
            vectors, sketches = embedder.sketch_passages(list(texts))
        else:
            vectors, sketches = embedder.embed_passages(list(texts)), None
        library.replace_document(document, chunks, vectors, sketches=sketches)
        return chunks

    return put_document


@pytest.fixture
def checkpoint() -> Callable[[Library], None]:
    """Folds what was committed into the database file, so that the file alone is the library."""

    def fold(library: Library) -> None:
        with closing(sqlite3.connect(library.folder / "library.sqlite")) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    return fold
