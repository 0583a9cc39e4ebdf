"""The fusion of two searches into one ranking, on the scores' own scales.

A cosine is comparable from question to question and so is BM25 under one tokenizer: their own scales express
how sure each side is. Normalising per query throws that away (a question whose words are nowhere in the notes
would still get a lexical score of 1 for its best passage), and that is what makes reciprocal rank fusion lose
to its best part. Here BM25 is added to the cosine on its own scale. Left out, because the ablation of `make
bench-retrieval` shows too little for their cost: BM25 counted twice where a question has an identifier, a
number or code, pseudo-relevance feedback, and the scores of neighbours.
"""

from __future__ import annotations

import numpy as np

from rag.aliases import Scores

LEXICAL_WEIGHT = 0.02
"""Cosine that one point of BM25 is worth. Source: a sweep over four development sets, checked by leaving each out in turn;
`make bench-retrieval` (quality) prints nDCG@10 with this weight halved and doubled."""
MATCH_WEIGHT = 1.5
"""Cosine that a whole token match is worth. Source: as for `LEXICAL_WEIGHT`."""

LEAD_RATIO = 2.0
"""Ratio of BM25 scores from which a passage leads by its words.

Such a question has a name that this passage alone has, beside words that many have: a row of a table, among the
measurements of other things. Of 1,581 questions of four development sets it moves two, and no nDCG@10, hit@4 or
hit@8 changes; 1.5 moves 16 and loses 0.002 of hit@4 on mlquestions-dev. Source: `make bench-retrieval`, quality.
"""
LEAD_PLACE = 4
"""Place of that passage: the last one that is quoted from by default."""


def fused_scores(cosines: Scores, bm25: Scores, weight: float = LEXICAL_WEIGHT) -> Scores:
    """Return `cosine + weight * BM25` for candidates in one order; higher is better."""
    return np.asarray(cosines + weight * bm25, np.float32)


def with_matches(scores: Scores, matches: Scores, weight: float = MATCH_WEIGHT) -> Scores:
    """Return `scores + weight * match`.

    A candidate whose match is unknown (NaN) counts as the worst that is known. Without any known match the
    scores stay as they are.
    """
    if np.isnan(matches).all():
        return scores
    return np.asarray(scores + weight * np.where(np.isnan(matches), np.nanmin(matches), matches), np.float32)


def with_word_lead(scores: Scores, bm25: Scores) -> Scores:
    """Return `scores`, the passage that leads by its words raised to `LEAD_PLACE`.

    A passage leads if each of the first `LEAD_PLACE` has at most 1 / `LEAD_RATIO` of its BM25.
    """
    if len(scores) <= LEAD_PLACE:
        return scores
    lead = int(np.argmax(bm25))
    first = np.argsort(-scores, kind="stable")[:LEAD_PLACE]
    if lead in first or bm25[lead] <= 0 or (bm25[first] * LEAD_RATIO > bm25[lead]).any():
        return scores
    raised = scores.copy()
    raised[lead] = (scores[first[-2]] + scores[first[-1]]) / 2
    return raised
