"""The signals of questions over a library, from one pass of searches."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.embedding.embedder import Embedder, TokenEmbedder
from rag.embedding.late_interaction import best_matches
from rag.errors import ModelMissing
from rag.passage_text import passage_text
from rag.search import faiss_index
from rag.search.duplicates import plain_text
from rag.search.fusion import fused_scores
from rag.search.index import LEXICAL_DEPTH
from rag.search.searcher import MATCH_DEPTH, Searcher

Scores = NDArray[np.float32]
DEEPEST_MATCH = 2 * MATCH_DEPTH
_NEAREST = 10


@dataclass(frozen=True, slots=True)
class RankingSignals:
    """The scores and features of every question (rows) and passage (columns).

    `bm25` is 0 if no word is shared or beyond the product's depth. `matches` and `exact` are NaN where tokens
    were not matched; `exact` compares the tokens' whole vectors. `documents` names each passage's document;
    passages of one document are in reading order. `texts` is the same number for passages of the same text.
    `rarest` is the number of passages with the rarest of a question's words that any passage has, 0 if none
    has one.
    """

    questions: list[str]
    rarest: NDArray[np.int64]
    documents: NDArray[np.str_]
    texts: NDArray[np.int64]
    vectors: Scores
    question_vectors: Scores
    cosines: Scores
    bm25: Scores
    matches: Scores
    exact: Scores


def token_embedder(embedder: Embedder) -> TokenEmbedder:
    """Return the embedder if it can embed tokens.

    Raises:
        ModelMissing: it cannot.
    """
    if not isinstance(embedder, TokenEmbedder):
        raise ModelMissing("The benchmark needs an embedder of tokens; use the embedded one.")
    return embedder


def collect(searcher: Searcher, questions: Sequence[str], *, exact: bool = False) -> RankingSignals:
    """Return the signals of questions over a searcher's library.

    With `exact` tokens are matched by their whole vectors, which takes minutes.
    """
    embedder, library = token_embedder(searcher.embedder), searcher.library
    rowids, vectors = library.vectors()
    chunks, sketches = library.chunks(rowids), library.sketches(rowids)
    kept = [sketches.get(rowid, b"") for rowid in rowids.tolist()]
    shape = len(questions), len(rowids)
    found = RankingSignals(
        list(questions),
        np.zeros(len(questions), np.int64),
        np.array([chunk.document for chunk in chunks]),
        np.unique([plain_text(chunk) for chunk in chunks], return_inverse=True)[1],
        vectors,
        np.zeros((len(questions), vectors.shape[1]), np.float32),
        np.zeros(shape, np.float32),
        np.zeros(shape, np.float32),
        np.full(shape, np.nan, np.float32),
        np.full(shape, np.nan, np.float32),
    )
    question_tokens: list[Scores] = [np.empty(0, np.float32)] * len(questions)

    def one(row: int) -> None:
        vector, tokens = embedder.embed_query_tokens(questions[row])
        words = searcher.lexical.search(questions[row], LEXICAL_DEPTH)
        question_tokens[row] = tokens
        found.rarest[row] = min((term.passages for term in words.terms if term.passages), default=0)
        found.question_vectors[row] = vector
        found.cosines[row] = vectors @ vector
        found.bm25[row, np.searchsorted(rowids, words.rowids)] = words.scores
        scores = fused_scores(found.cosines[row], found.bm25[row])
        best = np.argsort(-scores, kind="stable")[:DEEPEST_MATCH]
        found.matches[row, best] = best_matches(tokens, [kept[place] for place in best.tolist()])

    def match(column: int) -> None:
        rows = np.flatnonzero(~np.isnan(found.matches[:, column]))
        if len(rows):
            _, tokens = embedder.embed_query_tokens(passage_text(chunks[column]))
            for row in rows.tolist():
                found.exact[row, column] = (question_tokens[row] @ tokens.T).max(axis=1).mean()

    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(one, range(len(questions))):
            pass
        for _ in pool.map(match, range(len(rowids) if exact else 0)):
            pass
    return found


def cluster_recall(signals: RankingSignals, probes: int | None = None) -> dict[str, float]:
    """Return the recall of the ten nearest passages by an index of clusters.

    Libraries beyond `FLAT_LIMIT` have such an index.
    """
    vectors = signals.vectors
    index = faiss_index.clustered_index(vectors, int(2 * np.sqrt(len(vectors))))
    faiss_index.add(index, np.arange(len(vectors)), vectors)
    shares = []
    for vector, cosines in zip(signals.question_vectors, signals.cosines, strict=True):
        found = faiss_index.nearest(index, vector / np.linalg.norm(vector), _NEAREST, None, probes)
        best = found[np.argsort(-cosines[found], kind="stable")[:_NEAREST]]
        tenth = np.partition(cosines, -_NEAREST)[-_NEAREST]
        shares.append(np.count_nonzero(cosines[best] >= tenth - 1e-6) / _NEAREST)
    searched = probes or faiss_index.probes_for(index.nlist)
    return {"clusters": index.nlist, "probes": searched, "recall@10": float(np.mean(shares))}
