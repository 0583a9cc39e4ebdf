"""The search: from a question to passages, best first, each with why it was found.

Nearest vectors and matching words propose candidates, every candidate gets both scores, the two are added on
their own scales, and the best are matched with the question token by token.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rag.embedding.embedder import Embedder, TokenEmbedder
from rag.embedding.late_interaction import best_matches, one_thread
from rag.errors import QuestionError
from rag.library.store import Allowed, LibraryStore
from rag.search.candidates import Candidates, ranks_in, why_found
from rag.search.duplicates import Ranked, best_first, different_texts, without_copies
from rag.search.fusion import fused_scores, with_matches, with_word_lead
from rag.search.index import CandidateIndex
from rag.search.lexical import LexicalHits
from rag.search.rerank import RERANK_DEPTH, CrossEncoderReranker
from rag.search.scales import scales_of
from rag.search.scope import Scope, allowed_passages
from rag.settings import RetrievalSettings
from rag.types import Chunk, Hit

MATCH_DEPTH = 100
"""Candidates that are matched token by token.

50 lose 0.002 of nDCG@10 on ml-for-beginners-quiz, 25 lose 0.006, and 200 gain nothing. Source: `make
bench-retrieval`, quality.
"""
_SPARE = 10
"""Candidates read beyond those wanted, so that copies can give way."""
DEEPEST = 5_000
"""Most candidates of either search, however many of them are copies.

