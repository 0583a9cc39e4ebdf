"""The study state of a library: `study.sqlite` in its folder.

Items that were made, what a person did to them, cards with their schedule, and every answer. It is a file of
its own, because answers are written while an ingest has the library locked, and because a new version of the
library's tables must not cost anybody a schedule. One transaction per change; WAL.

Every row has a checksum (`rag/library/checksums.py`). A row that is damaged on the disk is left out when it is
read, so that the other cards can still be learned; `lectern doctor --deep` counts them. Indices are not used
to read, because a damaged one would hide rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rag.errors import LibraryDamaged, QuestionError
from rag.library.checksums import Checked, damaged_keys, damaged_rows, has_checks, install, renew
from rag.library.side_database import WAIT_SECONDS, connected, errors_of
from rag.study.item_json import item_from_json, item_to_json
from rag.study.items import Item

FILE_NAME = "study.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS items (
    id TEXT PRIMARY KEY, content TEXT NOT NULL, approved INTEGER NOT NULL DEFAULT 0, edited INTEGER NOT NULL DEFAULT 0,
    reported TEXT, made_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS cards (
    item_id TEXT PRIMARY KEY REFERENCES items(id) ON DELETE CASCADE, state TEXT NOT NULL, due TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS cards_due ON cards (due);
CREATE TABLE IF NOT EXISTS answers (
    id INTEGER PRIMARY KEY, item_id TEXT NOT NULL, given TEXT NOT NULL, is_right INTEGER NOT NULL, answered_at TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS answers_of ON answers (item_id);
CREATE TABLE IF NOT EXISTS snapshots (
    taken_at TEXT NOT NULL, document TEXT NOT NULL, section TEXT NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (taken_at, document, section)
) STRICT;
"""
ITEMS = Checked("items", "items", "{}.id", ("id", "content", "approved", "edited", "reported", "made_at"))
CARDS = Checked("cards", "cards", "{}.item_id", ("item_id", "state", "due"))
ANSWERS = Checked("answers", "answers", "{}.id", ("id", "item_id", "given", "is_right", "answered_at"))
SNAPSHOTS = Checked(
    "snapshots",
    "snapshots",
    "({}.taken_at || char(10) || {}.document || char(10) || {}.section)",
    ("taken_at", "document", "section", "digest"),
)
_TABLES = (ITEMS, CARDS, ANSWERS, SNAPSHOTS)
_DELETE_CARD = "DELETE FROM cards WHERE item_id = ?"


@dataclass(frozen=True, slots=True)
class Kept:
    """An item as it is kept. `reported` is the reason why a person removed it, None where nobody did."""

    item: Item
    approved: bool
    edited: bool
    reported: str | None


