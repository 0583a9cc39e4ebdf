"""A backup of a server with accounts: everybody has their own again, and nobody is logged in."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rag.library.library import Library
from rag.library.question_log import LoggedQuestion, QuestionLog
from rag.study.store import StudyStore
from ui.accounts.person import Person, Role
from ui.accounts.store import AccountStore
from ui.commands.backup import backup, restore
from ui.web.conversation import Exchange
from ui.web.conversation_store import ConversationStore

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
PASSWORDS = {"Ann": "owls at night", "Ben": "elks at dawn"}


def asked(person: Person, question: str) -> LoggedQuestion:
    return LoggedQuestion(
        "e", person.id, "2026-11-01T12:00:00+00:00", question, "answer", "a.md", True, 0.7, 1.0
    )


@pytest.fixture
def people(tmp_path: Path) -> dict[str, Person]:
    """Two people with an exchange and a logged question each, in the library `class`."""
    folder = tmp_path / "class"
    Library.open(folder, create=True).close()
    found = {}
    for name, password in PASSWORDS.items():
        person = AccountStore(folder).add(name, password, Role.STUDENT).person
        store = ConversationStore(person.folder(folder))
        store.save("c", Exchange(f"of-{name}", f"A question of {name}?", "2026-11-01T12:00:00+00:00"))
        StudyStore(person.folder(folder)).snapshot([("a.md", f"Section of {name}", "d")], NOW)
        QuestionLog(folder).add(asked(person, f"A question of {name}?"))
        found[name] = person
    return found


def test_everybody_has_their_own_again(people: dict[str, Person], tmp_path: Path) -> None:
    backup(tmp_path / "b.zip", library=tmp_path / "class")
    again = tmp_path / "again"
    restore(tmp_path / "b.zip", library=again)
    accounts = AccountStore(again)
    for name, password in PASSWORDS.items():
        person = accounts.verified(name, password)
        assert person == people[name]
        folder = person.folder(again)
        (exchange,) = ConversationStore(folder).exchanges("c")
        assert exchange.question == f"A question of {name}?"
        assert QuestionLog(again).count_of(person.id) == 1
        assert StudyStore(folder).last_snapshot(NOW)[1] == {("a.md", f"Section of {name}"): "d"}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        for file in folder.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert ConversationStore(again).conversations() == []
    assert accounts.damaged() == 0


def test_a_session_that_was_ended_stays_ended(people: dict[str, Person], tmp_path: Path) -> None:
    accounts = AccountStore(tmp_path / "class")
    token = accounts.begin_session(people["Ann"])
    backup(tmp_path / "b.zip", library=tmp_path / "class")
    accounts.set_password("Ann", "bats at noon")
    restore(tmp_path / "b.zip", library=tmp_path / "class", overwrite=True)
    assert accounts.in_session(token) is None
    assert accounts.verified("Ann", PASSWORDS["Ann"]) == people["Ann"], "the password of the backup"


def test_who_came_after_the_backup_is_not_in_it(people: dict[str, Person], tmp_path: Path) -> None:
    folder = tmp_path / "class"
    backup(tmp_path / "b.zip", library=folder)
    ConversationStore(people["Ben"].folder(folder)).save("c2", Exchange("late", "A late one?", "2026-11-02"))
    AccountStore(folder).add("Cy", "hens at noon", Role.STUDENT)
    restore(tmp_path / "b.zip", library=folder, overwrite=True)
    assert [one.person.name for one in AccountStore(folder).all()] == ["Ann", "Ben"]
    assert [one.id for one in ConversationStore(people["Ben"].folder(folder)).conversations()] == ["c"]
