"""Ways to rank passages, computed from the scores of the product's own searches.

One pass of searching serves every way. A way takes the `RankingSignals` of a set of questions over one
library and returns a score for every question and passage.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.retrieval.signals import DEEPEST_MATCH, RankingSignals, Scores
from rag.search.fusion import LEXICAL_WEIGHT, MATCH_WEIGHT, fused_scores, with_matches, with_word_lead
from rag.search.index import LEXICAL_DEPTH
from rag.search.searcher import MATCH_DEPTH

DEPTH = 100
"""Passages that either search hands to a fusion of ranks, as `retrieval.depth` is."""
_FEEDBACK_PASSAGES, _FEEDBACK_WEIGHT = 3, 0.3
_NEIGHBOUR_WEIGHT = 0.2
_NEAR_DUPLICATE = 0.98
_LAST = 100.0
"""More than any two scores differ."""
_RARE_PASSAGES, _RARE_SHARE = 3, 0.001
RRF_K = 60
"""The constant of reciprocal rank fusion.

Source: Cormack, Clarke and Buettcher, "Reciprocal Rank Fusion outperforms Condorcet", SIGIR 2009.
"""
_IDENTIFIER = re.compile(r"\d|\w_\w|[a-z][A-Z]|\w\.\w|[`<>{}()=]|::|->")
"""Digits, snake_case, camelCase, dotted names and the signs of code."""
_WHOLE_QUESTION = re.compile(
    r"^\s*(?:what|how|why|when|where|which|who|is|are|do|does|did|can|could|should)\b|\?\s*$", re.IGNORECASE
)
"""A question in a sentence, and not as a few words."""


def dense(signals: RankingSignals) -> Scores:
    """The cosine alone."""
    return signals.cosines


def words(signals: RankingSignals) -> Scores:
    """BM25 alone."""
    return signals.bm25


def reciprocal_ranks(signals: RankingSignals, *, depth: int = DEPTH) -> Scores:
    """Return the reciprocal rank fusion of the best `depth` of either side.

    It is the sum of `1 / (60 + rank)`. Source: as for `RRF_K`.
    """
    sides = (_reciprocals(side, depth) for side in (signals.cosines, signals.bm25))
    return np.asarray(sum(sides), np.float32)


def min_max(signals: RankingSignals, *, lexical: float = 0.5) -> Scores:
    """Return the usual convex combination of cosine and BM25.

    Either side is scaled to [0, 1] per question, and `lexical` is the share of BM25.
    """
    sides = (1 - lexical) * _scaled(signals.cosines) + lexical * _scaled(signals.bm25)
    return np.asarray(sides, np.float32)


def product(
    signals: RankingSignals,
    *,
    lexical: float = LEXICAL_WEIGHT,
    match: float = MATCH_WEIGHT,
    depth: int = MATCH_DEPTH,
) -> Scores:
    """Return the product's own sum, with its weights or others.

    A weight of 0 leaves a part out.
    """
    scores = fused_scores(signals.cosines, signals.bm25, lexical)
    return _matched(signals, scores, match, depth)


def feedback(signals: RankingSignals) -> Scores:
    """Return the product's sum after one round of pseudo-relevance feedback.

    The question's vector is moved towards its best three passages.

    Source: Rocchio 1971, with the best passages taken as relevant.
    """
    first = product(signals)
    moved = np.empty_like(signals.cosines)
    for row, scores in enumerate(first):
        best = np.argsort(-scores, kind="stable")[:_FEEDBACK_PASSAGES]
        vector = signals.question_vectors[row] + _FEEDBACK_WEIGHT * signals.vectors[best].mean(axis=0)
        moved[row] = signals.vectors @ (vector / np.linalg.norm(vector))
    return np.asarray(first + moved - signals.cosines, np.float32)


def neighbours(signals: RankingSignals) -> Scores:
    """Return the product's sum, a fifth of it from neighbours in the document.

    The neighbours are the passages before and after. Showing them with a passage changes no document's rank;
    that is measured in `chunking`, at equal tokens.
    """
    scores = product(signals)
    same = signals.documents[1:] == signals.documents[:-1]
    before, after = scores.copy(), scores.copy()
    before[:, 1:][:, same] = scores[:, :-1][:, same]
    after[:, :-1][:, same] = scores[:, 1:][:, same]
    return np.asarray((1 - _NEIGHBOUR_WEIGHT) * scores + _NEIGHBOUR_WEIGHT * (before + after) / 2, np.float32)


def identifiers(signals: RankingSignals) -> Scores:
    """Return the product's sum with BM25 counted twice for identifiers.

    These are questions with an identifier, a number or code.
    """
    twice = np.array([bool(_IDENTIFIER.search(text)) for text in signals.questions])
    return _weighted(signals, twice, 2.0)


def rare_words(signals: RankingSignals) -> Scores:
    """Return the product's sum with BM25 counted twice for rare words.

    A word is rare if it is in at most three passages or a thousandth of them.
    """
    most = max(_RARE_PASSAGES, _RARE_SHARE * signals.cosines.shape[1])
    return _weighted(signals, (signals.rarest > 0) & (signals.rarest <= most), 2.0)


def question_form(signals: RankingSignals) -> Scores:
    """Return the product's sum with BM25 halved for questions that are sentences."""
    return _weighted(
        signals, np.array([bool(_WHOLE_QUESTION.search(text)) for text in signals.questions]), 0.5
    )


