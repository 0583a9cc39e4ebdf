"""How two searches become one ranking: knows how far each side's scores may be trusted.

A cosine is comparable from question to question and so is BM25 under one tokenizer: their own scales say how sure each side
is. Normalising per query throws that away (a question whose words are nowhere in the notes would still get a lexical score
of 1 for its best passage), and that is what makes reciprocal rank fusion lose to its best part. Here BM25 is added to the
cosine on its own scale. Left out, because the ablation of `make bench-retrieval` shows too little for their cost: BM25 counted
twice where a question holds an identifier, a number or code, pseudo-relevance feedback, and the scores of neighbours.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEXICAL_WEIGHT = 0.02
"""Cosine that one point of BM25 is worth. Source: a sweep over four development sets, checked by leaving each out in turn;
`make bench-retrieval` (quality) prints nDCG@10 with this weight halved and doubled."""
MATCH_WEIGHT = 1.5
"""Cosine that a whole token match is worth. Source: as for `LEXICAL_WEIGHT`."""

Scores = NDArray[np.float32]


def fused_scores(cosines: Scores, bm25: Scores, weight: float = LEXICAL_WEIGHT) -> Scores:
    """`cosine + weight * BM25` for candidates in the same order; higher is better."""
    return np.asarray(cosines + weight * bm25, np.float32)


def with_matches(scores: Scores, matches: Scores, weight: float = MATCH_WEIGHT) -> Scores:
    """`scores + weight * match`; a candidate whose match is unknown (NaN) counts as the worst that is known.

    Without any known match the scores stay as they are.
    """
    if np.isnan(matches).all():
        return scores
    return np.asarray(scores + weight * np.where(np.isnan(matches), np.nanmin(matches), matches), np.float32)
