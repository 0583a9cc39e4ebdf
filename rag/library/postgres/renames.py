"""New names and tags for documents in the rows of a course; names may be swapped."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rag.errors import InputError, LibraryMissing
from rag.library.postgres.connections import Connection
from rag.library.postgres.documents import joined_tags, update_chunk_ids
from rag.library.renames import Move
from rag.types import chunk_id

_ROW = "lectern.documents WHERE course = %s AND path = %s"


def write_tags(connection: Connection, course: int, path: str, tags: Sequence[str]) -> bool:
    """Replace the tags that a person gave a document, and return whether it exists."""
    row = connection.execute(f"SELECT id, own_tags FROM {_ROW}", (course, path)).fetchone()
    if row is None:
        return False
    connection.execute(
        "UPDATE lectern.documents SET given_tags = %s, tags = %s WHERE course = %s AND id = %s",
        (json.dumps(list(tags), ensure_ascii=False), joined_tags(json.loads(row[1]), tags), course, row[0]),
    )
    return True


def move_rows(connection: Connection, course: int, moves: Sequence[Move]) -> None:
    """Give documents their new names, all at once.

    Raises:
        LibraryMissing: a document is not there.
        InputError: a new name is that of a document which stays.
    """
    numbers = [_number_of(connection, course, move.old) for move in moves]
    for number in numbers:  # out of each other's way first, to names that no note can have
        query = "UPDATE lectern.documents SET path = %s WHERE course = %s AND id = %s"
        connection.execute(query, (f"//{number}", course, number))
    for number, move in zip(numbers, moves, strict=True):
        _move_document(connection, course, number, move)


def _number_of(connection: Connection, course: int, path: str) -> int:
    row = connection.execute(f"SELECT id FROM {_ROW}", (course, path)).fetchone()
    if row is None:
        raise LibraryMissing(f"The library has no document {path!r}; `lectern documents list` names them.")
    return int(row[0])


def _move_document(connection: Connection, course: int, number: int, move: Move) -> None:
    """Give one document its new name, and its chunks the ids that follow from it."""
    if connection.execute(f"SELECT 1 FROM {_ROW}", (course, move.new)).fetchone():
        raise InputError(
            f"{move.old} cannot be called {move.new}: the library holds another document of that name. Remove that one, or "
            "choose another name."
        )
    connection.execute(
        "UPDATE lectern.documents SET path = %s, source = COALESCE(NULLIF(%s, ''), source), "
        "mtime_ns = COALESCE(%s, mtime_ns) WHERE course = %s AND id = %s",
        (move.new, move.source, move.mtime_ns, course, number),
    )
    if move.read_again:
        query = "UPDATE lectern.documents SET content_hash = '', mtime_ns = 0 WHERE course = %s AND id = %s"
        connection.execute(query, (course, number))
    query = "SELECT id, start, text FROM lectern.chunks WHERE course = %s AND document = %s"
    rows = connection.execute(query, (course, number)).fetchall()
    ids = [(rowid, chunk_id(move.new, start, text)) for rowid, start, text in rows]
    update_chunk_ids(connection, course, ids)