@dataclass(frozen=True, slots=True)
class CardRow:
    """A card: its item, the scheduler's state as JSON, and when it is due."""

    item: Item
    state: str
    due: datetime


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One answer to an item."""

    item_id: str
    given: str
    right: bool
    answered_at: datetime


class StudyStore:
    """The study state of one library. Any thread of any process may read and write."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE_NAME
        with self._connection() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)
            if not has_checks(connection):
                connection.execute("BEGIN IMMEDIATE")
                install(connection, _TABLES)

    def keep(self, items: Sequence[Item], now: datetime) -> list[Item]:
        """Store items and return them as kept: those that a person edited stay.

        A damaged one is replaced by what was made now.
        """
        with self._connection() as connection:
            damaged = set(damaged_keys(connection, ITEMS))
            for item in items:
                if item.id in damaged:
                    _replace(connection, item, now)
            connection.executemany(
                "INSERT INTO items (id, content, made_at) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
                "content = excluded.content WHERE items.edited = 0",
                [(item.id, item_to_json(item), now.isoformat()) for item in items],
            )
        kept = {one.item.id: one.item for one in self.kept()}
        return [kept[item.id] for item in items]

    def kept(self) -> list[Kept]:
        """Return every item in the order of making, reported ones too."""
        query = (
            f"SELECT content, approved, edited, reported FROM items t NOT INDEXED WHERE {ITEMS.sound('t')} "
            "ORDER BY made_at, rowid"
        )
        with self._connection() as connection:
            rows = connection.execute(query).fetchall()
        return [Kept(item_from_json(row[0]), bool(row[1]), bool(row[2]), row[3]) for row in rows]

    def item(self, identity: str) -> Kept:
        """Return the item of an id, of which the first eight digits are enough.

        Raises:
            QuestionError: there is none, or there are several.
        """
        found = [one for one in self.kept() if identity and one.item.id.startswith(identity.casefold())]
        if len(found) != 1:
            number = "no item" if not found else f"{len(found)} items"
            raise QuestionError(
                f"There is {number} with the id {identity!r}; `lectern study items` lists the ids."
            )
        return found[0]

    def reported(self) -> frozenset[str]:
        """Return the ids of the items that a person removed."""
        return frozenset(one.item.id for one in self.kept() if one.reported is not None)

    def report(self, identity: str, reason: str) -> None:
        """Remove an item: it is not asked again, and its card is deleted."""
        with self._connection() as connection:
            connection.execute("UPDATE items SET reported = ?, approved = 0 WHERE id = ?", (reason, identity))
            connection.execute("DELETE FROM cards WHERE item_id = ?", (identity,))

    def approve(self, identities: Iterable[str], approved: bool = True) -> int:
        """Mark items as approved by a teacher, or not; return how many were changed."""
        with self._connection() as connection:
            query = "UPDATE items SET approved = ? WHERE id = ? AND reported IS NULL"
            return sum(connection.execute(query, (int(approved), one)).rowcount for one in identities)

    def edit(self, item: Item) -> None:
        """Replace the content of an item by a person's."""
        with self._connection() as connection:
            query = "UPDATE items SET content = ?, edited = 1 WHERE id = ?"
            connection.execute(query, (item_to_json(item), item.id))

    def add_cards(self, items: Sequence[Item], state: str, due: datetime) -> int:
        """Make a card for each item that has none, due at once; return how many were made.

        A damaged card counts as none: its schedule begins again.
        """
        with self._connection() as connection:
            connection.executemany(_DELETE_CARD, _damaged_cards(connection, [one.id for one in items]))
            query = "INSERT INTO cards VALUES (?, ?, ?) ON CONFLICT (item_id) DO NOTHING"
            return sum(connection.execute(query, (one.id, state, due.isoformat())).rowcount for one in items)

    def cards(self, due_until: datetime | None = None) -> list[CardRow]:
        """Return the cards that are due by a time, or all, the longest due first."""
        of_items = (
            f"SELECT id, content FROM items t NOT INDEXED WHERE reported IS NULL AND {ITEMS.sound('t')}"
        )
        of_cards = (
            "SELECT item_id, state, due FROM cards t NOT INDEXED "
            f"WHERE (?1 IS NULL OR due <= ?1) AND {CARDS.sound('t')} ORDER BY due, rowid"
        )
        with self._connection() as connection:
            contents = dict(connection.execute(of_items).fetchall())
            rows = connection.execute(of_cards, (due_until.isoformat() if due_until else None,)).fetchall()
        return [
            CardRow(item_from_json(contents[item]), state, datetime.fromisoformat(due))
            for item, state, due in rows
            if item in contents
        ]

    def record(
        self, item_id: str, given: str, right: bool, now: datetime, card: tuple[str, datetime] | None
    ) -> None:
        """Store an answer and, if given, the new state and due time of its card."""
        with self._connection() as connection:
            connection.execute(
                "INSERT INTO answers (item_id, given, is_right, answered_at) VALUES (?, ?, ?, ?)",
                (item_id, given, int(right), now.isoformat()),
            )
            if card is not None:
                connection.executemany(_DELETE_CARD, _damaged_cards(connection, [item_id]))
                query = (
                    "INSERT INTO cards VALUES (?, ?, ?) ON CONFLICT (item_id) DO UPDATE SET "
                    "state = excluded.state, due = excluded.due"
                )
                connection.execute(query, (item_id, card[0], card[1].isoformat()))

    def answers(self) -> list[AnswerRow]:
        """Return every answer, oldest first."""
        with self._connection() as connection:
            rows = connection.execute(
                f"SELECT item_id, given, is_right, answered_at FROM answers t WHERE {ANSWERS.sound('t')} ORDER BY id"
            ).fetchall()
        return [AnswerRow(row[0], row[1], bool(row[2]), datetime.fromisoformat(row[3])) for row in rows]

    def snapshot(self, sections: Sequence[tuple[str, str, str]], now: datetime) -> None:
        """Store (document, section, digest) of the notes as they are now."""
        with self._connection() as connection:
            rows = [(now.isoformat(), *section) for section in sections]
            connection.executemany("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?)", rows)

    def last_snapshot(self, before: datetime) -> tuple[datetime | None, dict[tuple[str, str], str]]:
        """Return the time and sections of the newest snapshot up to a time.

        The time is None where there is none.
        """
        with self._connection() as connection:
            sound = SNAPSHOTS.sound("t")
            query = f"SELECT MAX(taken_at) FROM snapshots t NOT INDEXED WHERE taken_at <= ? AND {sound}"
            (taken,) = connection.execute(query, (before.isoformat(),)).fetchone()
            if taken is None:
                return None, {}
            rows = connection.execute(
                "SELECT document, section, digest FROM snapshots t NOT INDEXED "
                f"WHERE taken_at = ? AND {sound}",
                (taken,),
            ).fetchall()
        return datetime.fromisoformat(taken), {(row[0], row[1]): row[2] for row in rows}

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with errors_of(self._file, "The study cards"), connected(self._file) as connection:
            connection.isolation_level = (
                "DEFERRED"  # a change begins a transaction, which ends with the block
            )
            with connection:
                yield connection


def damaged_study_rows(folder: Path) -> int:
    """Return the number of damaged items, cards, answers and snapshots of a library.

    Nothing is written; there may be no study state.

    Raises:
        LibraryDamaged: the file is no sound database.
    """
    file = folder / FILE_NAME
    try:
        return damaged_rows(file, _TABLES, WAIT_SECONDS)
    except (sqlite3.Error, UnicodeDecodeError) as exc:
        raise LibraryDamaged(f"The study cards in {file} cannot be read ({exc}).") from exc


def _replace(connection: sqlite3.Connection, item: Item, now: datetime) -> None:
    """Write every column of a damaged item anew; its card and answers stay."""
    query = (
        "UPDATE items SET content = ?, approved = 0, edited = 0, reported = NULL, made_at = ? WHERE id = ?"
    )
    connection.execute(query, (item_to_json(item), now.isoformat(), item.id))
    renew(connection, ITEMS, "t.id = ?", (item.id,))


def _damaged_cards(connection: sqlite3.Connection, identities: Sequence[str]) -> list[tuple[str]]:
    damaged = set(damaged_keys(connection, CARDS))
    return [(identity,) for identity in identities if identity in damaged]
