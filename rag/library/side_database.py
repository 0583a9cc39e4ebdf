"""A small database beside the library's own: accounts, the log of questions.

It is a file of its own, because it is written while an ingest has the library locked. Only its owner may read it (mode
600, which SQLite gives to its WAL too). WAL, one transaction per change, and a checksum of every row
(`rag/library/checksums.py`).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from rag.errors import LibraryDamaged, LibraryMismatch
from rag.library.checksums import Checked, damaged_keys, has_checks, install, lost_keys, register

WAIT_SECONDS = 10.0
"""Longest wait for another process that writes to the file."""


@contextmanager
def errors_of(file: Path, about: str, otherwise: str = "") -> Iterator[None]:
    """Turn the errors of a database beside the library's into Lectern's.

    `about` names its content in the message, and `otherwise` is what else can be done, the end of its last sentence.

    Raises:
        LibraryDamaged: the file cannot be read or written.
    """
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError, OSError) as exc:
        raise LibraryDamaged(
            f"{about} in {file} cannot be read or written ({exc}). Check that the disk is not full and the file may be "
            f"written{otherwise}."
        ) from exc


@contextmanager
def connected(file: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection in autocommit mode, and close it at the end.

    It checks foreign keys and has the function of the checksums.

    Raises:
        sqlite3.Error: the file cannot be opened.
    """
    with closing(sqlite3.connect(file, timeout=WAIT_SECONDS, isolation_level=None)) as connection:
        register(connection)
        connection.execute("PRAGMA foreign_keys = ON")
        yield connection


class SideDatabase:
    """A database file with its schema. Any thread of any process may read and write."""

    def __init__(self, file: Path, schema: str, tables: Sequence[Checked], about: str, form: int = 1) -> None:
        """Remember what the file is; nothing is opened or made.

        `about` names its content in messages, and `form` is the number of the schema.
        """
        self.file = file
        self._schema = schema
        self._tables = tuple(tables)
        self._about = about
        self._form = form
        self._made = False

    @property
    def exists(self) -> bool:
        """True if the file is there."""
        return self.file.is_file()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection to read; the file is made if it is not there.

        Raises:
            LibraryDamaged: the file cannot be read.
            LibraryMismatch: a newer version of Lectern made it.
        """
        with self._connection() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection inside one transaction: all of it is done, or nothing.

        Raises:
            LibraryDamaged: the file cannot be written.
            LibraryMismatch: a newer version of Lectern made it.
        """
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def damaged(self) -> int:
        """Return the number of damaged rows; 0 if there is no file.

        Raises:
            LibraryDamaged: the file is no sound database.
        """
        if not self.exists:
            return 0
        with self._connection() as connection:
            problems = [row[0] for row in connection.execute("PRAGMA integrity_check(5)") if row[0] != "ok"]
            rows = [
                key for t in self._tables for key in (*damaged_keys(connection, t), *lost_keys(connection, t))
            ]
        return len(problems) + len(rows)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with errors_of(self.file, self._about, "; else take it back from a backup (lectern restore)"):
            if not self._made or not self.exists:
                self._make()
            with connected(self.file) as connection:
                yield connection

    def _make(self) -> None:
        """Make the file, or check that this version knows it."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self.file, os.O_RDWR | os.O_CREAT, 0o600))
        with connected(self.file) as connection:
            (found,) = connection.execute("PRAGMA user_version").fetchone()
            if found > self._form:
                raise LibraryMismatch(
                    f"{self.file} was made by a newer version of Lectern (form {found}, this version knows {self._form}). "
                    "Update Lectern; nothing was changed."
                )
            connection.execute("PRAGMA journal_mode = WAL")
            if found < self._form or not has_checks(connection):
                connection.execute("BEGIN IMMEDIATE")
                for statement in filter(str.strip, self._schema.split(";")):
                    connection.execute(statement)
                install(connection, self._tables)
                connection.execute(f"PRAGMA user_version = {self._form}")
                connection.execute("COMMIT")
        self._made = True
