"""Study state that is damaged on the disk: what is sound can still be learned, and the damage is found."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rag.errors import LibraryDamaged
from rag.study.items import Item
from rag.study.store import FILE_NAME, StudyStore, damaged_study_rows

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
_TRIGGERS = [
    f"{kind}_check_{change}"
    for kind in ("items", "cards", "answers", "snapshots")
    for change in ("inserted", "updated", "deleted")
]


@pytest.fixture
def items(make_item: Callable[..., Item]) -> list[Item]:
    """Three items that differ in their question."""
    return [make_item(id=f"{number}" * 16, question=f"Question {number}?") for number in range(3)]


@pytest.fixture
def store(items: list[Item], tmp_path: Path) -> StudyStore:
    """A deck of three cards, one of them answered, and a snapshot of the notes."""
    made = StudyStore(tmp_path)
    made.keep(items, NOW)
    made.add_cards(items, "{}", NOW)
    made.record(items[0].id, "a drone", False, NOW, ("{}", NOW))
    made.snapshot([("bees.md", "Drones", "d1"), ("bees.md", "Queens", "d2")], NOW)
    return made


def damage(folder: Path, statement: str) -> None:
    """Change a row without its triggers, as a disk does."""
    connection = sqlite3.connect(folder / FILE_NAME)
    triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    assert connection.execute(statement).rowcount
    for _, made_by in triggers:
        connection.execute(made_by)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("statement", "items_left", "cards_left"),
    [
        ("UPDATE items SET content = replace(content, 'Question 1', 'Question 9') WHERE id LIKE '1%'", 2, 2),
        ("UPDATE items SET content = CAST(x'7bff7d' AS TEXT) WHERE id LIKE '1%'", 2, 2),
        ("UPDATE items SET reported = 'wrong' WHERE id LIKE '1%'", 2, 2),
        ("UPDATE cards SET state = '{' WHERE item_id LIKE '1%'", 3, 2),
        ("UPDATE cards SET due = 'never' WHERE item_id LIKE '1%'", 3, 2),
        ("UPDATE answers SET answered_at = 'x'", 3, 3),
        ("UPDATE answers SET is_right = 1", 3, 3),
        ("UPDATE snapshots SET digest = 'd3' WHERE section = 'Queens'", 3, 3),
    ],
)
def test_a_damaged_row_is_found_and_blocks_no_other(
    store: StudyStore, tmp_path: Path, statement: str, items_left: int, cards_left: int
) -> None:
    assert damaged_study_rows(tmp_path) == 0
    damage(tmp_path, statement)
    assert damaged_study_rows(tmp_path) == 1
    assert len(store.kept()) == items_left and len(store.cards()) == len(store.cards(NOW)) == cards_left
    assert len(store.answers()) == (0 if "answers" in statement else 1)
    _, sections = store.last_snapshot(NOW)
    assert ("bees.md", "Queens") not in sections or "snapshots" not in statement


def test_damaged_items_and_cards_are_made_again(store: StudyStore, items: list[Item], tmp_path: Path) -> None:
    damage(tmp_path, "UPDATE items SET content = '{}' WHERE id LIKE '1%'")
    damage(tmp_path, "UPDATE cards SET due = 'never' WHERE item_id LIKE '2%'")
    again = StudyStore(tmp_path)
    assert again.keep(items, NOW) == items
    assert again.add_cards(items, "{}", NOW) == 1
    assert len(again.cards()) == 3 and damaged_study_rows(tmp_path) == 0


def test_an_answer_to_a_damaged_card_begins_its_schedule_again(
    store: StudyStore, items: list[Item], tmp_path: Path
) -> None:
    damage(tmp_path, "UPDATE cards SET state = 'x' WHERE item_id LIKE '2%'")
    StudyStore(tmp_path).record(items[2].id, "a queen", True, NOW, ("{}", NOW))
    assert len(store.cards()) == 3 and damaged_study_rows(tmp_path) == 0


def test_every_change_keeps_the_checksums(store: StudyStore, items: list[Item], tmp_path: Path) -> None:
    store.approve([items[0].id])
    store.edit(items[1])
    store.report(items[2].id, "wrong")
    store.snapshot([("bees.md", "Queens", "d2")], NOW)
    assert damaged_study_rows(tmp_path) == 0 and len(store.cards()) == 2


def test_a_deck_of_an_earlier_version_gets_checksums(store: StudyStore, tmp_path: Path) -> None:
    damage(tmp_path, "UPDATE cards SET state = '{}'")
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.executescript("DROP TABLE checks; " + "".join(f"DROP TRIGGER {name};" for name in _TRIGGERS))
    connection.close()
    assert len(StudyStore(tmp_path).cards()) == 3
    damage(tmp_path, "UPDATE cards SET state = '[]' WHERE item_id LIKE '0%'")
    assert len(store.cards()) == 2 and damaged_study_rows(tmp_path) == 1


def test_a_file_that_is_no_database_is_one_sentence(tmp_path: Path) -> None:
    assert damaged_study_rows(tmp_path) == 0
    (tmp_path / FILE_NAME).write_bytes(b"no database" * 1000)
    with pytest.raises(LibraryDamaged, match="study cards"):
        damaged_study_rows(tmp_path)
