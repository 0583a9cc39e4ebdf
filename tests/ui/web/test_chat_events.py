"""A tab's conversation from click to page, on a real library and history, with a scripted chain."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rag.chain_events import Done, Event, Retrieved, Token
from rag.gate import Decision
from rag.library import Library
from rag.scope import Scope
from rag.settings import Settings
from rag.types import Answer
from ui.web.chat_events import ChatEvents, View
from ui.web.desk import Desk

GO = Decision(True, 0.6, "near")


class Chain:
    """Answers every question the same way; while `gate` is closed it waits after the first word."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[Any] = []
        self.scopes: list[Scope | None] = []
        self.gate = threading.Event()
        self.gate.set()

    def stream(self, input: Any) -> Iterator[Event]:  # noqa: A002 - LangChain's name
        self.asked.append(input)
        yield Retrieved(self.answer.hits, 1, GO, 612, 2048, self.answer.hits)
        yield Token("The")
        self.gate.wait(10)
        yield Done(self.answer)


class Application:
    """What the desk needs of `ui.application.Application`."""

    def __init__(self, folder: Path, chain: Chain) -> None:
        self.settings = Settings()
        self.library = Library.create(folder)
        self.embedder = object()
        self._chain = chain

    def open_library(self) -> Library:
        return self.library

    def chain(self, scope: Scope | None = None) -> Chain:
        self._chain.scopes.append(scope)
        return self._chain


@pytest.fixture
def chain(make_answer: Callable[..., Answer]) -> Chain:
    return Chain(make_answer())


@pytest.fixture
def desk(tmp_path: Path, chain: Chain) -> Desk:
    desk = Desk(Application(tmp_path, chain))  # type: ignore[arg-type]
    desk.load()
    return desk


@pytest.fixture
def events(desk: Desk) -> ChatEvents:
    return ChatEvents(desk)


def named(view: View) -> str:
    assert view.conversation
    return view.conversation


def exchange_id(view: View) -> str:
    found = re.findall(r'id="exchange-([0-9a-f]+)"', view.transcript or "")
    return str(found[-1])


def test_a_question_is_on_the_page_before_its_answer_and_its_passages_before_the_first_word(
    events: ChatEvents,
) -> None:
    conversation = named(events.open("", "tab"))
    views = list(events.ask("When?", conversation, "tab"))
    assert views[0].running is True
    assert "You asked: </span>When?" in (views[0].transcript or "")
    first_sources = next(i for i, v in enumerate(views) if v.sources and "source-" in v.sources)
    first_word = next(
        i for i, v in enumerate(views) if 'class="caret"' in (v.transcript or "") or i == len(views) - 1
    )
    assert first_sources <= first_word
    assert views[-1].running is False
    assert "supported" in (views[-1].transcript or "")
    assert "<mark>The owl hunts at night.</mark>" in (views[-1].sources or "")


def test_a_restart_finds_the_conversation(events: ChatEvents, desk: Desk) -> None:
    conversation = named(events.open("", "tab"))
    list(events.ask("When?", conversation, "tab"))
    view = ChatEvents(desk).open(conversation, "another tab")
    assert view.conversation == conversation
    assert "The owl hunts at night." in (view.transcript or "")
    assert 'aria-current="true"' in (view.conversations or "")
    assert "<mark>" in (view.sources or "")


def test_a_follow_up_has_the_history(events: ChatEvents, chain: Chain) -> None:
    conversation = named(events.open("", "tab"))
    list(events.ask("When?", conversation, "tab"))
    list(events.ask("And by day?", conversation, "tab"))
    assert [turn.content for turn in chain.asked[1]["history"]] == ["When?", "The owl hunts at night. [1]"]


def test_stop_ends_the_question_and_keeps_it(events: ChatEvents, chain: Chain) -> None:
    chain.gate.clear()
    conversation = named(events.open("", "tab"))
    view = View()
    for view in events.ask("When?", conversation, "tab"):
        if "caret" in (view.transcript or ""):
            events.stop("another tab")
            events.stop("tab")
    assert "Stopped." in (view.transcript or "")
    assert "Stopped." in (events.open(conversation, "tab").transcript or "")
    chain.gate.set()
    *_, last = events.retry(exchange_id(view), conversation, "tab")
    assert "Stopped." not in (last.transcript or "")
    assert (last.transcript or "").count("You asked") == 1
    assert chain.asked[-1] == {"question": "When?", "history": ()}


def test_only_the_last_question_can_be_asked_again(events: ChatEvents) -> None:
    conversation = named(events.open("", "tab"))
    *_, first = events.ask("When?", conversation, "tab")
    list(events.ask("And by day?", conversation, "tab"))
    assert list(events.retry(exchange_id(first), conversation, "tab")) == []


def test_one_question_at_a_time_in_a_tab_but_two_tabs_at_once(events: ChatEvents, chain: Chain) -> None:
    chain.gate.clear()
    conversation = named(events.open("", "a"))
    running = events.ask("When?", conversation, "a")
    next(running)
    assert list(events.ask("And now?", conversation, "a")) == []
    other = events.ask("Elsewhere?", named(events.open("", "b")), "b")
    assert next(other).running is True
    chain.gate.set()
    for views in (list(running), list(other)):
        assert "supported" in (views[-1].transcript or "")


