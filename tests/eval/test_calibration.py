"""The gate's threshold: chosen for a target by counting, between two confidences, written only when told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from eval.calibration import Confidence, calibrate, question_confidence, write_gate_score
from eval.golden.golden_file import GoldenQuestion
from rag.errors import DatasetError, SettingsError
from rag.types import Hit

ROWS = [
    Confidence("a", 0.9, False, True),
    Confidence("b", 0.7, False, True),
    Confidence("c", 0.5, True, False),
    Confidence("d", 0.4, False, True),
    Confidence("e", 0.2, True, False),
]


def test_the_strictest_threshold_that_refuses_few_enough() -> None:
    nothing_lost = calibrate(ROWS, 0.3, max_refused=0.0)
    assert nothing_lost.chosen is not None and nothing_lost.chosen.threshold == 0.4
    assert nothing_lost.threshold == pytest.approx((0.4 + 0.2) / 2)
    a_third = calibrate(ROWS, 0.3, max_refused=0.34)
    assert a_third.threshold == pytest.approx((0.7 + 0.5) / 2)


def test_the_threshold_is_a_short_number_even_between_close_confidences() -> None:
    close = [Confidence("a", 0.48102, False, True), Confidence("b", 0.48001, True, False)]
    assert (
        calibrate(close, 0.3, max_refused=0.0).threshold == 0.481
    )  # half-way is 0.480515; 0.48 would let b in
    assert calibrate(ROWS, 0.3, max_refused=0.0).threshold == 0.3


def test_the_widest_coverage_that_errs_seldom_enough() -> None:
    # answering a, b, c, d has risk 1/4; all five 2/5
    result = calibrate(ROWS, 0.3, target_risk=0.25)
    assert result.chosen is not None
    assert (result.chosen.coverage, result.chosen.risk) == (4 / 5, 1 / 4)


def test_a_target_out_of_reach_chooses_nothing() -> None:
    wrong = [Confidence("a", 0.9, False, False), Confidence("b", 0.5, True, False)]
    result = calibrate(wrong, 0.3, target_risk=0.1)
    assert (result.chosen, result.threshold) == (None, None)


def test_what_the_present_threshold_does() -> None:
    now = calibrate(ROWS, 0.45).current
    assert now.refused_answerable == pytest.approx(1 / 3)
    assert now.answered_unanswerable == pytest.approx(1 / 2)
    assert (now.coverage, now.risk) == (3 / 5, 1 / 3)


def test_both_kinds_of_questions_are_needed() -> None:
    with pytest.raises(DatasetError, match="has no unanswerable questions"):
        calibrate(ROWS[:2], 0.3)
    with pytest.raises(DatasetError, match="has no answerable questions"):
        calibrate([ROWS[2]], 0.3)


def test_found_means_among_the_passages_shown(
    make_question: Callable[..., GoldenQuestion], make_hit: Callable[..., Hit]
) -> None:
    hits = [make_hit("elsewhere", document="m.md"), make_hit("0123456789")]
    gold = [("note.md", 0, 10)]
    assert question_confidence(make_question(), hits, gold, 2, 0.4) == Confidence("q1", 0.4, False, True)
    assert not question_confidence(make_question(), hits, gold, 1, 0.4).found
    assert question_confidence(make_question(), [], gold, 4, None).score == -1.0


def test_writing_keeps_what_else_the_file_says(tmp_path: Path) -> None:
    path = tmp_path / "lectern.toml"
    path.write_text(
        "# mine\n[answer]\npassages = 3 # few\ngate_score = 0.1\n[retrieval]\nk = 5\n", encoding="utf-8"
    )
    write_gate_score(path, 0.27)
    assert path.read_text() == "# mine\n[answer]\npassages = 3 # few\ngate_score = 0.27\n[retrieval]\nk = 5\n"
    write_gate_score(tmp_path / "new.toml", 0.5)
    assert (tmp_path / "new.toml").read_text() == "[answer]\ngate_score = 0.5\n"


def test_a_broken_settings_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "lectern.toml"
    path.write_text("[answer\n")
    with pytest.raises(SettingsError, match="not valid TOML"):
        write_gate_score(path, 0.2)
    assert path.read_text() == "[answer\n"
