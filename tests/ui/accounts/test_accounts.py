"""Accounts on a real database: names, passwords, sessions, rights, and slower and slower wrong tries."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from rag.errors import LibraryDamaged, LibraryMismatch, SettingsError
from rag.library.checksums import register
from ui.accounts.login_limit import FIRST_WAIT_SECONDS, FREE_TRIES, LONGEST_WAIT_SECONDS, LoginLimit
from ui.accounts.person import OWNER, Role, guest
from ui.accounts.store import FILE_NAME, AccountStore

SECRET = "owls at night"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> AccountStore:
    return AccountStore(tmp_path)


def test_looking_makes_no_file(store: AccountStore, tmp_path: Path) -> None:
    assert not store.required
    assert store.all() == []
    assert store.in_session("anything") is None
    assert not any(tmp_path.iterdir())


def test_a_person_logs_in_with_name_and_password_alone(store: AccountStore) -> None:
    ann = store.add("Ann", SECRET, Role.STUDENT).person
    assert store.verified("ann", SECRET) == ann
    for name, password in (
        ("Ann", SECRET + " "),
        ("Ann", ""),
        ("ben", SECRET),
        ("", ""),
        ("Ann", "x" * 5000),
    ):
        assert store.verified(name, password) is None
    assert not ann.teaches
    assert store.required


def test_neither_password_nor_token_is_in_the_file_and_only_the_owner_reads_it(
    store: AccountStore, tmp_path: Path
) -> None:
    token = store.begin_session(store.add("Ann", SECRET, Role.TEACHER).person)
    files = list(tmp_path.glob(f"{FILE_NAME}*"))
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert SECRET.encode() not in file.read_bytes()
        assert token.encode() not in file.read_bytes()
    assert files


@pytest.mark.parametrize(
    ("name", "password", "words"),
    [("Ann", SECRET, "There is an account named 'Ann'"), ("ANN", SECRET, "There is an account"), ("", SECRET, "is no name"),
     ("a b", SECRET, "is no name"), ("../x", SECRET, "is no name"), ("ben", "short", "has 5 characters"),
     ("longname", "LongName", "is the name"), ("ben", "x" * 2000, "has 2000 characters")],
)  # fmt: skip
def test_what_cannot_be_added_is_one_sentence(
    store: AccountStore, name: str, password: str, words: str
) -> None:
    store.add("Ann", SECRET, Role.STUDENT)
    with pytest.raises(SettingsError, match=words):
        store.add(name, password, Role.STUDENT)
    assert [account.person.name for account in store.all()] == ["Ann"]


def test_a_session_ends_with_the_log_out_another_password_and_the_account(store: AccountStore) -> None:
    ann, ben = (store.add(name, SECRET, Role.STUDENT).person for name in ("Ann", "Ben"))
    first, second, other = store.begin_session(ann), store.begin_session(ann), store.begin_session(ben)
    store.end_session(first)
    assert (store.in_session(first), store.in_session(second)) == (None, ann)
    store.set_password("ann", "bats at noon")
    assert store.in_session(second) is None
    assert store.verified("Ann", SECRET) is None
    assert store.verified("Ann", "bats at noon") == ann
    store.remove("Ben")
    assert store.in_session(other) is None
    assert store.verified("Ben", SECRET) is None
    assert store.in_session("") is None


def test_removing_the_last_account_opens_nothing(store: AccountStore) -> None:
    store.add("Ann", SECRET, Role.TEACHER)
    assert store.required
    store.remove("Ann")
    assert store.required
    with pytest.raises(SettingsError, match="No account is named 'Ann'"):
        store.remove("Ann")


def test_what_belongs_to_a_person_is_in_a_folder_of_their_own(store: AccountStore, tmp_path: Path) -> None:
    ann, ben = (store.add(name, SECRET, Role.STUDENT).person for name in ("Ann", "Ben"))
    folders = {person.folder(tmp_path) for person in (ann, ben, guest("one"), guest("two"))}
    assert len(folders) == 4
    assert OWNER.folder(tmp_path) == tmp_path
    assert all(folder.parent == tmp_path / "people" for folder in folders)
    store.remove("Ann")
    assert ann.folder(tmp_path).is_dir()
    store.remove("Ben", delete_data=True)
    assert not (tmp_path / "people" / ben.id).exists()


def test_a_flipped_bit_makes_no_teacher(store: AccountStore, tmp_path: Path) -> None:
    token = store.begin_session(store.add("Ann", SECRET, Role.STUDENT).person)
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        register(connection)
        (trigger,) = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'accounts_check_updated'"
        ).fetchone()
        connection.execute("DROP TRIGGER accounts_check_updated")
        connection.execute("UPDATE accounts SET role = 'teacher'")
        connection.execute(trigger)
    connection.close()
    for read in (lambda: store.in_session(token), lambda: store.verified("Ann", SECRET), store.all):
        with pytest.raises(LibraryDamaged, match="damaged on the disk"):
            read()
    assert store.damaged() == 1
    store.remove("Ann")
    assert store.damaged() == 0


def test_a_newer_file_and_one_that_is_no_database_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"not a database at all, " * 100)
    with pytest.raises(LibraryDamaged, match=r"accounts\.sqlite cannot be read"):
        AccountStore(tmp_path).all()
    (tmp_path / FILE_NAME).unlink()
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(LibraryMismatch, match="made by a newer version of Lectern"):
        AccountStore(tmp_path).all()


def test_wrong_passwords_are_slowed_for_their_account_and_address() -> None:
    clock = Clock()
    limit = LoginLimit(clock)
    for _ in range(FREE_TRIES):
        assert limit.try_now("Ann", "10.0.0.7") == 0
    assert limit.try_now("ann", "10.0.0.7") == FIRST_WAIT_SECONDS
    assert limit.try_now("Ann", "10.0.0.8") == 0
    assert limit.try_now("Ben", "10.0.0.7") == 0
    tries, waited = FREE_TRIES, 0.0
    while waited < 3600:
        wait = limit.try_now("Ann", "10.0.0.7")
        clock.now += wait
        waited += wait
        tries += not wait
    assert tries < 30
    assert limit.try_now("Ann", "10.0.0.7") <= LONGEST_WAIT_SECONDS


def test_the_right_password_clears_the_account_and_many_addresses_do_not() -> None:
    clock = Clock()
    limit = LoginLimit(clock)
    for _ in range(200):  # a class behind one address, everybody right at once
        assert limit.try_now("Ann", "10.0.0.7") == 0
        limit.right("Ann", "10.0.0.7")
    tries = sum(limit.try_now("Ben", f"10.0.1.{number}") == 0 for number in range(200))
    assert tries == 50