def test_an_empty_question_changes_nothing(events: ChatEvents) -> None:
    assert list(events.ask("  \n", "c", "tab")) == []


def test_leaving_a_running_conversation_leaves_the_new_page_alone(events: ChatEvents, chain: Chain) -> None:
    chain.gate.clear()
    conversation = named(events.open("", "tab"))
    running = events.ask("When?", conversation, "tab")
    next(running)
    fresh = events.open("", "tab")
    assert fresh.conversation != conversation
    assert [v for v in running if v.transcript and "caret" in v.transcript] == []
    chain.gate.set()
    assert "When?" in (events.open(conversation, "tab").transcript or "")


def test_a_closed_generator_still_saves(events: ChatEvents, chain: Chain) -> None:
    chain.gate.clear()
    conversation = named(events.open("", "tab"))
    running = events.ask("When?", conversation, "tab")
    next(running)
    running.close()
    assert "Stopped." in (events.open(conversation, "tab").transcript or "")
    chain.gate.set()


def test_a_verdict_is_kept_twice(events: ChatEvents, desk: Desk) -> None:
    conversation = named(events.open("", "tab"))
    *_, last = events.ask("When?", conversation, "tab")
    view = events.judge(exchange_id(last), "wrong source", conversation)
    assert 'data-verdict="wrong source" aria-pressed="true"' in (view.transcript or "")
    feedback = desk.library.feedback()
    assert [(f.question, f.verdict) for f in feedback] == [("When?", "wrong source")]
    assert '"text": "The owl hunts at night. [1]"' in feedback[0].answer_json
    assert events.judge(exchange_id(last), "nonsense", conversation) == View()
    assert events.judge("nobody", "good", conversation) == View()


def test_deleting_the_open_conversation_starts_a_new_one(events: ChatEvents) -> None:
    conversation = named(events.open("", "tab"))
    list(events.ask("When?", conversation, "tab"))
    kept = events.forget("another", conversation, "tab")
    assert kept.conversation is None
    gone = events.forget(conversation, conversation, "tab")
    assert gone.conversation != conversation
    assert "No conversations yet." in (gone.conversations or "")


def test_a_conversation_that_cannot_be_read_is_told_and_the_page_works(
    events: ChatEvents, desk: Desk, tmp_path: Path
) -> None:
    conversation = named(events.open("", "tab"))
    list(events.ask("When?", conversation, "tab"))
    with sqlite3.connect(tmp_path / "conversations.sqlite") as connection:
        connection.execute("UPDATE exchanges SET content = '{}'")
    view = events.open(conversation, "tab")
    assert "cannot be read" in (view.transcript or "")
    assert named(view) != conversation
    assert "supported" in (list(events.ask("When?", named(view), "tab"))[-1].transcript or "")


def test_an_empty_library_has_no_questions(events: ChatEvents) -> None:
    assert "There is nothing to ask about yet" in (events.open("", "tab").transcript or "")


OWLS = ("folder:owls",)


def test_a_part_of_the_notes_is_chosen_asked_about_and_given_up(events: ChatEvents, chain: Chain) -> None:
    conversation = named(events.open("", "tab"))
    view = events.limit("folder:owls", ())
    assert view.chosen == OWLS
    assert "<details open>" in (view.scope or "")
    *_, last = events.ask("When?", conversation, "tab", OWLS)
    assert chain.scopes[-1] == Scope(folders=("owls",))
    assert "Asked about: owls/" in (last.transcript or "")
    assert (last.scope, last.chosen) == (None, None)
    assert events.limit("folder:owls", OWLS).chosen == ()
    assert events.widen().chosen == ()
    list(events.ask("And by day?", conversation, "tab"))
    assert not chain.scopes[-1]


def test_a_conversation_goes_on_about_what_its_last_question_was_about(events: ChatEvents) -> None:
    conversation = named(events.open("", "tab"))
    list(events.ask("When?", conversation, "tab", OWLS))
    assert events.open("", "tab").chosen == ()
    back = events.open(conversation, "tab")
    assert back.chosen == OWLS
    assert "Only about: <strong>owls/</strong>" in (back.scope or "")
    assert events.open(conversation, "tab", ()).chosen == ()
    assert events.open("", "tab", OWLS).chosen == OWLS
    refreshed = events.refresh(conversation, OWLS)
    assert "Only about: <strong>owls/</strong>" in (refreshed.scope or "")
    assert refreshed.chosen is None


def test_a_question_asked_again_is_about_what_is_chosen_now(events: ChatEvents, chain: Chain) -> None:
    conversation = named(events.open("", "tab"))
    *_, first = events.ask("When?", conversation, "tab", OWLS)
    *_, again = events.retry(exchange_id(first), conversation, "tab")
    assert not chain.scopes[-1]
    assert "Asked about" not in (again.transcript or "")
