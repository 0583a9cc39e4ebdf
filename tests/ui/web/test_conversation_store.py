"""Conversations survive a restart, whole and in order."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from eval.golden.feedback import Verdict
from rag.errors import LibraryDamaged
from rag.library.checksums import register
from rag.types import Answer, Role
from ui.web.conversation import Exchange, ExchangeOutcome, from_json, history_of, title_of, to_json
from ui.web.conversation_store import FILE_NAME, ConversationStore


def test_an_exchange_comes_back_as_it_was(make_exchange: Callable[..., Exchange]) -> None:
    exchange = make_exchange(verdict=Verdict.WRONG_SOURCE)
    assert from_json(to_json(exchange)) == exchange


def test_a_restart_finds_every_conversation(tmp_path: Path, make_exchange: Callable[..., Exchange]) -> None:
    store = ConversationStore(tmp_path)
    store.save("c1", make_exchange(id="a"))
    store.save("c1", make_exchange(id="b", question="And by day?"))
    store.save("c2", make_exchange(id="c", question="What is a finch?"))
    again = ConversationStore(tmp_path)
    assert [(c.id, c.title, c.exchanges) for c in again.conversations()] == [
        ("c2", "What is a finch?", 1),
        ("c1", "When does the owl hunt?", 2),
    ]
    assert [exchange.id for exchange in again.exchanges("c1")] == ["a", "b"]


def test_saving_again_replaces_in_place(tmp_path: Path, make_exchange: Callable[..., Exchange]) -> None:
    store = ConversationStore(tmp_path)
    store.save("c1", make_exchange(id="a", outcome=ExchangeOutcome.PENDING, answer=None, text=""))
    store.save("c1", make_exchange(id="b"))
    store.save("c1", make_exchange(id="a"))
    assert [(e.id, e.outcome) for e in store.exchanges("c1")] == [("a", "answered"), ("b", "answered")]


def test_forgetting_leaves_the_others(tmp_path: Path, make_exchange: Callable[..., Exchange]) -> None:
    store = ConversationStore(tmp_path)
    for name in ("a", "b", "c"):
        store.save("c1" if name != "c" else "c2", make_exchange(id=name))
    store.save("c1", make_exchange(id="b"), instead_of="a")
    assert [exchange.id for exchange in store.exchanges("c1")] == ["b"]
    store.forget("c1")
    assert [c.id for c in store.conversations()] == ["c2"]
    assert store.exchange("b") is None
    store.forget("nothing")


def test_an_exchange_is_deleted_only_once_the_one_in_its_place_is_saved(
    tmp_path: Path, make_exchange: Callable[..., Exchange]
) -> None:
    """A full disk or a kill between the two lost the first answer."""
    store = ConversationStore(tmp_path)
    store.save("c1", make_exchange(id="a"))
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON exchanges BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
    with pytest.raises(LibraryDamaged, match="disk full"):
        store.save("c1", make_exchange(id="b"), instead_of="a")
    assert [exchange.id for exchange in store.exchanges("c1")] == ["a"]


def test_a_broken_file_and_a_foreign_line_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"this is no database, and long enough to be taken for none" * 20)
    with pytest.raises(LibraryDamaged, match="delete it to start without the history"):
        ConversationStore(tmp_path)
    with pytest.raises(LibraryDamaged, match="another version"):
        from_json('{"id": 7}')


def test_an_exchange_that_the_table_lost_is_shown_as_damaged_in_its_place(
    tmp_path: Path, make_exchange: Callable[..., Exchange]
) -> None:
    """Zeros in a page of the table hid one of four exchanges without a word."""
    store = ConversationStore(tmp_path)
    for name in ("a", "b", "c"):
        store.save("c1", make_exchange(id=name))
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        root, sql = connection.execute(
            "SELECT rootpage, sql FROM sqlite_master WHERE name = 'exchanges_of'"
        ).fetchone()
        connection.execute("DELETE FROM sqlite_master WHERE name = 'exchanges_of'")
        connection.commit()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:  # which knows no index to keep in step
        register(connection)
        connection.execute("DELETE FROM exchanges WHERE id = 'b'")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "INSERT INTO sqlite_master VALUES ('index', 'exchanges_of', 'exchanges', ?, ?)", (root, sql)
        )
        connection.commit()
    store = ConversationStore(tmp_path)
    assert [summary.exchanges for summary in store.conversations()] == [3]
    assert [("damaged" in each.error, each.outcome) for each in store.exchanges("c1")] == [
        (False, "answered"),
        (True, "failed"),
        (False, "answered"),
    ]


def test_the_store_is_in_wal_mode(tmp_path: Path) -> None:
    ConversationStore(tmp_path)
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_history_is_what_was_said(
    make_exchange: Callable[..., Exchange], make_answer: Callable[..., Answer]
) -> None:
    failed = make_exchange(outcome=ExchangeOutcome.FAILED, error="no model")
    stopped = make_exchange(outcome=ExchangeOutcome.STOPPED, answer=None, text="The owl", question="q2")
    empty = make_exchange(outcome=ExchangeOutcome.STOPPED, answer=None, text="")
    turns = history_of([failed, make_exchange(), stopped, empty])
    assert [(turn.role, turn.content) for turn in turns] == [
        (Role.USER, "When does the owl hunt?"),
        (Role.ASSISTANT, "The owl hunts at night. [1]"),
        (Role.USER, "q2"),
        (Role.ASSISTANT, "The owl"),
    ]


def test_titles_are_one_short_line() -> None:
    assert title_of("What\n is  this?") == "What is this?"
    assert title_of("word " * 30) == "word " * 11 + "word…"


def test_a_deleted_conversation_comes_back_for_a_day(
    tmp_path: Path, make_exchange: Callable[..., Exchange]
) -> None:
    store = ConversationStore(tmp_path)
    store.save("c1", make_exchange(id="a"))
    store.save("c2", make_exchange(id="b"))
    assert store.forget("c1") == "When does the owl hunt?"
    assert store.forget("nothing") == ""
    assert store.exchanges("c1") == []
    assert store.exchange("a") is None
    store.restore("c1")
    assert [exchange.id for exchange in store.exchanges("c1")] == ["a"]
    store.forget("c1")
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        register(connection)
        connection.execute("UPDATE conversations SET deleted_at = '2020-01-01' WHERE id = 'c1'")
    again = ConversationStore(tmp_path)
    again.restore("c1")
    assert [c.id for c in again.conversations()] == ["c2"]


def test_conversations_are_found_by_title_question_and_answer_in_any_case(
    tmp_path: Path, make_exchange: Callable[..., Exchange]
) -> None:
    store = ConversationStore(tmp_path)
    store.save("c1", make_exchange(id="a", question="Über Eulen?", text="Nachts. 100 % sicher."))
    store.save("c1", make_exchange(id="b", question="And by day?", text="It sleeps."))
    store.save("c2", make_exchange(id="c", question="What is a finch?", text="A bird."))
    store.rename("c2", "  Small \n birds ")

    def found(words: str) -> list[str]:
        return [c.id for c in store.conversations(words)]

    assert found("ÜBER eulen") == ["c1"]
    assert found("small birds") == found("A BIRD") == ["c2"]
    assert found("sleeps") == ["c1"]
    assert found("nachts sleeps") == []  # of one question, not of two
    assert found("100 %") == ["c1"]
    assert found("'; DROP TABLE conversations; --") == []
    assert found("  ") == ["c2", "c1"]
    assert [(c.title, c.exchanges) for c in store.conversations("small")] == [("Small birds", 1)]
    store.rename("c2", "  ")
    assert store.conversations("small")


def test_a_history_without_undo_is_taken_over(tmp_path: Path, make_exchange: Callable[..., Exchange]) -> None:
    ConversationStore(tmp_path).save("c1", make_exchange(id="a"))
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        for name in ("inserted", "updated", "deleted"):
            connection.execute(f"DROP TRIGGER conversations_check_{name}")
            connection.execute(f"DROP TRIGGER exchanges_check_{name}")
        connection.execute("DROP TABLE checks")
        connection.execute("ALTER TABLE conversations DROP COLUMN deleted_at")
    store = ConversationStore(tmp_path)
    assert [c.id for c in store.conversations()] == ["c1"]
    store.save("c2", make_exchange(id="b"))
    store.forget("c1")
    assert [c.id for c in store.conversations()] == ["c2"]
