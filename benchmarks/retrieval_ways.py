"""Ways to rank passages, as arithmetic on what the product's own searches say of them: one pass of searching serves every way.

A way takes the `Signals` of a set of questions over one library and gives a score for every question and passage.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from rag import faiss_index
from rag.embedder import Embedder, TokenEmbedder
from rag.errors import ModelMissing
from rag.fusion import LEXICAL_WEIGHT, MATCH_WEIGHT, RRF_K, fused_scores, with_matches
from rag.search import LEXICAL_DEPTH, MATCH_DEPTH, Searcher
from rag.token_sketch import best_matches

Scores = NDArray[np.float32]
DEPTH = 100
"""Passages that either search hands to a fusion of ranks, as `retrieval.depth` is."""
_DEEPEST_MATCH = 2 * MATCH_DEPTH
_FEEDBACK_PASSAGES, _FEEDBACK_WEIGHT = 3, 0.3
_NEIGHBOUR_WEIGHT = 0.2
_NEAREST = 10
_IDENTIFIER = re.compile(r"\d|\w_\w|[a-z][A-Z]|\w\.\w|[`<>{}()=]|::|->")
"""Digits, snake_case, camelCase, dotted names and the signs of code."""


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of every question (rows) and passage (columns).

    `bm25` is 0 where no word is shared or beyond the product's depth, `matches` NaN where tokens were not matched. `documents`
    names each passage's document; passages of one document stand in reading order.
    """

    questions: list[str]
    documents: NDArray[np.str_]
    vectors: Scores
    question_vectors: Scores
    cosines: Scores
    bm25: Scores
    matches: Scores


def token_embedder(embedder: Embedder) -> TokenEmbedder:
    """The embedder as one that tells the vectors of tokens.

    Raises:
        ModelMissing: it does not.
    """
    if not isinstance(embedder, TokenEmbedder):
        raise ModelMissing(
            "The benchmark needs an embedder that tells the vectors of tokens: the embedded one."
        )
    return embedder


def collect(searcher: Searcher, questions: Sequence[str]) -> Signals:
    """The signals of questions over a searcher's library."""
    embedder, library = searcher.embedder, searcher.library
    if not isinstance(embedder, TokenEmbedder):
        raise ModelMissing(
            "The benchmark needs an embedder that tells the vectors of tokens: the embedded one."
        )
    rowids, vectors = library.vectors()
    names, sketches = library.document_of(rowids), library.sketches(rowids)
    kept = [sketches.get(rowid, b"") for rowid in rowids.tolist()]
    shape = len(questions), len(rowids)
    found = Signals(
        list(questions),
        np.array([names[rowid] for rowid in rowids.tolist()]),
        vectors,
        np.zeros((len(questions), vectors.shape[1]), np.float32),
        np.zeros(shape, np.float32),
        np.zeros(shape, np.float32),
        np.full(shape, np.nan, np.float32),
    )

    def one(row: int) -> None:
        vector, tokens = embedder.embed_query_tokens(questions[row])
        words = searcher.lexical.search(questions[row], LEXICAL_DEPTH)
        found.question_vectors[row] = vector
        found.cosines[row] = vectors @ vector
        found.bm25[row, np.searchsorted(rowids, words.rowids)] = words.scores
        scores = fused_scores(found.cosines[row], found.bm25[row])
        best = np.argsort(-scores, kind="stable")[:_DEEPEST_MATCH]
        found.matches[row, best] = best_matches(tokens, [kept[place] for place in best.tolist()])

    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(one, range(len(questions))):
            pass
    return found


def cluster_recall(signals: Signals, probes: int | None = None) -> dict[str, float]:
    """How many of each question's ten nearest passages an index of clusters finds, as libraries beyond `FLAT_LIMIT` have one."""
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


def dense(signals: Signals) -> Scores:
    """The cosine alone."""
    return signals.cosines


def words(signals: Signals) -> Scores:
    """BM25 alone."""
    return signals.bm25


def reciprocal_ranks(signals: Signals) -> Scores:
    """Reciprocal rank fusion of the best `DEPTH` of either side: `sum of 1 / (60 + rank)`.

    Source: Cormack, Clarke and Buettcher, SIGIR 2009.
    """
    return np.asarray(_reciprocals(signals.cosines) + _reciprocals(signals.bm25), np.float32)


def min_max(signals: Signals) -> Scores:
    """Either side scaled to [0, 1] per question, and averaged: the usual convex combination."""
    return np.asarray((_scaled(signals.cosines) + _scaled(signals.bm25)) / 2, np.float32)


