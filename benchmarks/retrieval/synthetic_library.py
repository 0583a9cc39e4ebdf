"""Libraries of any size for measuring speed.

Words follow Zipf's law, vectors are in topics, sketches are random bits. Text, lexical index, vectors and
sketches have the sizes of real ones and are written by the library's own functions.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.embedding.embedder import EMBEDDED_MODEL, model_folder
from rag.library.library import Library
from rag.library.store import LibraryStore
from rag.types import Chunk, Document, DocumentKind, Locator, Unit, chunk_id

WORDS = 60
"""Words of a passage."""
TOKENS = 80
"""Tokens of a passage's sketch."""
_VOCABULARY = 60_000
_TOPICS = 2_000
_CHUNKS_A_DOCUMENT = 2_000
_SPREAD = 0.9
"""Noise around a topic, relative to the length of its vector.

Two passages of one topic have a cosine of about 0.55.
"""


def vocabulary() -> list[str]:
    """Return English words of the embedder's tokenizer, then invented ones.

    The frequent words come first.
    """
    tokenizer = json.loads((model_folder(EMBEDDED_MODEL) / "tokenizer.json").read_text(encoding="utf-8"))
    known = [
        word for word in tokenizer["model"]["vocab"] if word.isascii() and word.isalpha() and len(word) > 2
    ]
    letters = "bcdfghklmnprtvz"
    made_up = (
        f"{letters[n % 15]}a{letters[n // 15 % 15]}o{letters[n // 225 % 15]}u{letters[n // 3375 % 15]}ix"
        for n in range(_VOCABULARY)
    )
    return [*known, *made_up][:_VOCABULARY]


def zipf_weights() -> NDArray[np.float64]:
    """The share of each word of `vocabulary` in running text."""
    weights = 1.0 / np.arange(10, _VOCABULARY + 10)
    return np.asarray(weights / weights.sum(), np.float64)


def question(generator: np.random.Generator, words: list[str], weights: NDArray[np.float64]) -> str:
    """Eight words as running text has them: some frequent, some rare."""
    return " ".join(generator.choice(words, 8, p=weights)) + "?"


def topic_vectors(
    generator: np.random.Generator, count: int, topics: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Unit vectors (count, dim) around topics."""
    chosen = topics[generator.integers(0, len(topics), count)]
    noise = generator.standard_normal(chosen.shape, np.float32) * np.float32(
        _SPREAD / np.sqrt(chosen.shape[1])
    )
    vectors = chosen + noise
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def make_topics(dim: int) -> NDArray[np.float32]:
    """Unit vectors of the topics, the same every time."""
    topics = np.random.default_rng(7).standard_normal((_TOPICS, dim), np.float32)
    return np.asarray(topics / np.linalg.norm(topics, axis=1, keepdims=True), np.float32)


def fill(folder: Path, chunks: int, fingerprint: str, dim: int) -> Library:
    """A library of so many passages, made with the embedder of that fingerprint."""
    library = Library.create(folder)
    fill_store(library, chunks, fingerprint, dim)
    return library


def fill_store(library: LibraryStore, chunks: int, fingerprint: str, dim: int, seed: int = 0) -> None:
    """Put so many passages into an empty library of either back end."""
    library.bind(fingerprint, dim, "synthetic")
    generator, topics = np.random.default_rng(seed), make_topics(dim)
    words, weights = np.array(vocabulary()), zipf_weights()
    with library.writing():
        for first in range(0, chunks, _CHUNKS_A_DOCUMENT):
            count = min(_CHUNKS_A_DOCUMENT, chunks - first)
            _put(
                library,
                f"note{first:08}.txt",
                generator.choice(words, (count, WORDS), p=weights),
                generator,
                topics,
            )


def _put(
    library: LibraryStore,
    name: str,
    rows: NDArray[np.str_],
    generator: np.random.Generator,
    topics: NDArray[np.float32],
) -> None:
    texts = [f"{' '.join(row)} {name} {place}." for place, row in enumerate(rows.tolist())]
    chunks, start = [], 0
    for place, text in enumerate(texts):
        where = Locator(Unit.LINE, place + 1, place + 1)
        chunks.append(Chunk(chunk_id(name, start, text), name, place, start, start + len(text), text, where))
        start += len(text) + 1
    vectors = topic_vectors(generator, len(chunks), topics)
    size = TOKENS * (topics.shape[1] // 8)
    factors = np.full(TOKENS, 0.064, "<f2").tobytes()
    sketches = [factors + generator.bytes(size) for _ in chunks]
    document = Document(name, "", DocumentKind.TEXT, name, "\n".join(texts), ())
    library.replace_document(document, chunks, vectors, sketches=sketches)
