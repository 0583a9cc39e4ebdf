"""The scores of a ranking against gold spans: by hand, and equal to ir_measures."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from eval.golden.golden_file import GoldenQuestion
from eval.metrics.retrieval_scores import retrieval_record, retrieval_scores
from rag.types import Hit

A, B, C = ("n.md", 0, 100), ("n.md", 100, 200), ("m.md", 0, 100)


def test_by_hand() -> None:
    scores = retrieval_scores([C, A, ("m.md", 100, 200), B], [A, B])
    assert scores["recall@1"] == 0.0
    assert scores["recall@3"] == pytest.approx(1 / 2)
    assert scores["recall@5"] == 1.0
    assert scores["precision@5"] == pytest.approx(2 / 5)
    assert (scores["hit@1"], scores["hit@5"]) == (0.0, 1.0)
    assert scores["mrr@10"] == pytest.approx(1 / 2)
    # DCG: 1 / log2(3) + 1 / log2(5); ideal: 1 / log2(2) + 1 / log2(3)
    assert scores["ndcg@10"] == pytest.approx((0.6309297536 + 0.4306765581) / (1 + 0.6309297536), abs=1e-9)


def test_nothing_found_scores_zero_and_no_gold_scores_nothing() -> None:
    assert set(retrieval_scores([], [A]).values()) == {0.0}
    assert set(retrieval_scores([A], []).values()) == {None}


def test_one_passage_with_both_spans_is_a_perfect_ranking() -> None:
    scores = retrieval_scores([("n.md", 0, 200)], [A, B])
    assert scores["recall@1"] == scores["ndcg@10"] == 1.0


def test_equal_to_ir_measures() -> None:
    ir = pytest.importorskip("ir_measures")
    generator = random.Random(3)
    for _ in range(50):
        gold = [
            ("n.md", 100 * i, 100 * i + 100) for i in generator.sample(range(30), generator.randint(1, 4))
        ]
        ranked = [
            ("n.md", 100 * i, 100 * i + 100) for i in generator.sample(range(30), generator.randint(1, 12))
        ]
        qrels = [ir.Qrel("q", str(span), 1) for span in gold]
        run = [ir.ScoredDoc("q", str(span), -float(rank)) for rank, span in enumerate(ranked)]
        measures = {
            "recall@5": ir.R @ 5,
            "recall@10": ir.R @ 10,
            "precision@5": ir.P @ 5,
            "hit@5": ir.Success @ 5,
            "mrr@10": ir.RR @ 10,
            "ndcg@10": ir.nDCG @ 10,
        }
        found = ir.calc_aggregate(list(measures.values()), qrels, run)
        scores = retrieval_scores(ranked, gold)
        for name, measure in measures.items():
            assert scores[name] == pytest.approx(found[measure], abs=1e-6), name


def test_a_record_keeps_what_was_found_and_which_gold_it_holds(
    make_question: Callable[..., GoldenQuestion], make_hit: Callable[..., Hit]
) -> None:
    hits = [make_hit("elsewhere", document="m.md"), make_hit("0123456789 and more")]
    record = retrieval_record(make_question(), [("note.md", 0, 10)], lambda _: hits)
    assert record.scores["mrr@10"] == 0.5
    assert [hit["held"] for hit in record.details["hits"]] == [[], [0]]
    assert record.group == "note.md"
