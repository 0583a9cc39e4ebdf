"""A tab's conversation from click to page, on a real library and history, with a scripted chain."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.events import Done, Event, Retrieved, Token
from rag.library.checksums import register
from rag.library.library import Library
from rag.search.scope import Scope
from rag.settings import Settings
from rag.types import Answer, Decision, Document, DocumentKind, Tier
from rag.types import Chunk as Passage
from tests.patience import PATIENCE_SECONDS
from ui.web.asking import begin
from ui.web.chat_events import ChatEvents
from ui.web.chat_view import View
from ui.web.conversation_store import damaged_conversations
from ui.web.desk import Desk

GO = Decision(Tier.ANSWER, 0.9, 0.6, "near")


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
        self.gate.wait(PATIENCE_SECONDS)
        yield Done(self.answer)


class Application:
    """What the desk needs of `ui.application.Application`."""

    def __init__(self, folder: Path, chain: Chain) -> None:
        self.settings = Settings()
        self.library = Library.create(folder)
        self.embedder = object()
        self.quotes = True
        self._chain = chain

    def open_model_ahead(self) -> None:
        pass

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


def test_the_first_search_is_done_before_anybody_asks(
    tmp_path: Path, chain: Chain, make_chunk: Callable[..., Passage]
) -> None:
    application = Application(tmp_path / "library", chain)
    chunk = make_chunk("The owl hunts at night.", document="birds.md")
    document = Document("birds.md", "Birds", DocumentKind.MARKDOWN, "", chunk.text, ())
    application.library.bind("zeros", 3, "test")
    application.library.replace_document(document, [chunk], np.zeros((1, 3), np.float32))
    desk = Desk(application)  # type: ignore[arg-type]
    chain.gate.clear()  # nothing may be written
    desk.load()
    desk.chain()
    assert chain.asked == [{"question": "Birds", "exact": True}]


def named(view: View) -> str:
    assert view.conversation
    return view.conversation


def running(view: View) -> bool:
    assert view.transcript is not None
    return " data-running>" in view.transcript


def exchange_id(view: View) -> str:
    found = re.findall(r'id="exchange-([0-9a-f]+)"', view.transcript or "")
    return str(found[-1])


def test_a_question_is_on_the_page_before_its_answer_and_its_passages_before_the_first_word(
    events: ChatEvents,
) -> None:
    conversation = named(events.open("", "tab"))
    views = list(events.ask("When?", conversation, "tab"))
    assert running(views[0])
    assert 'You asked: </span><span dir="auto">When?</span>' in (views[0].transcript or "")
    first_sources = next(i for i, v in enumerate(views) if v.sources and "source-" in v.sources)
    first_word = next(
        i for i, v in enumerate(views) if 'class="caret"' in (v.transcript or "") or i == len(views) - 1
    )
    assert first_sources <= first_word
    shown = [(v.transcript, v.sources) for v in views]
    assert all(before != after for before, after in pairwise(shown))
    assert not running(views[-1])
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


def test_a_question_that_is_too_long_is_refused_and_not_saved(events: ChatEvents, desk: Desk) -> None:
    conversation = named(events.open("", "tab"))
    list(events.ask("When?", conversation, "tab"))
    (view,) = events.ask("x" * 20_000_000, conversation, "tab")
    assert "has 20,000,000 characters; at most 8,000" in (view.transcript or "")
    assert "The owl hunts at night." in (view.transcript or "")
    assert [exchange.question for exchange in events.conversations.exchanges(conversation)] == ["When?"]


def test_only_the_last_question_can_be_asked_again(events: ChatEvents) -> None:
    conversation = named(events.open("", "tab"))
    *_, first = events.ask("When?", conversation, "tab")
    list(events.ask("And by day?", conversation, "tab"))
    assert list(events.retry(exchange_id(first), conversation, "tab")) == []


def test_one_question_at_a_time_in_a_tab_but_two_tabs_at_once(events: ChatEvents, chain: Chain) -> None:
    chain.gate.clear()
    conversation = named(events.open("", "a"))
    asked = events.ask("When?", conversation, "a")
    next(asked)
    assert list(events.ask("And now?", conversation, "a")) == []
    other = events.ask("Elsewhere?", named(events.open("", "b")), "b")
    assert running(next(other))
    chain.gate.set()
    for views in (list(asked), list(other)):
        assert "supported" in (views[-1].transcript or "")


def test_an_empty_question_changes_nothing(events: ChatEvents) -> None:
    assert list(events.ask("  \n", "c", "tab")) == []


def test_leaving_a_running_conversation_leaves_the_new_page_alone(events: ChatEvents, chain: Chain) -> None:
    chain.gate.clear()
    conversation = named(events.open("", "tab"))
    asked = events.ask("When?", conversation, "tab")
    next(asked)
    fresh = events.open("", "tab")
    assert fresh.conversation != conversation
    assert list(asked) == []
    chain.gate.set()
    assert "When?" in (events.open(conversation, "tab").transcript or "")


def test_every_view_that_a_tab_had_before_it_went_on_has_a_smaller_number(
    events: ChatEvents, chain: Chain
) -> None:
    conversation = named(events.open("", "tab"))
    views = list(events.ask("When?", conversation, "tab"))
    fresh = events.open("", "tab")
    numbers = [view.number for view in [*views, fresh]]
    assert numbers == sorted(set(numbers))
    assert numbers[0] > 0
    assert events.refresh(conversation, session="tab") == View()
    assert events.judge(exchange_id(views[-1]), "good", conversation, "tab") == View()
    assert events.refresh(named(fresh), session="tab").number > fresh.number


def test_an_answer_that_ends_before_it_is_followed_is_drawn_once_more(
    events: ChatEvents, chain: Chain
) -> None:
    chain.gate.clear()
    conversation = named(events.open("", "tab"))
    asked = events.ask("When?", conversation, "tab")
    next(asked)
    opened = events.open(conversation, "other")
    assert running(opened)
    chain.gate.set()
    assert not running(list(asked)[-1])
    (again,) = events.follow(conversation, "other")
    assert again.number > opened.number
    assert not running(again)
    assert "supported" in (again.transcript or "")
    assert list(events.follow(conversation, "other")) == []


def test_a_page_that_was_slow_to_load_leaves_what_was_opened_meanwhile(events: ChatEvents) -> None:
    old = named(events.open("", "before"))
    list(events.ask("When?", old, "before"))
    assert named(events.load(old, "reloaded")) == old
    events.open("", "quick")
    late = events.load(old, "quick")
    assert late.conversation != old
    assert "When?" not in (late.transcript or "")


def test_a_question_on_a_page_that_has_opened_no_conversation_begins_one(events: ChatEvents) -> None:
    first, *_, last = events.ask("When?", "", "tab")
    assert "When?" in (events.open(named(first), "tab").transcript or "")
    assert f'data-conversation="{first.conversation}"' in (last.transcript or "")


def test_an_answer_goes_on_without_its_tab_and_another_tab_follows_it(
    events: ChatEvents, chain: Chain
) -> None:
    chain.gate.clear()
    conversation = named(events.open("", "tab"))
    asked = events.ask("When?", conversation, "tab")
    while "caret" not in (next(asked).transcript or ""):
        pass
    asked.close()  # the tab was reloaded
    opened = events.open(conversation, "reloaded")
    assert running(opened)
    assert "Stopped." not in (opened.transcript or "")
    followed = events.follow(conversation, "reloaded")
    assert "The<" in (next(followed).transcript or "")
    chain.gate.set()
    *_, last = followed
    assert not running(last)
    assert "supported" in (last.transcript or "")
    assert "supported" in (events.open(conversation, "later").transcript or "")
    assert list(events.follow(conversation, "later")) == []


def test_notes_that_change_leave_an_answer_under_way_as_it_is(events: ChatEvents, chain: Chain) -> None:
    chain.gate.clear()
    conversation = named(events.open("", "tab"))
    asked = events.ask("When?", conversation, "tab")
    while "caret" not in (next(asked).transcript or ""):
        pass
    refreshed = events.refresh(conversation).transcript or ""
    assert "caret" in refreshed
    assert "Stopped." not in refreshed
    chain.gate.set()
    assert "supported" in (list(asked)[-1].transcript or "")


def test_a_document_is_read_once_for_all_drawings_until_the_notes_change(
    events: ChatEvents, desk: Desk, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    passage = chain.answer.hits[0].chunk
    kinds = (DocumentKind.MARKDOWN, DocumentKind.TEXT)
    first, later = (Document(passage.document, "Birds", kind, "", passage.text, ()) for kind in kinds)
    desk.library.bind("zeros", 3, "test")
    desk.library.replace_document(first, [passage], np.zeros((1, 3), np.float32))
    read, document = [], desk.library.document

    def counted(path: str) -> Document:
        read.append(path)
        return document(path)

    monkeypatch.setattr(desk.library, "document", counted)
    conversation = named(events.open("", "tab"))
    for question in ("When?", "And by day?"):
        list(events.ask(question, conversation, "tab"))
    read.clear()
    assert desk.layouts(chain.answer.hits)[passage.id].markdown
    assert read == []
    desk.library.replace_document(later, [passage], np.zeros((1, 3), np.float32))
    assert not desk.layouts(chain.answer.hits)[passage.id].markdown
    assert read == [passage.document]


def test_a_question_left_unfinished_by_a_crash_counts_as_stopped(events: ChatEvents, desk: Desk) -> None:
    events.conversations.save("c", begin("When?"))
    view = events.open("c", "tab")
    assert not running(view)
    assert "Stopped." in (view.transcript or "")


def test_the_place_in_the_line_is_shown_and_a_full_line_is_a_sentence(tmp_path: Path, chain: Chain) -> None:
    application = Application(tmp_path, chain)
    model = application.settings.model.model_copy(update={"parallel_requests": 1, "queue_length": 2})
    application.settings = application.settings.model_copy(update={"model": model})
    desk = Desk(application)  # type: ignore[arg-type]
    desk.load()
    events = ChatEvents(desk)
    chain.gate.clear()
    first = events.ask("First?", "a", "a")
    while "caret" not in (next(first).transcript or ""):
        pass
    second, third = events.ask("Second?", "b", "b"), events.ask("Third?", "c", "c")
    while "1 question is before yours" not in (next(second).transcript or ""):
        pass
    while "2 questions are before yours" not in (next(third).transcript or ""):
        pass
    *_, refused = events.ask("Fourth?", "d", "d")
    assert "2 are waiting, which is as many as may wait" in (refused.transcript or "")
    events.stop("b")
    assert "Stopped." in (list(second)[-1].transcript or "")
    chain.gate.set()
    assert "supported" in (list(third)[-1].transcript or "")
    assert "supported" in (list(first)[-1].transcript or "")
    assert [asked["question"] for asked in chain.asked] == ["First?", "Third?"]


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


def test_a_deleted_conversation_can_be_brought_back(events: ChatEvents) -> None:
    conversation = named(events.open("", "tab"))
    list(events.ask("When?", conversation, "tab"))
    gone = events.forget(conversation, conversation, "tab")
    assert "Deleted: When?" in (gone.conversations or "")
    assert f'data-action="restore" data-conversation="{conversation}"' in (gone.conversations or "")
    back = events.restore(conversation, "tab")
    assert back.conversation == conversation
    assert "The owl hunts at night." in (back.transcript or "")
    assert "Deleted:" not in (back.conversations or "")


def test_conversations_are_renamed_and_found(events: ChatEvents) -> None:
    conversation = named(events.open("", "tab"))
    list(events.ask("When?", conversation, "tab"))
    assert "Owls at night" in events.list.rename(conversation, "Owls at night", conversation)
    assert "Owls at night" in events.list.search("night  owls", conversation)
    assert "No conversation has “finch”." in events.list.search("finch", conversation)


def test_an_edited_question_takes_the_place_of_the_last_one(events: ChatEvents, chain: Chain) -> None:
    conversation = named(events.open("", "tab"))
    *_, view = events.ask("When?", conversation, "tab")
    *_, view = events.retry(exchange_id(view), conversation, "tab", question=" By day? ")
    assert chain.asked[-1]["question"] == "By day?"
    assert (view.transcript or "").count("You asked") == 1
    assert "By day?" in (view.transcript or "")


def test_a_conversation_that_cannot_be_read_is_told_and_the_page_works(
    events: ChatEvents, desk: Desk, tmp_path: Path
) -> None:
    conversation = named(events.open("", "tab"))
    list(events.ask("When?", conversation, "tab"))
    with sqlite3.connect(tmp_path / "conversations.sqlite") as connection:
        register(connection)
        connection.execute("UPDATE exchanges SET content = '{}'")
    view = events.open(conversation, "tab")
    assert "cannot be read" in (view.transcript or "")
    assert named(view) == conversation
    last = list(events.ask("And by day?", conversation, "tab"))[-1].transcript or ""
    assert "supported" in last
    assert "cannot be read" in last


def test_one_damaged_exchange_does_not_block_its_conversation(
    events: ChatEvents, desk: Desk, tmp_path: Path
) -> None:
    conversation = named(events.open("", "tab"))
    for question in ("When?", "And by day?"):
        list(events.ask(question, conversation, "tab"))
    content = (tmp_path / "conversations.sqlite").read_bytes()
    with sqlite3.connect(tmp_path / "conversations.sqlite") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = (tmp_path / "conversations.sqlite").read_bytes()
    at = content.index(b"The owl hunts at night.")
    (tmp_path / "conversations.sqlite").write_bytes(content[:at] + b"The elk" + content[at + 7 :])
    text = events.open(conversation, "tab").transcript or ""
    assert "The elk" not in text
    assert text.count("damaged on the disk") == 1
    assert text.count("You asked") == 2
    assert damaged_conversations(tmp_path) == 1


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


def test_a_question_is_searched_as_typed_until_that_is_undone(events: ChatEvents, chain: Chain) -> None:
    conversation = named(events.open("", "tab"))
    *_, view = events.ask("When?", conversation, "tab")
    *_, view = events.retry(exchange_id(view), conversation, "tab", exact=True)
    assert chain.asked[-1] == {"question": "When?", "history": (), "exact": True}
    assert "Searched as typed." in (view.transcript or "")
    *_, view = events.retry(exchange_id(view), conversation, "tab")
    assert chain.asked[-1]["exact"]
    *_, view = events.retry(exchange_id(view), conversation, "tab", exact=False)
    assert "exact" not in chain.asked[-1]
    assert "Searched as typed." not in (view.transcript or "")


def test_a_question_is_asked_of_all_notes_until_that_is_undone(events: ChatEvents, chain: Chain) -> None:
    conversation = named(events.open("", "tab"))
    *_, view = events.ask("Lecture 3?", conversation, "tab")
    *_, view = events.retry(exchange_id(view), conversation, "tab", everywhere=True)
    assert chain.asked[-1] == {"question": "Lecture 3?", "history": (), "everywhere": True}
    *_, view = events.retry(exchange_id(view), conversation, "tab", everywhere=False)
    assert "everywhere" not in chain.asked[-1]
