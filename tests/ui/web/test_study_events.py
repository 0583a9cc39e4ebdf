"""A sitting on the study page: asked, answered, reported, and shown without any markup of the notes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rag.library.library import Library
from rag.settings import AccessSettings
from rag.study.deck import Deck
from rag.study.items import Item, ItemKind, Source, Topic
from rag.study.store import StudyStore
from ui.web.study_events import Sitting, StudyEvents
from ui.web.views.study_view import when

NOW = datetime(2026, 9, 1, tzinfo=UTC)


def item(number: int, **fields: Any) -> Item:
    given: dict[str, Any] = {
        "id": f"{number:016x}", "kind": ItemKind.CHOICE, "question": "Which bird <b>hunts</b> at night?",
        "choices": ("Owl", "Lark"), "answer": "Owl", "answers": ("Owl",), "explanation": "The owl hunts at night.",
        "citation": Source("birds.md", "birds.md › line 1", 0, 23, "The owl hunts at night."),
        "topic": Topic.DEFINITION, "section": ("Birds",),
    }  # fmt: skip
    return Item(**(given | fields))


@pytest.fixture
def events(tmp_path: Path, word_scorer: Any) -> StudyEvents:
    """The events over a deck of three items, the last of which is answered in words."""
    library = Library.create(tmp_path / "library")
    store = StudyStore(library.folder)
    store.keep([item(1), item(2), item(3, choices=(), kind=ItemKind.CLOZE)], NOW)
    made = StudyEvents(SimpleNamespace(library=library, ready=False))  # type: ignore[arg-type]
    made.__dict__["deck"] = Deck(SimpleNamespace(scorer=word_scorer, library=library), store)  # type: ignore[arg-type]
    return made


@pytest.fixture
def sitting(events: StudyEvents) -> Sitting:
    """A sitting with the three items."""
    return Sitting(tuple(one.item for one in events.deck.store.kept()))


def test_an_answer_gets_its_verdict_key_and_source(events: StudyEvents, sitting: Sitting) -> None:
    assert 'data-choice="Lark"' in events.view(sitting) and "birds.md" not in events.view(sitting)
    wrong = events.answer(sitting, "Lark")
    shown = events.view(wrong)
    assert (
        "Not right." in shown
        and "birds.md › line 1" in shown
        and "The owl hunts at night." in shown
        and "comes back in" in shown
    )
    right = events.answer(events.following(wrong), "Owl")
    assert "Right." in events.view(right) and (right.right, right.asked) == (1, 2)


def test_an_item_is_answered_once(events: StudyEvents, sitting: Sitting) -> None:
    once = events.answer(sitting, "Lark")
    assert events.answer(once, "Owl") == once and events.unknown(once) == once
    assert events.answer(sitting, "  ") == sitting
    assert len(events.deck.store.answers()) == 1


def test_a_reported_item_is_gone_and_the_next_one_is_open(events: StudyEvents, sitting: Sitting) -> None:
    after = events.report(sitting)
    assert after.item == sitting.items[1] and "Removed." in events.view(after)
    assert events.deck.store.reported() == {sitting.items[0].id}


def test_the_end_counts_and_what_was_not_known_is_a_card(events: StudyEvents, sitting: Sitting) -> None:
    at = events.following(events.unknown(sitting))
    at = events.following(events.answer(at, "Owl"))
    at = events.following(events.answer(at, "the owls"))
    assert at.item is None and "2 of 3 right." in events.view(at)
    assert events.following(at).place == 3
    (card,) = events.deck.store.cards()
    assert card.item.id == sitting.items[0].id


def test_the_notes_own_markup_is_text(events: StudyEvents, sitting: Sitting) -> None:
    assert "&lt;b&gt;hunts&lt;/b&gt;" in events.view(sitting) and "<b>hunts" not in events.view(sitting)


def test_cards_that_are_due_are_asked_without_choices(events: StudyEvents, sitting: Sitting) -> None:
    events.deck.store.add_cards(sitting.items[:1], "{}", NOW)
    (due,) = events.review([]).items
    assert due.choices == () and due.kind is ItemKind.CLOZE
    assert "No card is due" not in events.view(events.review([]))


@pytest.mark.parametrize(("after", "words"), [(5, "in 1 min"), (7200, "in 2 h"), (259_200, "in 3 days")])
def test_a_date_is_said_in_words(after: int, words: str) -> None:
    assert when(NOW + timedelta(seconds=after), NOW) == words


def test_progress_waits_for_the_models(events: StudyEvents) -> None:
    assert events.progress() == ""


def test_downloads_are_what_was_asked(events: StudyEvents, sitting: Sitting) -> None:
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    from ui.access import Access
    from ui.accounts.store import AccountStore
    from ui.web.courses.desks import CourseDesks
    from ui.web.gate import Gate
    from ui.web.study_export import add_study_export

    app, folder = FastAPI(), events._desk.library.folder
    local = Access("127.0.0.1", AccessSettings())
    app.add_middleware(
        Gate, accounts=AccountStore(folder), access=local, cookie="", teacher_events=frozenset()
    )  # type: ignore[arg-type]
    add_study_export(app, CourseDesks(events._desk))
    client = TestClient(app)
    assert client.get("/lectern/study/anki").content[:2] == b"PK"
    assert "lectern.csv" in client.get("/lectern/study/csv").headers["content-disposition"]
    assert client.get("/lectern/study/word").status_code == 404
    for one in sitting.items:
        events.deck.store.report(one.id, "gone")
    assert client.get("/lectern/study/csv").status_code == 404


def test_a_formula_is_judged_by_its_reader(events: StudyEvents) -> None:
    formula = item(9, choices=(), kind=ItemKind.SHORT, topic=Topic.FORMULA, answer="$a^2$")
    events.deck.store.keep([formula], NOW)
    at = Sitting((formula,))
    assert "Show the key" in events.view(at) and "a^2" not in events.view(at)
    shown = events.show(at)
    assert "a^2" in events.view(shown) and "I knew it" in events.view(shown)
    assert events.grade(shown, True).right == 1 and events.grade(shown, False).right == 0
