"""The measures of one ranking, each from the gains of its items, best first.

A gain is the value of a returned passage or document (0 for nothing; 1, or a grade, for relevant). Passages
that were not returned are absent, so an empty ranking scores 0 and never vanishes from a mean. Checked
against `ir_measures` (which runs trec_eval's own code) in `tests/eval/metrics/test_ranking_metrics.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log2


def recall_at_k(gains: Sequence[float], relevant: int, k: int) -> float:
    """Return the share of the `relevant` items among the first `k`; 0.0 without any.

    Source: Manning, Raghavan and Schütze, Introduction to Information Retrieval, 8.3; trec_eval's `recall`.
    """
    return sum(gain > 0 for gain in gains[:k]) / relevant if relevant > 0 else 0.0


def precision_at_k(gains: Sequence[float], k: int) -> float:
    """Return the share of `k` places with something relevant.

    Places left empty count as wrong.

    Source: Manning, Raghavan and Schütze, 8.4; trec_eval's `P`.
    """
    return sum(gain > 0 for gain in gains[:k]) / k if k > 0 else 0.0


def hit_at_k(gains: Sequence[float], k: int) -> float:
    """Return 1.0 if any of the first `k` is relevant, else 0.0.

    Source: trec_eval's `success`.
    """
    return float(any(gain > 0 for gain in gains[:k]))


def reciprocal_rank(gains: Sequence[float], k: int) -> float:
    """Return 1 / rank of the first relevant item among the first `k`, else 0.0.

    Its mean is MRR@k.

    Source: Voorhees, The TREC-8 Question Answering Track Report, 1999; trec_eval's `recip_rank` with a cut.
    """
    return next((1.0 / rank for rank, gain in enumerate(gains[:k], start=1) if gain > 0), 0.0)


def dcg_at_k(gains: Sequence[float], k: int) -> float:
    """Return the sum of `gain / log2(rank + 1)` over the first `k`.

    Source: Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, TOIS 2002, with the discount and the
    linear gain of trec_eval's `ndcg_cut`.
    """
    return sum(gain / log2(rank + 1) for rank, gain in enumerate(gains[:k], start=1) if gain > 0)


def ndcg_at_k(gains: Sequence[float], ideal: Sequence[float], k: int) -> float:
    """Return the ranking's DCG over the best possible one's.

    `ideal` has the grades of all relevant items in any order.

    0.0 if nothing is relevant. Source: as `dcg_at_k`.
    """
    best = dcg_at_k(sorted(ideal, reverse=True), k)
    return dcg_at_k(gains, k) / best if best > 0 else 0.0
