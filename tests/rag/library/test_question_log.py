"""The log of questions on a real database: switched off, kept for days, forgotten by the person, a clock that jumps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rag.library.question_log import FILE_NAME, LoggedQuestion, QuestionLog, SteadyClock

START = datetime(2026, 11, 1, 12, tzinfo=UTC)


def asked(day: int = 0, person: str = "p1", exchange: str = "e", question: str = "When?") -> LoggedQuestion:
    at = (START + timedelta(days=day)).isoformat()
    return LoggedQuestion(exchange, person, at, question, "answer", "owls.md", True, 0.7, 1.5)


@pytest.fixture
def log(tmp_path: Path) -> QuestionLog:
    return QuestionLog(tmp_path, keep_days=30)


def test_what_was_asked_comes_back_in_its_order(log: QuestionLog) -> None:
    entries = [asked(day, question=f"Question {day}?") for day in (0, 3, 1)]
    for entry in entries:
        log.add(entry)
    assert log.questions() == entries
    assert log.questions("2026-11-02") == entries[1:]
    assert log.damaged() == 0


def test_a_log_that_is_off_keeps_nothing(tmp_path: Path) -> None:
    off = QuestionLog(tmp_path, enabled=False)
    off.add(asked())
    assert not (tmp_path / FILE_NAME).exists()
    log = QuestionLog(tmp_path)
    log.add(asked())
    log.switch(False)
    log.add(asked())
    assert len(log.questions()) == 1
    log.switch(True)
    log.add(asked())
    assert len(QuestionLog(tmp_path).questions()) == 2


def test_a_person_deletes_their_questions_and_no_others(log: QuestionLog, tmp_path: Path) -> None:
    log.add(asked(person="ann", question="A secret zebra?"))
    log.add(asked(person="ben"))
    assert log.count_of("ann") == 1
    assert log.delete_of("ann") == 1
    assert [one.person for one in log.questions()] == ["ben"]
    assert log.delete_all() == 1
    assert log.questions() == []
    log.add(asked())


def test_a_verdict_is_for_ones_own_question(log: QuestionLog) -> None:
    log.add(asked(person="ann", exchange="e1"))
    log.judge("e1", "ben", "good")
    assert log.questions()[0].verdict == ""
    log.judge("e1", "ann", "wrong answer")
    assert log.questions()[0].verdict == "wrong answer"


def test_old_questions_are_deleted_and_a_jump_of_the_clock_deletes_nothing(log: QuestionLog) -> None:
    for day in (0, 20, 40):
        log.add(asked(day))
    now = START + timedelta(days=41)
    assert log.prune(now) == 0, "the first look only remembers the time"
    assert log.prune(now + timedelta(days=3650)) == 0, "a jump forward"
    assert log.prune(now) == 0, "and back"
    assert len(log.questions()) == 3
    assert log.prune(now + timedelta(hours=1)) == 1
    assert [one.asked_at[:10] for one in log.questions()] == ["2026-11-21", "2026-12-11"]
    assert log.prune(START - timedelta(days=3650)) == 0


def test_the_clock_never_goes_back() -> None:
    clock = SteadyClock()
    times = [clock.now() for _ in range(1000)]
    assert times == sorted(times)
