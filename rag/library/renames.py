"""New names for documents in the rows of a library; names may be swapped."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from rag.errors import InputError, LibraryMissing
from rag.types import chunk_id


@dataclass(frozen=True, slots=True)
class Move:
    """A document's new name and file.

    An empty `source` and a `mtime_ns` of None leave the old values. A document that is to be read again,
    because its passages contain its file's name, loses its content hash: if the run is killed before that, no
    later run takes the document for unchanged.
    """

    old: str
    new: str
    source: str = ""
    mtime_ns: int | None = None
    read_again: bool = False


def move_rows(connection: sqlite3.Connection, moves: Sequence[Move]) -> None:
    """Give documents their new names, all at once.

    Raises:
        LibraryMissing: a document is not there.
        InputError: a new name is that of a document which stays.
    """
    numbers = [_number_of(connection, move.old) for move in moves]
    for number in numbers:  # out of each other's way first, to names that no note can have
        connection.execute("UPDATE documents SET path = ? WHERE id = ?", (f"//{number}", number))
    for number, move in zip(numbers, moves, strict=True):
        _move_document(connection, number, move)


def _number_of(connection: sqlite3.Connection, path: str) -> int:
    """Return the number of a document's row.

    Raises:
        LibraryMissing: there is no such document.
    """
    row = connection.execute("SELECT id FROM documents WHERE path = ?", (path,)).fetchone()
    if row is None:
        raise LibraryMissing(f"The library has no document {path!r}; `lectern documents list` names them.")
    return int(row[0])


def _move_document(connection: sqlite3.Connection, number: int, move: Move) -> None:
    """Give one document its new name, and its chunks the ids that follow from it.

    Raises:
        InputError: the name is taken.
    """
    if connection.execute("SELECT 1 FROM documents WHERE path = ?", (move.new,)).fetchone():
        raise InputError(
            f"{move.old} cannot be called {move.new}: the library holds another document of that name. Remove that one, or "
            "choose another name."
        )
    connection.execute(
        "UPDATE documents SET path = ?, source = COALESCE(NULLIF(?, ''), source), mtime_ns = COALESCE(?, mtime_ns) "
        "WHERE id = ?",
        (move.new, move.source, move.mtime_ns, number),
    )
    if move.read_again:
        connection.execute("UPDATE documents SET content_hash = '', mtime_ns = 0 WHERE id = ?", (number,))
    rows = connection.execute(
        "SELECT id, start, text FROM chunks WHERE document_id = ?", (number,)
    ).fetchall()
    connection.executemany(
        "UPDATE chunks SET chunk_id = ? WHERE id = ?",
        [(chunk_id(move.new, start, text), rowid) for rowid, start, text in rows],
    )
