"""The search for damage in a library, and its repair from what is sound."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.errors import LibraryDamaged
from rag.library import schema
from rag.library.checked_tables import (
    FAILURES,
    FEEDBACK,
    GIVEN_TAGS,
    RECORDS,
    TABLES,
    damages,
    has_given_tags,
    with_other_counts,
)
from rag.library.checksums import Checked, damaged_keys, install, lost_keys, row_crc
from rag.library.connections import Connections
from rag.library.documents import GIVEN_TAGS_TABLE, delete_number

_WORDS = "words"
"""Key of the manifest with the state and checksum of the lexical index."""
_FTS5_VERSION = 4
"""Version of FTS5's format, `FTS5_CURRENT_VERSION` in its source."""
_WORD_TABLES = tuple(
    Checked("", f"chunks_fts_{name}", "", columns)
    for name, columns in (
        ("data", ("id", "block")),
        ("idx", ("segid", "term", "pgno")),
        ("docsize", ("id", "sz")),
        ("config", ("k", "v")),
    )
)


@dataclass(frozen=True, slots=True)
class DamagedDocument:
    """A document with a damaged row.

    `known` is False if its name or file may be wrong too.
    """

    number: int
    path: str
    source: str
    known: bool


class Soundness:
    """The checksums of a library as a whole."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._words_seen = ""

    @property
    def has_checksums(self) -> bool:
        """False for a library of an earlier version that no ingest has changed since."""
        return self._connections.checked

    def documents(self) -> list[DamagedDocument]:
        """Return the documents with damage; every row of the library is read."""
        if not self.has_checksums:
            return []
        with self._connections.snapshot() as connection:
            numbers = {d.document for d in damages(connection) if d.document is not None}
            numbers |= set(with_other_counts(connection))
            wrong = set(damaged_keys(connection, RECORDS))
            rows = connection.execute("SELECT id, CAST(path AS BLOB), CAST(source AS BLOB) FROM documents")
            return [
                DamagedDocument(
                    number,
                    path.decode("utf-8", "replace"),
                    source.decode("utf-8", "replace"),
                    number not in wrong,
                )
                for number, path, source in rows
                if number in numbers
            ]

    def others(self) -> list[str]:
        """Return the kinds of damaged rows that belong to no document."""
        if not self.has_checksums:
            return []
        with self._connections.snapshot() as connection:
            return sorted({damage.kind for damage in damages(connection) if damage.document is None})

    def structure(self) -> Iterator[str]:
        """Yield what SQLite's full check finds, and tables that are not as they were made."""
        with self._connections.snapshot() as connection:
            yield from (row[0] for row in connection.execute("PRAGMA integrity_check(5)") if row[0] != "ok")
            made_now = self.has_checksums and _is_current(connection)
            if made_now and _objects(connection) != _made_objects(has_given_tags(connection)):
                yield "its tables are not as Lectern makes them"
            top = connection.execute("SELECT COALESCE(MAX(id), 0) FROM chunks").fetchone()[0]
            used = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'chunks'").fetchone()
            if (used[0] if used else 0) < top:
                yield "its numbers of passages would be used twice"

    def words_are_sound(self) -> bool:
        """Return True if the lexical index has its checksum.

        It is read once for each state of it.

        A library that changed since its last ingest has no checksum for the present state and is taken as sound.
        """
        if not self.has_checksums:
            return True
        with self._connections.snapshot() as connection:
            stored = connection.execute("SELECT value FROM manifest WHERE key = ?", (_WORDS,)).fetchone()
            state, _, crc = (stored[0] if stored else "").partition(" ")
            if state != _words_state(connection) or self._words_seen == state:
                return True
            if crc != _words_crc(connection):
                return False
        self._words_seen = state
        return True

    def words_agree(self) -> bool:
        """Return True if FTS5 finds that the lexical index is that of the passages."""
        copy = sqlite3.connect("")  # a temporary file: the check is a statement that writes
        try:
            self._connections.reading.backup(copy)
            schema.register_words(copy)
            copy.execute("INSERT INTO chunks_fts(chunks_fts, rank) VALUES ('integrity-check', 1)")
        except sqlite3.DatabaseError:
            return False
        finally:
            copy.close()
        return True

    def keep_words(self) -> None:
        """Store the checksum of the lexical index as it is, if it has none for this state."""
        with self._connections.transaction(locked=True, counts=False) as connection:
            state = _words_state(connection)
            stored = connection.execute("SELECT value FROM manifest WHERE key = ?", (_WORDS,)).fetchone()
            if stored is None or stored[0].partition(" ")[0] != state:
                value = f"{state} {_words_crc(connection)}"
                connection.execute(
                    "INSERT INTO manifest VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                    (_WORDS, value),
                )

    def mend(self, sources: Collection[str]) -> list[DamagedDocument]:
        """Remove damaged documents that can be read again from `sources`.

        A document of which the name or the file itself is damaged is removed in any case. Damaged failures are
        forgotten, damaged verdicts are left out for good, and a damaged lexical index is made anew. Returns the
        removed documents.
        """
        if not self.has_checksums:
            return []
        doomed = [found for found in self.documents() if not found.known or found.source in sources]
        words = self.words_are_sound()
        try:
            self._mend(doomed, words)
        except sqlite3.IntegrityError as exc:
            raise LibraryDamaged(
                f"The library is damaged on the disk beyond repair ({exc}). Take it back from a backup (lectern restore), or move its "
                "folder away and ingest the notes again."
            ) from exc
        return doomed

    def _mend(self, doomed: Sequence[DamagedDocument], words: bool) -> None:
        with self._connections.transaction(locked=True, counts=bool(doomed)) as connection:
            if not words:  # before anything else: what is removed is removed from the index too
                _make_words_anew(connection)
            for found in doomed:
                delete_number(connection, found.number)
            for table, key in ((FAILURES, "source"), (FEEDBACK, "id")):
                for value in [*damaged_keys(connection, table), *lost_keys(connection, table)]:
                    connection.execute(f"DELETE FROM {table.table} WHERE {key} = ?", (value,))
                    connection.execute("DELETE FROM checks WHERE kind = ? AND key = ?", (table.kind, value))
            _forget_orphans(connection)


