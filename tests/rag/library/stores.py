"""Notes for libraries of both back ends, and the comparison of their hits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rag.library.store import LibraryStore
from rag.types import Block, BlockKind, Chunk, Document, DocumentKind, Hit, Locator, Unit, chunk_id

QUESTIONS = [
    "apple banana", "cherry", "how do neural networks learn", "gradient descent", "Gradienten lernen", "猫头鹰在夜间", "обучение сетей",
    "running runs ran", "the of and", "fig, grape: (elder)?", "x1 y2 apple", "zebra", "apple apple banana cherry date elder fig grape",
    "überraschung café", "don't stop", "hazel",
]  # fmt: skip
WORDS = "apple banana cherry date elder fig grape hazel running learning networks gradient the of café don't x1".split()


def fill(store: LibraryStore, embedder: Any) -> None:
    """Sixty notes of random words with copies, and some in other languages."""
    random = np.random.default_rng(3)
    for number in range(60):
        texts = [" ".join(random.choice(WORDS, random.integers(2, 12))) for _ in range(random.integers(1, 6))]
        put_note(
            store,
            embedder,
            f"week-{number % 5}/note {number}.md",
            *texts,
            title=f"About {WORDS[number % 8]}",
            headings=("Part", "of it"),
        )
    put_note(
        store, embedder, "b/copy.md", "apple banana cherry", "apple banana cherry", "apple  banana cherry"
    )
    put_note(
        store,
        embedder,
        "zh.md",
        "猫头鹰在夜间捕猎。",
        "Обучение нейронных сетей",
        "Überraschungen für Gradienten",
        tags=("other",),
    )
    put_note(store, embedder, "empty.md")
    put_note(store, embedder, "long.md", "apple " * 400 + "b" * 3000)


def put_note(
    store: LibraryStore,
    embedder: Any,
    path: str,
    *texts: str,
    tags: tuple[str, ...] = (),
    title: str = "",
    headings: tuple[str, ...] = (),
) -> list[Chunk]:
    """Save a document with one chunk for each of the given texts."""
    whole, chunks, at = "\n\n".join(texts), [], 0
    for ordinal, text in enumerate(texts):
        locator = Locator(Unit.LINE, 1 + 2 * ordinal, 1 + 2 * ordinal, headings[-1] if headings else "")
        chunks.append(
            Chunk(chunk_id(path, at, text), path, ordinal, at, at + len(text), text, locator, title, headings)
        )
        at += len(text) + 2
    blocks = tuple(Block(BlockKind.PARAGRAPH, c.start, c.end, c.locator) for c in chunks)
    document = Document(
        path, title, DocumentKind.TEXT, f"hash of {whole}", whole, blocks, tags=tags, source=f"/notes/{path}"
    )
    vectors, sketches = embedder.sketch_passages(list(texts))
    store.replace_document(document, chunks, vectors, sketches=sketches, size_bytes=len(whole), mtime_ns=7)
    return chunks


def assert_same(here: list[Hit], there: list[Hit]) -> None:
    assert [hit.chunk for hit in here] == [hit.chunk for hit in there]
    assert [hit.score for hit in here] == pytest.approx([hit.score for hit in there], abs=1e-5)
    for one, other in zip(here, there, strict=True):
        assert (one.why.dense_rank, one.why.lexical_rank) == (other.why.dense_rank, other.why.lexical_rank)
        assert one.why.lexical_score == pytest.approx(other.why.lexical_score, abs=1e-6)
        assert one.why.dense_score == pytest.approx(other.why.dense_score, abs=1e-6)
        assert one.why.match_score == pytest.approx(other.why.match_score, abs=1e-6)
        assert one.why.matched_terms == other.why.matched_terms


def values_of(store: LibraryStore) -> dict[str, tuple[list[float], bytes]]:
    """The vector and sketch of every passage, by its id."""
    rowids, vectors = store.vectors()
    chunks, sketches = store.chunks_by_rowid(rowids), store.sketches(rowids)
    return {
        f"{chunks[rowid].id} {chunks[rowid].ordinal}": (vector.tolist(), sketches.get(rowid, b""))
        for rowid, vector in zip(rowids.tolist(), vectors, strict=True)
    }
