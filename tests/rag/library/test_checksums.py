"""Checksums of rows: kept by the database, and no change of a damaged row makes it sound."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from rag.errors import LibraryDamaged
from rag.library import schema
from rag.library.checked_tables import CHUNKS, FEEDBACK, TABLES, document_is_sound
from rag.library.checksums import Checked, damaged_keys, register, row_crc
from rag.library.library import Library

_TRIGGERS = "SELECT name, sql FROM sqlite_master WHERE name LIKE '%_check_%'"


@pytest.fixture
def sound(library: Library, put: Callable[..., Any]) -> Library:
    """A library of two documents."""
    put("a.md", "gradient descent", "learning rate")
    put("b.md", "gradient descent", "batch size")
    return library


@contextmanager
def raw(library: Library) -> Iterator[sqlite3.Connection]:
    """A connection that changes rows behind the triggers' back, as a bad disk does."""
    with closing(sqlite3.connect(library.folder / "library.sqlite")) as connection:
        register(connection)
        schema.register_words(connection)
        triggers = connection.execute(_TRIGGERS).fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        yield connection
        for _, sql in triggers:
            connection.execute(sql)
        connection.commit()


def damage(library: Library, statement: str) -> None:
    with raw(library) as connection:
        connection.execute(statement)


def test_the_checksum_is_the_crc_of_lengths_and_values() -> None:
    different = {
        row_crc(b"ab", b"c"),
        row_crc(b"a", b"bc"),
        row_crc(b"abc"),
        row_crc(b"ab", None),
        row_crc(b"ab", b""),
    }
    assert len(different) == 5


def test_every_row_has_its_checksum_after_every_kind_of_change(
    sound: Library, put: Callable[..., Any]
) -> None:
    put("a.md", "gradient descent", "momentum")
    sound.tag_document("a.md", ["exam"])
    sound.touch_document("b.md", size_bytes=7, mtime_ns=8, source="/b.md")
    sound.add_feedback("Q?", "{}", "right")
    sound.remove_document("b.md")
    assert sound.soundness.documents() == []
    assert sound.soundness.others() == []
    assert list(sound.soundness.structure()) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE chunks SET text = 'gradient ascent' WHERE id = 1",
        "UPDATE chunks SET first = 99 WHERE id = 1",
        "UPDATE documents SET title = 'other' WHERE id = 1",
        "UPDATE documents SET text = text || '!' WHERE id = 1",
        "UPDATE blocks SET heading = 'other' WHERE document_id = 1",
        "UPDATE embeddings SET passage = x'00' WHERE id = 2",
        "DELETE FROM blocks WHERE document_id = 1 AND ordinal = 0",
        "DELETE FROM chunks WHERE id = 2",
        "UPDATE checks SET crc = crc + 1 WHERE kind = 'chunks' AND key = 1",
        "DELETE FROM checks WHERE kind = 'texts' AND key = 1",
    ],
)
def test_damage_is_found_and_not_shown_and_named(sound: Library, statement: str) -> None:
    damage(sound, statement)
    assert [found.path for found in sound.soundness.documents()] == ["a.md"]


def test_a_damaged_passage_vector_and_record_are_refused_when_they_are_read(sound: Library) -> None:
    damage(sound, "UPDATE chunks SET text = 'gradient ascent' WHERE id = 1")
    with pytest.raises(
        LibraryDamaged, match=r"a\.md in the library .* is damaged on the disk.*lectern ingest"
    ):
        sound.chunks([1])
    assert [chunk.text for chunk in sound.chunks([3])] == ["gradient descent"]
    damage(sound, "UPDATE embeddings SET vector = zeroblob(length(vector)) WHERE id = 1")
    with pytest.raises(LibraryDamaged, match="vector of passage 1"):
        sound.vectors([1])
    damage(sound, "UPDATE documents SET path = 'c.md' WHERE id = 1")
    with pytest.raises(LibraryDamaged, match=r"c\.md"):
        sound.documents()


def test_a_change_of_a_damaged_row_does_not_make_it_sound(sound: Library) -> None:
    damage(sound, "UPDATE chunks SET text = 'gradient ascent' WHERE id = 1")
    with sound._connections.transaction(locked=True) as connection:
        connection.execute("UPDATE chunks SET ordinal = 7 WHERE id IN (1, 2)")
    assert damaged_keys(sound.connection, CHUNKS) == [1]


def test_damaged_documents_are_read_again_and_the_words_made_anew(
    sound: Library, put: Callable[..., Any]
) -> None:
    damage(sound, "UPDATE chunks SET text = 'gradient ascent' WHERE id = 1")
    sound.soundness.keep_words()
    removed = sound.soundness.mend({record.source for record in sound.documents()})
    assert [found.path for found in removed] == ["a.md"]
    put("a.md", "gradient descent", "learning rate")
    assert [chunk.text for chunk in sound.chunks_of("a.md")] == ["gradient descent", "learning rate"]
    assert sound.soundness.documents() == []
    assert sound.soundness.words_agree()


