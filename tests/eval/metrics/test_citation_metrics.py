"""Citations against gold, and how much of an answer its passages hold."""

from __future__ import annotations

import pytest

from eval.metrics.citation_metrics import citation_precision, citation_recall, groundedness

GOLD = [("n.md", 0, 100), ("n.md", 200, 300)]


def test_precision_is_over_distinct_citations_recall_over_spans() -> None:
    cited = [("n.md", 20, 60), ("n.md", 20, 60), ("m.md", 0, 100), ("n.md", 500, 600)]
    assert citation_precision(cited, GOLD) == pytest.approx(1 / 3)
    assert citation_recall(cited, GOLD) == pytest.approx(1 / 2)


def test_nothing_cited_scores_zero() -> None:
    assert citation_precision([], GOLD) == 0.0
    assert citation_recall([], GOLD) == 0.0


def test_groundedness_counts_content_words_and_numbers() -> None:
    # content words of the answer: sampl, rate, 44100 (a number), invent -> 3 of 4 stand in the passage
    passage = "The sampling rate of a CD is 44,100 per second."
    assert groundedness("The sampling rate 44100 was invented [1].", [passage]) == pytest.approx(3 / 4)
    assert groundedness("The sampling rate 48000 was invented.", [passage]) == pytest.approx(2 / 4)


def test_groundedness_without_passages_or_words() -> None:
    assert groundedness("The rate.", []) == 0.0
    assert groundedness("It is so.", ["anything"]) == 1.0