def _make_words_anew(connection: sqlite3.Connection) -> None:
    """Make the lexical index anew from the passages.

    FTS5 refuses even that where its own row of the format's version is damaged, so that row is made first.
    """
    connection.execute("DELETE FROM chunks_fts_config")
    connection.execute("INSERT INTO chunks_fts_config VALUES ('version', ?)", (_FTS5_VERSION,))
    connection.execute("INSERT INTO chunks_fts(chunks_fts) VALUES ('rebuild')")
    connection.execute("DELETE FROM manifest WHERE key = ?", (_WORDS,))


def _forget_orphans(connection: sqlite3.Connection) -> None:
    """Delete rows that belong to no document, and checksums that belong to no row."""
    connection.execute("DELETE FROM blocks WHERE document_id NOT IN (SELECT id FROM documents)")
    lost = connection.execute("SELECT id FROM chunks WHERE document_id NOT IN (SELECT id FROM documents)")
    connection.executemany("DELETE FROM chunks WHERE id = ?", lost.fetchall())
    connection.execute("DELETE FROM embeddings WHERE id NOT IN (SELECT embedding_id FROM chunks)")
    connection.execute("DELETE FROM sketches WHERE embedding_id NOT IN (SELECT id FROM embeddings)")
    kinds = ", ".join(f"'{table.kind}'" for table in (*TABLES, GIVEN_TAGS))
    connection.execute(f"DELETE FROM checks WHERE kind NOT IN ({kinds})")
    for table in TABLES:
        keys = [(table.kind, key) for key in lost_keys(connection, table)]
        connection.executemany("DELETE FROM checks WHERE kind = ? AND key = ?", keys)


def _is_current(connection: sqlite3.Connection) -> bool:
    """Return whether a library has the tables of this version.

    The next ingest makes those of an earlier one."""
    row = connection.execute("SELECT value FROM manifest WHERE key = 'schema'").fetchone()
    return row is not None and row[0] == str(schema.SCHEMA_VERSION)


def _objects(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the names of a library's tables with the statements that made them.

    Triggers of earlier checkouts lack the plus of `Checked.keyed`; they are slower and as sound.
    """
    query = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
    return {name: sql.replace("= +", "= ") for name, sql in connection.execute(query)}


def _made_objects(with_given_tags: bool) -> dict[str, str]:
    """Return the same of a new library."""
    made = schema.connect(Path(":memory:"), write=True)
    try:
        schema.make_tables(made)
        if with_given_tags:
            made.execute(GIVEN_TAGS_TABLE)
            install(made, (GIVEN_TAGS,))
        return _objects(made)
    finally:
        made.close()


def _words_state(connection: sqlite3.Connection) -> str:
    """Return a text that changes with every passage that comes or goes."""
    count, top = connection.execute("SELECT COUNT(*), COALESCE(MAX(id), 0) FROM chunks").fetchone()
    used = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'chunks'").fetchone()
    return f"{count}:{top}:{used[0] if used else 0}"


def _words_crc(connection: sqlite3.Connection) -> str:
    """Return the checksum of the lexical index's own tables."""
    crcs = []
    for table in _WORD_TABLES:
        crcs += [
            str(crc)
            for (crc,) in connection.execute(f"SELECT row_crc({table.values('t')}) FROM {table.table} t")
        ]
    return str(row_crc(" ".join(crcs).encode()))