def test_a_document_without_its_only_passage_is_damaged(library: Library, put: Callable[..., Any]) -> None:
    put("a.md", "gradient descent")
    damage(library, "DELETE FROM chunks")
    assert not document_is_sound(library.connection, 1)
    put("a.md", "gradient descent")
    assert library.soundness.documents() == []
    assert library.soundness.words_agree()


def test_a_damaged_index_of_words_is_found_and_made_anew(sound: Library) -> None:
    sound.soundness.keep_words()
    damage(sound, "UPDATE chunks_fts_data SET block = zeroblob(length(block)) WHERE id > 10")
    with Library.open(sound.folder) as opened:
        assert not opened.soundness.words_are_sound()
        opened.soundness.mend(())
        assert opened.soundness.words_are_sound()
        assert opened.soundness.words_agree()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM chunks_fts_config",
        "UPDATE chunks_fts_config SET v = 99",
        "UPDATE chunks_fts_config SET k = 'x'",
    ],
)
def test_an_index_of_words_without_its_version_is_made_anew_before_documents_are_removed(
    sound: Library, statement: str
) -> None:
    sound.soundness.keep_words()
    damage(sound, statement)
    damage(sound, "UPDATE documents SET path = 'c.md' WHERE id = 1")
    with Library.open(sound.folder) as opened:
        assert [found.path for found in opened.soundness.mend(())] == ["c.md"]
        assert opened.soundness.words_are_sound()
        assert opened.soundness.words_agree()
        assert [record.path for record in opened.documents()] == ["b.md"]


def test_an_index_of_words_that_sqlite_cannot_open_is_one_sentence(sound: Library) -> None:
    sound.soundness.keep_words()
    damage(sound, "DELETE FROM chunks_fts_data")
    with Library.open(sound.folder) as opened, pytest.raises(LibraryDamaged, match="is not a sound library"):
        opened.soundness.mend(())


def test_a_library_of_the_version_before_gets_checksums_at_the_next_ingest(sound: Library) -> None:
    with closing(sqlite3.connect(sound.folder / "library.sqlite")) as connection:
        for (name,) in connection.execute(_TRIGGERS.replace("name, sql", "name")).fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("DROP TABLE checks")
        connection.execute("UPDATE manifest SET value = '2' WHERE key = 'schema'")
        connection.commit()
    with Library.open(sound.folder) as old:
        assert not old.soundness.has_checksums
        assert len(old.documents()) == 2
        made = old.manifest
        old.bind(made.embedder, made.dim, made.chunker)
        assert old.soundness.has_checksums
        assert old.manifest.schema == 4
        assert old.soundness.documents() == []


def test_the_tables_are_compared_with_those_of_a_new_library(sound: Library) -> None:
    damage(sound, "DROP INDEX chunks_of_document")
    assert list(sound.soundness.structure()) == ["its tables are not as Lectern makes them"]


def test_tables_of_checkouts_whose_triggers_read_all_checksums_are_sound(sound: Library) -> None:
    with closing(sqlite3.connect(sound.folder / "library.sqlite")) as connection:
        for name, sql in connection.execute(_TRIGGERS).fetchall():
            connection.execute(f"DROP TRIGGER {name}")
            connection.execute(sql.replace("= +", "= "))
        connection.commit()
    assert list(sound.soundness.structure()) == []


@pytest.mark.parametrize(
    "statement",
    [
        f"SELECT {FEEDBACK.sound('f')} FROM feedback f WHERE id = 1000",
        "UPDATE feedback SET note = 'x' WHERE id = 1000",
        "DELETE FROM feedback WHERE id = 1000",
    ],
)
def test_the_checksum_of_a_row_is_found_without_reading_the_others(statement: str) -> None:
    assert _steps(statement, 900) == _steps(statement, 1)


def _steps(statement: str, others: int) -> int:
    """Return the instructions that SQLite runs for a statement beside other rows."""
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    with closing(schema.connect(Path(":memory:"), write=True)) as connection:
        schema.make_tables(connection)
        rows = ((number, "Q?", "{}", "right", "", "now") for number in [*range(others), 1000])
        connection.executemany("INSERT INTO feedback VALUES (?, ?, ?, ?, ?, ?)", rows)
        connection.set_progress_handler(count, 1)
        connection.execute(statement).fetchall()
    return steps


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.kind)
def test_every_table_searches_its_checksums_by_their_keys(sound: Library, table: Checked) -> None:
    plan = sound.connection.execute(f"EXPLAIN QUERY PLAN SELECT {table.sound('t')} FROM {table.table} t")
    assert any("kind=? AND key=?" in row[3] for row in plan)


def test_every_column_of_every_table_has_a_checksum(sound: Library) -> None:
    covered: dict[str, set[str]] = {}
    for table in TABLES:
        covered.setdefault(table.table, set()).update(table.columns)
    for name, columns in covered.items():
        found = {row[1] for row in sound.connection.execute(f"PRAGMA table_info({name})")}
        assert found == columns, name
    tables = {
        row[0]
        for row in sound.connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if not row[0].startswith(("sqlite_", "chunks_fts", "chunks_vocab", "checks"))
    }
    assert tables == set(covered)
