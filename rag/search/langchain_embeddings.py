"""Embedders in both directions: ours for LangChain, LangChain's for ours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from langchain_core.embeddings import Embeddings

from rag.aliases import Vectors
from rag.embedding.embedder import Embedder

_CHARS_PER_TOKEN = 4
"""Characters of a token, roughly, where the tokenizer is not known."""
_UNLIMITED = 2**31


class LecternEmbeddings(Embeddings):
    """Our embedder as LangChain's `Embeddings`; vectors have length 1."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return one vector a text, in order."""
        vectors: list[list[float]] = self.embedder.embed_passages(texts).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a question."""
        vector: list[float] = self.embedder.embed_query(text).tolist()
        return vector


class LangChainEmbedder:
    """LangChain's `Embeddings` as an embedder of a library.

    Its vectors are scaled to length 1. The fingerprint is the class with its model's name and the dimensions, which is all that
    LangChain knows of it; `max_tokens` is not known and taken as unlimited.
    """

    max_tokens = _UNLIMITED

    def __init__(self, embeddings: Embeddings) -> None:
        self.embeddings = embeddings
        self.dim = len(embeddings.embed_query("dimensions"))
        kind = type(embeddings)
        model = next(
            (str(getattr(embeddings, name)) for name in ("model", "model_name") if hasattr(embeddings, name)),
            "",
        )
        self.fingerprint = " ".join(
            filter(None, (f"{kind.__module__}.{kind.__qualname__}", model, str(self.dim)))
        )

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return one vector a text, in order: (n, dim)."""
        found = np.array(self.embeddings.embed_documents(list(texts)), np.float32).reshape(-1, self.dim)
        return _of_length_1(found)

    def embed_query(self, text: str) -> Vectors:
        """Return the vector (dim,) of a question."""
        return _of_length_1(np.array(self.embeddings.embed_query(text), np.float32))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text has, roughly."""
        return [len(text) // _CHARS_PER_TOKEN for text in texts]


def embedder_of(embeddings: Embeddings) -> Embedder:
    """Return the embedder behind `LecternEmbeddings`, or any other one as an embedder."""
    return embeddings.embedder if isinstance(embeddings, LecternEmbeddings) else LangChainEmbedder(embeddings)


def _of_length_1(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)
