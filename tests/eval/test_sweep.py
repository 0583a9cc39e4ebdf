"""Sweeps: every combination, and the cheapest that is not significantly worse than the best."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from eval.records import Record
from eval.sweep import Candidate, combinations, parse_vary, placed
from rag.errors import InputError


def test_combinations_change_the_first_key_slowest() -> None:
    varied = parse_vary(["chunk.target_tokens=100, 200", "retrieval.k=5"])
    assert list(combinations(varied)) == [
        (("chunk.target_tokens", "100"), ("retrieval.k", "5")),
        (("chunk.target_tokens", "200"), ("retrieval.k", "5")),
    ]


@pytest.mark.parametrize("texts", [[], ["k"], ["=5"]])
def test_what_is_no_knob_is_refused(texts: list[str]) -> None:
    with pytest.raises(InputError, match="--vary"):
        parse_vary(texts)


def test_the_cheapest_of_those_as_good_as_the_best(make_record: Callable[..., Record]) -> None:
    def candidate(name: str, seconds: float, right: int) -> Candidate:
        records = [make_record(str(i), recall=float(i < right)) for i in range(40)]
        return Candidate((("k", name),), records, seconds)

    result = placed(
        [candidate("cheap", 0.1, 37), candidate("best", 1.0, 38), candidate("bad", 0.01, 20)], "recall@5"
    )
    assert [place.candidate.name for place in result.placings] == ["k=best", "k=cheap", "k=bad"]
    assert [place.worse for place in result.placings] == [False, False, True]
    assert result.placings[2].p_value < 0.001
    assert result.recommended.candidate.name == "k=cheap"


def test_a_metric_that_nobody_scored_is_named(make_record: Callable[..., Record]) -> None:
    with pytest.raises(InputError, match="there are recall@5"):
        placed([Candidate((("k", "1"),), [make_record("a", recall=1.0)], 1.0)], "f1")
