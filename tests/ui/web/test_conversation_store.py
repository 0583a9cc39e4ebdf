"""Conversations survive a restart, whole and in order."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.errors import LibraryDamaged
from rag.types import Answer, Role
from ui.web.conversation import Exchange, Outcome, Verdict, from_json, history_of, title_of, to_json
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
    store.save("c1", make_exchange(id="a", outcome=Outcome.PENDING, answer=None, text=""))
    store.save("c1", make_exchange(id="b"))
    store.save("c1", make_exchange(id="a"))
    assert [(e.id, e.outcome) for e in store.exchanges("c1")] == [("a", "answered"), ("b", "answered")]


def test_forgetting_leaves_the_others(tmp_path: Path, make_exchange: Callable[..., Exchange]) -> None:
    store = ConversationStore(tmp_path)
    for name in ("a", "b", "c"):
        store.save("c1" if name != "c" else "c2", make_exchange(id=name))
    store.forget_exchange("a")
    assert [exchange.id for exchange in store.exchanges("c1")] == ["b"]
    store.forget("c1")
    assert [c.id for c in store.conversations()] == ["c2"]
    assert store.exchange("b") is None
    store.forget("nothing")


def test_a_broken_file_and_a_foreign_line_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"this is no database, and long enough to be taken for none" * 20)
    with pytest.raises(LibraryDamaged, match="delete it to start without the history"):
        ConversationStore(tmp_path)
    with pytest.raises(LibraryDamaged, match="another version"):
        from_json('{"id": 7}')


def test_the_store_is_in_wal_mode(tmp_path: Path) -> None:
    ConversationStore(tmp_path)
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_history_is_what_was_said(
    make_exchange: Callable[..., Exchange], make_answer: Callable[..., Answer]
) -> None:
    failed = make_exchange(outcome=Outcome.FAILED, error="no model")
    stopped = make_exchange(outcome=Outcome.STOPPED, answer=None, text="The owl", question="q2")
    empty = make_exchange(outcome=Outcome.STOPPED, answer=None, text="")
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
