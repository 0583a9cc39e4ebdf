"""The gate refuses on the distance of the nearest passage and says so."""

from collections.abc import Callable
from dataclasses import replace

from rag.gate import decide
from rag.settings import AnswerSettings
from rag.types import Hit

SETTINGS = AnswerSettings(gate_score=0.4, gate_cosine=0.3)


def test_nothing_found_is_refused() -> None:
    assert not decide([], SETTINGS).answer


def test_the_best_cosine_decides(make_hit: Callable[..., Hit]) -> None:
    near, far = make_hit("near", cosine=0.31), make_hit("far", cosine=0.29)
    assert decide([far, near], SETTINGS).answer
    refused = decide([far], SETTINGS)
    assert (refused.answer, refused.score) == (False, 0.29)
    assert "0.29" in refused.reason
    assert "0.30" in refused.reason


def test_a_token_match_counts_before_the_cosine(make_hit: Callable[..., Hit]) -> None:
    hit = make_hit("far by cosine", cosine=0.1)
    near = replace(hit, why=replace(hit.why, match_score=0.41))
    far = replace(hit, why=replace(hit.why, dense_score=0.9, match_score=0.39))
    assert decide([near], SETTINGS).answer
    refused = decide([far], SETTINGS)
    assert (refused.answer, refused.score) == (False, 0.39)


def test_a_foreign_retriever_and_a_gate_switched_off_pass(make_hit: Callable[..., Hit]) -> None:
    assert decide([make_hit("x", cosine=None)], SETTINGS).answer
    assert decide([make_hit("far", cosine=0.0)], AnswerSettings(gate=False)).answer
