"""The log of questions on a real database: switched off, kept for days, forgotten by the person, a clock that jumps."""

from __future__ import annotations

import sqlite3
from contextlib import closing
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


def test_old_questions_are_deleted_when_one_is_asked(log: QuestionLog) -> None:
    for day in (0, 20, 40):
        log.add(asked(day))
    assert [one.asked_at[:10] for one in log.questions()] == ["2026-11-21", "2026-12-11"]


def test_a_jump_of_the_clock_deletes_nothing(log: QuestionLog) -> None:
    for day in (0, 20, 29):
        log.add(asked(day))
    now = START + timedelta(days=31)
    far = now + timedelta(days=3650)
    assert log.prune(far) == 0, "a jump forward"
    assert log.prune(far + timedelta(minutes=59)) == 0, "is not believed within an hour"
    assert log.prune(now) == 0, "and back"
    assert len(log.questions()) == 3
    assert log.prune(now + timedelta(hours=1)) == 1
    assert [one.asked_at[:10] for one in log.questions()] == ["2026-11-21", "2026-11-30"]
    assert log.prune(START - timedelta(days=3650)) == 0
    assert log.prune(far) == 0
    assert log.prune(far + timedelta(hours=2)) == 2, "a clock that stays there is believed"


def test_vectors_are_those_of_the_embedder_and_go_with_their_question(log: QuestionLog) -> None:
    log.add(asked(person="ann"))
    log.add(asked(person="ben"))
    ann, ben = (one.id for one in log.questions())
    log.keep_vectors("first", {ann: b"1234", ben: b"5678", 99: b"none"})
    assert log.vectors("first") == {ann: b"1234", ben: b"5678"}
    assert log.vectors("second") == {}
    log.keep_vectors("second", {ben: b"abcd"})
    assert (log.vectors("first"), log.vectors("second")) == ({ann: b"1234"}, {ben: b"abcd"})
    log.delete_of("ann")
    assert log.vectors("first") == {}
    assert log.damaged() == 0


def test_a_log_of_the_form_before_the_vectors_keeps_its_questions(log: QuestionLog, tmp_path: Path) -> None:
    log.add(asked())
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.executescript("DROP TABLE vectors; PRAGMA user_version = 1")
    again = QuestionLog(tmp_path)
    (one,) = again.questions()
    again.keep_vectors("first", {one.id: b"1234"})
    assert again.vectors("first") == {one.id: b"1234"}


def test_the_clock_never_goes_back() -> None:
    clock = SteadyClock()
    times = [clock.now() for _ in range(1000)]
    assert times == sorted(times)
