"""The scores of one ranking of passages against gold spans."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

from eval.golden.gold_match import Span, novel_gains, overlaps, relevance
from eval.golden.golden_file import GoldenQuestion, GoldSpan
from eval.metrics.ranking_metrics import hit_at_k, ndcg_at_k, precision_at_k, reciprocal_rank
from eval.records import Record, Scores, record_of
from rag.types import Hit

RECALL_AT = (1, 3, 5, 10)
DEPTH = 10
SHOWN_CHARS = 2000
"""Characters of each passage that a record keeps for the report."""


def retrieval_scores(passages: Sequence[Span], gold: Sequence[Span]) -> Scores:
    """Return recall@k, precision@5, hit@1, hit@5, mrr@10 and ndcg@10 of a ranking.

    All are 0.0 without passages. A gold span counts once, at the first passage that overlaps it. The ideal
    order of nDCG has every found passage first and one passage for each span that was missed. Without gold
    every value is None.
    """
    names = [f"recall@{k}" for k in RECALL_AT] + [
        "precision@5",
        "hit@1",
        "hit@5",
        f"mrr@{DEPTH}",
        f"ndcg@{DEPTH}",
    ]
    if not gold:
        return dict.fromkeys(names)
    spans = list(dict.fromkeys(gold))
    gains = novel_gains(passages, spans)
    relevant = relevance(passages, spans)
    missed = [1.0] * round(len(spans) - sum(gains))
    ideal = sorted([*(gain for gain in gains if gain), *missed], reverse=True)
    recalls = [sum(gains[:k]) / len(spans) for k in RECALL_AT]
    others = [
        precision_at_k(relevant, 5),
        hit_at_k(relevant, 1),
        hit_at_k(relevant, 5),
        reciprocal_rank(relevant, DEPTH),
        ndcg_at_k(gains, ideal, DEPTH),
    ]
    return dict(zip(names, [*recalls, *others], strict=True))


def span_of(hit: Hit) -> Span:
    """Return the span of a hit."""
    return (hit.chunk.document, hit.chunk.start, hit.chunk.end)


def hit_object(hit: Hit, gold: Sequence[Span]) -> dict[str, Any]:
    """Return the part of a hit that a record keeps.

    It has the place, text and scores, and the numbers of the gold spans that it overlaps.
    """
    return {
        "document": hit.chunk.document,
        "locator": str(hit.chunk.locator),
        "start": hit.chunk.start,
        "end": hit.chunk.end,
        "score": float(hit.score),
        "dense_score": None if hit.why.dense_score is None else float(hit.why.dense_score),
        "held": [number for number, span in enumerate(gold) if overlaps(span_of(hit), span)],
        "text": hit.chunk.text[:SHOWN_CHARS],
    }


def retrieval_record(
    question: GoldenQuestion, gold: Sequence[Span], search: Callable[[GoldenQuestion], Sequence[Hit]]
) -> Record:
    """Return the record of one question put to `search` (best passage first)."""
    started = perf_counter()
    hits = search(question)
    seconds = perf_counter() - started
    details = {
        "hits": [hit_object(hit, gold) for hit in hits[:DEPTH]],
        "gold": [gold_object(span) for span in question.gold],
    }
    return record_of(question, retrieval_scores([span_of(hit) for hit in hits], gold), seconds, details)


def gold_object(span: GoldSpan) -> dict[str, Any]:
    """Return the part of a gold span that a record keeps."""
    return {"document": span.document, "start": span.start, "end": span.end, "text": span.text[:SHOWN_CHARS]}
