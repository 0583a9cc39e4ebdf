"""An answer needs the scorer's probability, anything at all needs a passage that is near."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from rag.answer.tiers import decide_tier
from rag.settings import AnswerSettings
from rag.types import Hit, Tier

SETTINGS = AnswerSettings(
    gate_score=0.4, gate_cosine=0.3, quote_score=0.6, write_score=0.2, extract_score=0.15
)


@pytest.mark.parametrize(
    ("cosine", "probability", "quoted", "written"),
    [
        (0.31, 0.60, Tier.ANSWER, Tier.ANSWER),
        (0.31, 0.59, Tier.EXTRACT, Tier.ANSWER),
        (0.31, 0.19, Tier.EXTRACT, Tier.EXTRACT),
        (0.29, 0.60, Tier.ANSWER, Tier.ANSWER),  # the scorer may be surer than the search
        (0.29, 0.59, Tier.EXTRACT, Tier.ANSWER),
        (0.29, 0.15, Tier.EXTRACT, Tier.EXTRACT),
        (0.29, 0.14, Tier.NONE, Tier.NONE),
        (0.31, None, Tier.ANSWER, Tier.ANSWER),
        (0.29, None, Tier.NONE, Tier.NONE),
    ],
)
def test_tiers(
    make_hit: Callable[..., Hit], cosine: float, probability: float | None, quoted: Tier, written: Tier
) -> None:
    hits = [make_hit("far", cosine=0.1), make_hit("near", cosine=cosine)]
    assert decide_tier(hits, probability, SETTINGS, writes=False).tier is quoted
    assert decide_tier(hits, probability, SETTINGS, writes=True).tier is written


def test_nothing_found_is_nothing_shown() -> None:
    decision = decide_tier([], 0.9, SETTINGS, writes=True)
    assert (decision.tier, decision.answer, decision.score) == (Tier.NONE, False, None)


def test_the_reason_has_both_numbers(make_hit: Callable[..., Hit]) -> None:
    decision = decide_tier([make_hit("x", cosine=0.29)], 0.5, SETTINGS, writes=False)
    assert decision.reason == (
        "nearest passage at 0.29, threshold 0.30; answered with probability 0.50, needed 0.60"
    )
    assert (decision.score, decision.probability) == (0.29, 0.5)


def test_a_token_match_counts_before_the_cosine(make_hit: Callable[..., Hit]) -> None:
    hit = make_hit("far by cosine", cosine=0.1)
    near = replace(hit, why=replace(hit.why, match_score=0.41))
    far = replace(hit, why=replace(hit.why, dense_score=0.9, match_score=0.39))
    assert decide_tier([near], 0.0, SETTINGS, writes=False).tier is Tier.EXTRACT
    assert decide_tier([far], 0.0, SETTINGS, writes=False).tier is Tier.NONE


def test_a_foreign_retriever_and_a_gate_switched_off_are_never_too_far(make_hit: Callable[..., Hit]) -> None:
    assert decide_tier([make_hit("x", cosine=None)], 0.0, SETTINGS, writes=False).answer
    assert decide_tier([make_hit("far", cosine=0.0)], 0.0, AnswerSettings(gate=False), writes=False).answer