def exact_matches(signals: RankingSignals) -> Scores:
    """Return the product's sum with tokens matched by their whole vectors.

    The product keeps only the signs of the vectors.
    """
    return product(replace(signals, matches=signals.exact))


def copies_last(signals: RankingSignals, *, cosine: float | None = None) -> Scores:
    """Return the product's sum with copies after all other passages.

    A copy has the text of a better passage, or a vector as near to it as `cosine`.
    """
    scores = product(signals)
    for row in scores:
        best = np.argsort(-row, kind="stable")[: 2 * DEPTH]
        row[best[_repeated(signals, best, cosine)]] -= _LAST
    return scores


def word_leads(signals: RankingSignals) -> Scores:
    """Return the product's sum with the leader by words among the first four."""
    rows = zip(product(signals), signals.bm25, strict=True)
    return np.stack([with_word_lead(scores, bm25) for scores, bm25 in rows])


ALL_THREE = "all three, without copy removal"
WAYS: dict[str, Callable[[RankingSignals], Scores]] = {
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
    "+ copies last": copies_last,
    "+ the lead of the words": word_leads,
    f"+ near-duplicates last ({_NEAR_DUPLICATE})": partial(copies_last, cosine=_NEAR_DUPLICATE),
    "BM25 weight halved": partial(product, lexical=LEXICAL_WEIGHT / 2),
    "BM25 weight doubled": partial(product, lexical=LEXICAL_WEIGHT * 2),
    "match weight halved": partial(product, match=MATCH_WEIGHT / 2),
    "match weight doubled": partial(product, match=MATCH_WEIGHT * 2),
    "25 matched": partial(product, depth=25),
    "50 matched": partial(product, depth=50),
    "200 matched": partial(product, depth=DEEPEST_MATCH),
    "exact MaxSim, no sketches": exact_matches,
    "+ pseudo-relevance feedback": feedback,
    "+ neighbours": neighbours,
    "+ BM25 twice for identifiers": identifiers,
    "+ BM25 twice for rare words": rare_words,
    "+ BM25 halved for sentences": question_form,
}
PLAIN = ("dense", "BM25", "RRF (k=60)")


def _matched(signals: RankingSignals, scores: Scores, weight: float, depth: int) -> Scores:
    """`scores` with the token matches of the best `depth` of each question."""
    total = np.empty_like(scores)
    for row in range(len(scores)):
        matches = np.full(scores.shape[1], np.nan, np.float32)
        best = np.argsort(-scores[row], kind="stable")[:depth]
        matches[best] = signals.matches[row, best]
        total[row] = with_matches(scores[row], matches, weight) if weight else scores[row]
    return total


def _weighted(signals: RankingSignals, chosen: NDArray[np.bool_], factor: float) -> Scores:
    """The product's sum, BM25 counted `factor` times in the `chosen` questions."""
    return np.where(chosen[:, None], product(signals, lexical=factor * LEXICAL_WEIGHT), product(signals))


def _repeated(signals: RankingSignals, best: NDArray[np.int64], cosine: float | None) -> NDArray[np.bool_]:
    """Return which of the passages, best first, repeat an earlier one.

    They have its text, or with `cosine` nearly its vector.
    """
    repeated = np.ones(len(best), np.bool_)
    repeated[np.unique(signals.texts[best], return_index=True)[1]] = False
    if cosine is not None:
        near = signals.vectors[best] @ signals.vectors[best].T >= cosine
        for place in range(len(best)):
            repeated[place] |= bool((near[place, :place] & ~repeated[:place]).any())
    return repeated


def _reciprocals(scores: Scores, depth: int) -> Scores:
    """Return `1 / (60 + rank)` of the best `depth` passages, 0 for the others.

    Passages with a score of 0 or less have 0 too.
    """
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
