"""An embedder whose vectors can be computed by hand: how many words of each length a text has, scaled to length 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

DIM = 8


class WordLengths:
    """Implements `rag.embedding.embedder.Embedder`; `texts` keeps what was embedded."""

    fingerprint = "word lengths"
    dim = DIM
    max_tokens = 10_000

    def __init__(self) -> None:
        self.texts: list[str] = []

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts += texts
        return np.array([self.embed_query(text) for text in texts], np.float32).reshape(-1, DIM)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        counts = np.zeros(DIM, np.float32)
        for word in text.split():
            counts[min(len(word), DIM) - 1] += 1
        return counts / max(float(np.linalg.norm(counts)), 1e-12)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]