`retrieval.depth` may be as large.
"""


Asked = tuple[NDArray[np.float32], NDArray[np.float32] | None]
"""A question's vector, and its tokens' vectors where the embedder has them."""


class Searcher:
    """Hybrid search over one library; safe to use from several threads.

    Raises:
        LibraryMismatch: the library was embedded by another model than `embedder`.
    """

    def __init__(self, library: LibraryStore, embedder: Embedder, settings: RetrievalSettings) -> None:
        library.check_embedder(embedder.fingerprint, embedder.dim)
        self.library = library
        self.embedder = embedder
        self.settings = settings
        self._scales = scales_of(embedder.fingerprint)
        self.index = CandidateIndex(library)
        self.vectors, self.lexical = self.index.dense, self.index.lexical
        self._opening = threading.Lock()

    def search(self, query: str, k: int | None = None, scope: Scope | None = None) -> list[Hit]:
        """Return at most `k` passages (`settings.k` if None), best first.

        Ties are ordered by chunk id; there are fewer only if fewer exist.

        Raises:
            QuestionError: the question is empty, or no document is inside `scope`.
        """
        return self.look(query, k, scope)

    def search_many(self, queries: Sequence[str], k: int | None = None) -> Iterator[list[Hit]]:
        """Yield the hits of each query, in order, found on every core.

        An empty query has none.
        """
        with workers() as pool:
            yield from pool.map(lambda query: self.search(query, k) if query.strip() else [], queries)

    def look(
        self, query: str, k: int | None = None, scope: Scope | None = None, *, rerank: bool = True
    ) -> list[Hit]:
        """Return the hits of `search`; without `rerank`, in the order of the fused scores.

        All of it is read from one state of the library, whatever is added or removed meanwhile.

        Raises:
            QuestionError: as for `search`.
        """
        if not query.strip():
            raise QuestionError("The question is empty; write at least one word.")
        wanted = self.settings.k if k is None else k
        reranks = rerank and bool(self.settings.reranker)
        read = self.passages_read(wanted) if reranks else wanted
        with one_thread(), self.library.snapshot():
            allowed = allowed_passages(self.library, scope)
            candidates, ranked, words = self._found(query, read, allowed)
            hits = self._hits(candidates, ranked, words)
        if reranks:
            hits = self._opened_reranker().rerank(query, hits)[:wanted]
        return hits

    def passages_read(self, wanted: int) -> int:
        """Return how many passages the reranker reads for `wanted` to be shown.

        Without a reranker that is `wanted`.
        """
        return max(wanted, RERANK_DEPTH) if self.settings.reranker else wanted

    def _opened_reranker(self) -> CrossEncoderReranker:
        """Return the reranker, loaded once however many threads need it first."""
        with self._opening:
            return self._reranker

    @cached_property
    def _reranker(self) -> CrossEncoderReranker:
        """Loaded at the first question that needs it."""
        return CrossEncoderReranker(self.settings.reranker)

    def _found(
        self, query: str, k: int, allowed: Allowed | None
    ) -> tuple[Candidates, list[Ranked], LexicalHits]:
        """Return the candidates, the `k` best of them and the question's words.

        Where copies leave fewer than `k` different texts, either search is asked for twice as many, until
        there are `k` or neither has more.
        """
        asked = self._embedded(query)
        depth = max(self.settings.depth, k)
        while True:
            found, words, more = self._candidates(query, asked, depth, allowed)
            ranked = self._ranked(found, k)
            if not more or depth >= DEEPEST or different_texts(ranked) >= k:
                return found, without_copies(ranked, k, found.scores), words
            depth *= 2

    def _candidates(
        self, query: str, asked: Asked, depth: int, allowed: Allowed | None
    ) -> tuple[Candidates, LexicalHits, bool]:
        """Return the candidates with all scores, the words, and if there are more."""
        vector, tokens = asked
        near, words, rowids, plain, more = self.index.propose(
            vector, self.lexical.terms(query), depth, allowed
        )
        cosines = self._scales.cosine(plain)
        known = dict(zip(words.rowids.tolist(), words.scores.tolist(), strict=True))
        bm25 = np.array([known.get(rowid, 0.0) for rowid in rowids.tolist()], np.float32)
        scores = fused_scores(cosines, bm25)
        matches = self._matches(tokens, rowids, scores)
        ranks = ranks_in(rowids, near), ranks_in(rowids, words.rowids)
        scores = with_word_lead(with_matches(scores, matches), bm25)
        found = Candidates(rowids, cosines, bm25, *ranks, matches, scores)
        return found, words, more

    def _embedded(self, query: str) -> Asked:
        """Return the question's vector, and its tokens' vectors if the embedder has them."""
        if isinstance(self.embedder, TokenEmbedder):
            return self.embedder.embed_query_tokens(query)
        return self.embedder.embed_query(query), None

    def _matches(
        self, tokens: NDArray[np.float32] | None, rowids: NDArray[np.int64], scores: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return the token match of the best `MATCH_DEPTH` candidates, NaN for the others."""
        matches = np.full(len(rowids), np.nan, np.float32)
        if tokens is not None:
            best = np.lexsort((rowids, -scores))[:MATCH_DEPTH]
            sketches = self.library.sketches(rowids[best])
            kept = [sketches.get(rowid, b"") for rowid in rowids[best].tolist()]
            matches[best] = self._scales.match(best_matches(tokens, kept))
        return matches

    def _ranked(self, found: Candidates, k: int) -> list[Ranked]:
        """Return the best candidates with their passages, best first.

        They have `k` different texts, or are all there are.
        """
        scores = found.scores
        order = np.lexsort((found.rowids, -scores))
        chunks: dict[int, Chunk] = {}
        ranked: list[Ranked] = []
        count = k + k // 2 + _SPARE
        while True:
            cut = order[len(ranked) : _with_ties(scores[order], count)]
            chunks |= self.library.chunks_by_rowid(found.rowids[cut])
            ranked += [
                (at, chunks[rowid])
                for at, rowid in zip(cut.tolist(), found.rowids[cut].tolist(), strict=True)
            ]
            if len(ranked) == len(order) or different_texts(ranked) >= k:
                return best_first(ranked, scores)
            count *= 2

    def _hits(self, found: Candidates, ranked: Sequence[Ranked], words: LexicalHits) -> list[Hit]:
        """Return the ranked candidates as hits."""
        texts = ["\n".join((chunk.title, *chunk.headings, chunk.text)) for _, chunk in ranked]
        found_stems = self.lexical.stemmer.found_in(
            texts, [term.stem for term in words.terms if term.passages]
        )
        return [
            Hit(chunk, float(found.scores[at]), why_found(found, at, rank, found_stems[rank - 1], words))
            for rank, (at, chunk) in enumerate(ranked, start=1)
        ]


@contextmanager
def workers() -> Iterator[ThreadPoolExecutor]:
    """Yield a pool of threads for searches, one a core, each with BLAS to itself.

    Searches whose result nobody waits for any more are dropped.
    """
    pool = ThreadPoolExecutor(os.cpu_count())
    with one_thread():
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)


def _with_ties(scores: NDArray[np.float32], k: int) -> int:
    """Return how many of the descending `scores` to look at for the `k` best.

    Those equal to the k-th are included, so that they are ordered by chunk id too.
    """
    if len(scores) <= k:
        return len(scores)
    return int(np.count_nonzero(scores >= scores[k - 1])) if k > 0 else 0