def product(
    signals: Signals,
    *,
    lexical: float = LEXICAL_WEIGHT,
    match: float = MATCH_WEIGHT,
    depth: int = MATCH_DEPTH,
) -> Scores:
    """The product's own sum, with its weights or others; a weight of 0 leaves a part out."""
    scores = fused_scores(signals.cosines, signals.bm25, lexical)
    return _matched(signals, scores, match, depth)


def feedback(signals: Signals) -> Scores:
    """The product's sum after the question's vector was moved towards its best three passages.

    Source: Rocchio 1971, with the best passages taken for relevant (pseudo-relevance feedback).
    """
    first = product(signals)
    moved = np.empty_like(signals.cosines)
    for row, scores in enumerate(first):
        best = np.argsort(-scores, kind="stable")[:_FEEDBACK_PASSAGES]
        vector = signals.question_vectors[row] + _FEEDBACK_WEIGHT * signals.vectors[best].mean(axis=0)
        moved[row] = signals.vectors @ (vector / np.linalg.norm(vector))
    return np.asarray(first + moved - signals.cosines, np.float32)


def neighbours(signals: Signals) -> Scores:
    """The product's sum, a fifth of it taken from the passages before and after in the same document."""
    scores = product(signals)
    same = signals.documents[1:] == signals.documents[:-1]
    before, after = scores.copy(), scores.copy()
    before[:, 1:][:, same] = scores[:, :-1][:, same]
    after[:, :-1][:, same] = scores[:, 1:][:, same]
    return np.asarray((1 - _NEIGHBOUR_WEIGHT) * scores + _NEIGHBOUR_WEIGHT * (before + after) / 2, np.float32)


def identifiers(signals: Signals) -> Scores:
    """The product's sum with BM25 counted twice where the question holds an identifier, a number or code."""
    twice = np.array([bool(_IDENTIFIER.search(text)) for text in signals.questions])
    return np.where(twice[:, None], product(signals, lexical=2 * LEXICAL_WEIGHT), product(signals))


WAYS: dict[str, Callable[[Signals], Scores]] = {
    "dense": dense,
    "BM25": words,
    "RRF (k=60)": reciprocal_ranks,
    "min-max 0.5": min_max,
    "cosine + BM25": partial(product, match=0.0),
    "cosine + token matches": partial(product, lexical=0.0),
    "all three (default)": product,
    "BM25 weight halved": partial(product, lexical=LEXICAL_WEIGHT / 2),
    "BM25 weight doubled": partial(product, lexical=LEXICAL_WEIGHT * 2),
    "match weight halved": partial(product, match=MATCH_WEIGHT / 2),
    "match weight doubled": partial(product, match=MATCH_WEIGHT * 2),
    "25 matched": partial(product, depth=25),
    "50 matched": partial(product, depth=50),
    "200 matched": partial(product, depth=_DEEPEST_MATCH),
    "+ pseudo-relevance feedback": feedback,
    "+ neighbours": neighbours,
    "+ BM25 twice for identifiers": identifiers,
}
PLAIN = ("dense", "BM25", "RRF (k=60)")


def _matched(signals: Signals, scores: Scores, weight: float, depth: int) -> Scores:
    """`scores` with the token matches of the best `depth` of each question."""
    total = np.empty_like(scores)
    for row in range(len(scores)):
        matches = np.full(scores.shape[1], np.nan, np.float32)
        best = np.argsort(-scores[row], kind="stable")[:depth]
        matches[best] = signals.matches[row, best]
        total[row] = with_matches(scores[row], matches, weight) if weight else scores[row]
    return total


def _reciprocals(scores: Scores) -> Scores:
    """`1 / (60 + rank)` of the best `DEPTH` passages with a score above 0, 0 for the others."""
    found = np.zeros_like(scores)
    for row, values in enumerate(scores):
        best = np.argsort(-values, kind="stable")[:DEPTH]
        ranks = 1.0 / (RRF_K + 1 + np.arange(len(best)))
        found[row, best] = np.where(values[best] > 0, ranks, 0.0)
    return found


def _scaled(scores: Scores) -> Scores:
    """The best `DEPTH` of each question scaled to [0, 1], 0 for the others."""
    kept = min(DEPTH, scores.shape[1])
    low = np.partition(scores, -kept, axis=1)[:, -kept][:, None]
    high = scores.max(axis=1, keepdims=True)
    return np.asarray(np.clip((scores - low) / np.maximum(high - low, 1e-9), 0.0, 1.0), np.float32)
