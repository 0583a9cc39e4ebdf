"""The ranking of a corpus's passages by the product's search.

Cosine, BM25 and token matches are each on their own scale.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from finetune.grounded.types import Corpus
from rag.embedding.embedder import TokenEmbedder
from rag.embedding.late_interaction import best_matches
from rag.library.library import Library
from rag.passage_text import passage_text
from rag.search.fusion import fused_scores, with_matches
from rag.text.words import content_words

_K1, _B = 1.2, 0.75
MATCHED = 40
"""Candidates that are matched token by token; the product's search matches more."""


class CorpusSearch:
    """A search among the passages of one corpus, with the library's vectors."""

    def __init__(self, library: Library, embedder: TokenEmbedder) -> None:
        self._library = library
        self._embedder = embedder
        self._asked: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}
        rowids = library.chunk_rowids()
        self._rowid_of = {chunk.id: rowid for rowid, chunk in library.chunks_by_rowid(rowids).items()}

    def nearest(self, corpus: Corpus, depth: int) -> NDArray[np.int64]:
        """Return the `depth` best passages for each question, best first.

        They are int64 (questions, depth), -1 if there are fewer.
        """
        ranked = np.full((len(corpus.questions), depth), -1, dtype=np.int64)
        if not corpus.questions:
            return ranked
        rowids = np.array([self._rowid_of[chunk.id] for chunk in corpus.passages], dtype=np.int64)
        _, vectors = self._library.vectors(rowids)
        sketches = self._library.sketches(rowids)
        kept = [sketches.get(rowid, b"") for rowid in rowids.tolist()]
        lexical = Bm25([passage_text(chunk) for chunk in corpus.passages])
        for row, question in enumerate(corpus.questions):
            vector, tokens = self._query(question.text)
            scores = fused_scores(vectors @ vector, lexical.scores(question.text))
            best = np.argsort(-scores, kind="stable")[:MATCHED]
            matched = with_matches(scores[best], best_matches(tokens, [kept[place] for place in best]))
            order = best[np.argsort(-matched, kind="stable")][:depth]
            ranked[row, : len(order)] = order
        return ranked

    def query_vector(self, text: str) -> NDArray[np.float32]:
        """The vector of a question, remembered from the search for it."""
        return self._query(text)[0]

    def _query(self, text: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        if text not in self._asked:
            self._asked[text] = self._embedder.embed_query_tokens(text)
        return self._asked[text]


class Bm25:
    """BM25 over whole passages. Source: Robertson & Zaragoza 2009, k1 = 1.2, b = 0.75."""

    def __init__(self, texts: Sequence[str]) -> None:
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
        """The score of each text for a question, in order; 0 where they share no word."""
        total = np.zeros(self._size, dtype=np.float32)
        for word in set(content_words(question)):
            if word in self._postings:
                places, weights = self._postings[word]
                total[places] += weights * np.log(1 + (self._size - len(places) + 0.5) / (len(places) + 0.5))
        return total
