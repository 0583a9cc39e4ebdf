"""Ways to rank passages, as arithmetic on what the product's own searches say of them: one pass of searching serves every way.

A way takes the `Signals` of a set of questions over one library and gives a score for every question and passage.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from rag import faiss_index
from rag.copies import plain_text
from rag.embedder import Embedder, TokenEmbedder
from rag.errors import ModelMissing
from rag.fusion import LEXICAL_WEIGHT, MATCH_WEIGHT, fused_scores, with_matches
from rag.passage import passage_text
from rag.search import LEXICAL_DEPTH, MATCH_DEPTH, Searcher
from rag.token_sketch import best_matches

Scores = NDArray[np.float32]
DEPTH = 100
"""Passages that either search hands to a fusion of ranks, as `retrieval.depth` is."""
_DEEPEST_MATCH = 2 * MATCH_DEPTH
_FEEDBACK_PASSAGES, _FEEDBACK_WEIGHT = 3, 0.3
_NEIGHBOUR_WEIGHT = 0.2
_NEAREST = 10
_NEAR_DUPLICATE = 0.98
_LAST = 100.0
"""More than any two scores differ."""
_RARE_PASSAGES, _RARE_SHARE = 3, 0.001
RRF_K = 60
"""Source: Cormack, Clarke and Buettcher, "Reciprocal Rank Fusion outperforms Condorcet", SIGIR 2009."""
_IDENTIFIER = re.compile(r"\d|\w_\w|[a-z][A-Z]|\w\.\w|[`<>{}()=]|::|->")
"""Digits, snake_case, camelCase, dotted names and the signs of code."""
_WHOLE_QUESTION = re.compile(
    r"^\s*(?:what|how|why|when|where|which|who|is|are|do|does|did|can|could|should)\b|\?\s*$", re.IGNORECASE
)
"""What a person asks in a sentence, and not as a few words."""


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of every question (rows) and passage (columns).

    `bm25` is 0 where no word is shared or beyond the product's depth, `matches` NaN where tokens were not matched, and so is
    `exact`, which is of the tokens' whole vectors. `documents` names each passage's document; passages of one document stand
    in reading order. `texts` is the same number for passages of the same text. `rarest` is how many passages hold the rarest
    of a question's words that any holds, 0 if none does.
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
    """The embedder as one that tells the vectors of tokens.

    Raises:
        ModelMissing: it does not.
    """
    if not isinstance(embedder, TokenEmbedder):
        raise ModelMissing(
            "The benchmark needs an embedder that tells the vectors of tokens: the embedded one."
        )
    return embedder


def collect(searcher: Searcher, questions: Sequence[str], *, exact: bool = False) -> Signals:
    """The signals of questions over a searcher's library; `exact` matches of tokens only if asked for, as they take minutes."""
    embedder, library = token_embedder(searcher.embedder), searcher.library
    rowids, vectors = library.vectors()
    chunks, sketches = library.chunks(rowids), library.sketches(rowids)
    kept = [sketches.get(rowid, b"") for rowid in rowids.tolist()]
    shape = len(questions), len(rowids)
    found = Signals(
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
        best = np.argsort(-scores, kind="stable")[:_DEEPEST_MATCH]
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


def reciprocal_ranks(signals: Signals, *, depth: int = DEPTH) -> Scores:
    """Reciprocal rank fusion of the best `depth` of either side: `sum of 1 / (60 + rank)`. Source: as for `RRF_K`."""
    sides = (_reciprocals(side, depth) for side in (signals.cosines, signals.bm25))
    return np.asarray(sum(sides), np.float32)


def min_max(signals: Signals, *, lexical: float = 0.5) -> Scores:
    """Either side scaled to [0, 1] per question, and a share of `lexical` taken of BM25: the usual convex combination."""
    sides = (1 - lexical) * _scaled(signals.cosines) + lexical * _scaled(signals.bm25)
    return np.asarray(sides, np.float32)


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
    """The product's sum, a fifth of it taken from the passages before and after in the same document.

    To show the neighbours of a passage with it changes no document's rank: that is measured in `chunking`, at equal tokens.
    """
    scores = product(signals)
    same = signals.documents[1:] == signals.documents[:-1]
    before, after = scores.copy(), scores.copy()
    before[:, 1:][:, same] = scores[:, :-1][:, same]
    after[:, :-1][:, same] = scores[:, 1:][:, same]
    return np.asarray((1 - _NEIGHBOUR_WEIGHT) * scores + _NEIGHBOUR_WEIGHT * (before + after) / 2, np.float32)


def identifiers(signals: Signals) -> Scores:
    """The product's sum with BM25 counted twice where the question holds an identifier, a number or code."""
    twice = np.array([bool(_IDENTIFIER.search(text)) for text in signals.questions])
    return _weighted(signals, twice, 2.0)


def rare_words(signals: Signals) -> Scores:
    """The product's sum with BM25 counted twice where a word of the question is in three passages or a thousandth of them."""
    most = max(_RARE_PASSAGES, _RARE_SHARE * signals.cosines.shape[1])
    return _weighted(signals, (signals.rarest > 0) & (signals.rarest <= most), 2.0)


def question_form(signals: Signals) -> Scores:
    """The product's sum with BM25 halved where the question is a sentence and not a few words."""
    return _weighted(
        signals, np.array([bool(_WHOLE_QUESTION.search(text)) for text in signals.questions]), 0.5
    )


def exact_matches(signals: Signals) -> Scores:
    """The product's sum with tokens matched by their whole vectors, of which the product keeps the signs."""
    return product(replace(signals, matches=signals.exact))


def copies_last(signals: Signals, *, cosine: float | None = None) -> Scores:
    """The product's sum, a passage after all others if a better one has its text, or a vector as near as `cosine`."""
    scores = product(signals)
    for row in scores:
        best = np.argsort(-row, kind="stable")[: 2 * DEPTH]
        row[best[_repeated(signals, best, cosine)]] -= _LAST
    return scores


ALL_THREE = "all three, without copy removal"
WAYS: dict[str, Callable[[Signals], Scores]] = {
    "dense": dense,
    "BM25": words,
    "RRF (k=60)": reciprocal_ranks,
    "RRF, depth 10": partial(reciprocal_ranks, depth=10),
    "RRF, depth 1000": partial(reciprocal_ranks, depth=LEXICAL_DEPTH),
    "min-max, 0.3 of BM25": partial(min_max, lexical=0.3),
    "min-max, 0.5 of BM25": min_max,
    "min-max, 0.7 of BM25": partial(min_max, lexical=0.7),
    "cosine + BM25": partial(product, match=0.0),
    "cosine + token matches": partial(product, lexical=0.0),
    ALL_THREE: product,
    "+ copies last (the default)": copies_last,
    f"+ near-duplicates last ({_NEAR_DUPLICATE})": partial(copies_last, cosine=_NEAR_DUPLICATE),
    "BM25 weight halved": partial(product, lexical=LEXICAL_WEIGHT / 2),
    "BM25 weight doubled": partial(product, lexical=LEXICAL_WEIGHT * 2),
    "match weight halved": partial(product, match=MATCH_WEIGHT / 2),
    "match weight doubled": partial(product, match=MATCH_WEIGHT * 2),
    "25 matched": partial(product, depth=25),
    "50 matched": partial(product, depth=50),
    "200 matched": partial(product, depth=_DEEPEST_MATCH),
    "exact MaxSim, no sketches": exact_matches,
    "+ pseudo-relevance feedback": feedback,
    "+ neighbours": neighbours,
    "+ BM25 twice for identifiers": identifiers,
    "+ BM25 twice for rare words": rare_words,
    "+ BM25 halved for sentences": question_form,
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


def _weighted(signals: Signals, chosen: NDArray[np.bool_], factor: float) -> Scores:
    """The product's sum, BM25 counted `factor` times in the `chosen` questions."""
    return np.where(chosen[:, None], product(signals, lexical=factor * LEXICAL_WEIGHT), product(signals))


def _repeated(signals: Signals, best: NDArray[np.int64], cosine: float | None) -> NDArray[np.bool_]:
    """Which of the passages, best first, have the text of an earlier one, or with `cosine` nearly its vector."""
    repeated = np.ones(len(best), np.bool_)
    repeated[np.unique(signals.texts[best], return_index=True)[1]] = False
    if cosine is not None:
        near = signals.vectors[best] @ signals.vectors[best].T >= cosine
        for place in range(len(best)):
            repeated[place] |= bool((near[place, :place] & ~repeated[:place]).any())
    return repeated


def _reciprocals(scores: Scores, depth: int) -> Scores:
    """`1 / (60 + rank)` of the best `depth` passages with a score above 0, 0 for the others."""
    found = np.zeros_like(scores)
    for row, values in enumerate(scores):
        best = np.argsort(-values, kind="stable")[:depth]
        ranks = 1.0 / (RRF_K + 1 + np.arange(len(best)))
        found[row, best] = np.where(values[best] > 0, ranks, 0.0)
    return found


def _scaled(scores: Scores) -> Scores:
    """The best `DEPTH` of each question scaled to [0, 1], 0 for the others."""
    kept = min(DEPTH, scores.shape[1])
    low = np.partition(scores, -kept, axis=1)[:, -kept][:, None]
    high = scores.max(axis=1, keepdims=True)
    return np.asarray(np.clip((scores - low) / np.maximum(high - low, 1e-9), 0.0, 1.0), np.float32)
