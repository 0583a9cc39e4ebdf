"""Changes to the rows of a document on a server, made inside a given transaction.

As in a folder, a passage whose title, headings and text stay the same keeps its rowid and its vector. The postings of a document
are written anew with every change of it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from psycopg import sql

from rag.aliases import Vectors
from rag.library.postgres.connections import Connection
from rag.library.postgres.postings import write_postings
from rag.library.postgres.vector_type import Vector
from rag.library.rows import block_values, chunk_values, named_place, passage_key
from rag.note_warnings import warnings_json
from rag.types import Chunk, Document

_ROWS = 2000
"""Rows of one statement: 3 MB of vectors of 384 dimensions."""
_PLACE = {
    "start": "bigint",
    "end": "bigint",
    "unit": "text",
    "first": "bigint",
    "last": "bigint",
    "heading": "text",
}
_BLOCK = {
    "document": "bigint",
    "ordinal": "bigint",
    "kind": "text",
    **_PLACE,
    "level": "bigint",
    "part": "bigint",
    "identity": "text",
}
_EMBEDDING = {"id": "bigint", "passage": "bytea", "vector": "vector", "sketch": "bytea"}
_CHUNK = {"id": "bigint", "document": "bigint", "embedding": "bigint", "chunk_id": "text", "ordinal": "bigint", **_PLACE, "title": "text",
          "headings": "text", "text": "text"}  # fmt: skip
_BINARY = frozenset({"bytea", "vector"})
"""Types that are sent in binary form, which is half as long."""
_MOVED = {"id": "bigint", "chunk_id": "text", "ordinal": "bigint", **_PLACE}


def insert_document(
    connection: Connection,
    course: int,
    document: Document,
    *,
    chunk_count: int,
    size_bytes: int,
    mtime_ns: int,
    ingested_at: str,
) -> int:
    """Write the document's row and its blocks, and return the row's number.

    The row of a document with the same path is used again; tags that a person gave stay.
    """
    row = connection.execute(
        "SELECT id, given_tags FROM lectern.documents WHERE course = %s AND path = %s",
        (course, document.path),
    ).fetchone()
    given = row[1] if row else "[]"
    values = {
        "title": document.title,
        "kind": document.kind.value,
        "content_hash": document.content_hash,
        "size_bytes": size_bytes,
        "mtime_ns": mtime_ns,
        "source": document.source,
        "tags": joined_tags(document.tags, json.loads(given)),
        "own_tags": json.dumps(list(document.tags), ensure_ascii=False),
        "warnings": warnings_json(document.warnings),
        "chunk_count": chunk_count,
        "ingested_at": ingested_at,
        "text": document.text,
    }
    if row:
        updates = ", ".join(f"{name} = %s" for name in values)
        query = f"UPDATE lectern.documents SET {updates} WHERE course = %s AND id = %s"
        connection.execute(query, (*map(storable, values.values()), course, row[0]))
        number = int(row[0])
    else:
        query = (
            f"INSERT INTO lectern.documents (course, id, path, given_tags, terms, {', '.join(values)}) "
            "SELECT %s, (SELECT COALESCE(MAX(id), 0) + 1 FROM lectern.documents WHERE course = %s), %s, '[]', 0, "
            f"{', '.join('%s' for _ in values)} RETURNING id"
        )
        made = connection.execute(
            query, (course, course, document.path, *map(storable, values.values()))
        ).fetchone()
        number = int(made[0]) if made else 0
    connection.execute("DELETE FROM lectern.blocks WHERE course = %s AND document = %s", (course, number))
    insert_rows(
        connection, "blocks", _BLOCK, course, ((number, *block) for block in block_values(document.blocks))
    )
    return number


def joined_tags(own: Iterable[str], given: Iterable[str]) -> str:
    """Return a note's own tags and the given ones as JSON.

    Tags that differ only in case are written once.
    """
    tags: dict[str, str] = {}
    for tag in (*own, *given):
        tags.setdefault(tag.casefold(), tag)
    return json.dumps(list(tags.values()), ensure_ascii=False)


def write_chunks(
    connection: Connection,
    course: int,
    number: int,
    chunks: Sequence[Chunk],
    vectors: Vectors,
    sketches: Sequence[bytes],
) -> None:
    """Write a document's passages in place of those that it had.

    Equal ones keep their rowids.
    """
    kept: dict[bytes, list[int]] = defaultdict(list)
    query = (
        "SELECT e.passage, c.id FROM lectern.chunks c JOIN lectern.embeddings e ON e.id = c.embedding "
        "WHERE c.course = %s AND e.course = %s AND c.document = %s ORDER BY c.ordinal DESC"
    )
    for passage, rowid in connection.execute(query, (course, course, number), binary=True):
        kept[passage].append(rowid)
    keys = [passage_key(chunk) for chunk in chunks]
    rowids = [kept[key].pop() if kept.get(key) else 0 for key in keys]
    _move(connection, course, [(rowid, chunk) for rowid, chunk in zip(rowids, chunks, strict=True) if rowid])
    fresh = iter(_new_rowids(connection, course, rowids.count(0)))
    new = [
        (next(fresh), key, vector, sketch, chunk)
        for rowid, key, chunk, vector, sketch in zip(rowids, keys, chunks, vectors, sketches, strict=True)
        if not rowid
    ]
    ids = _write_embeddings(connection, course, [row[:4] for row in new])
    rows = ((rowid, number, ids[key], *chunk_values(chunk)) for rowid, key, _, _, chunk in new)
    insert_rows(connection, "chunks", _CHUNK, course, rows)
    _delete_chunks(connection, course, [rowid for left in kept.values() for rowid in left])
    numbers = iter([row[0] for row in new])
    final = {rowid or next(numbers): chunk for rowid, chunk in zip(rowids, chunks, strict=True)}
    write_postings(connection, course, number, final)


def delete_document(connection: Connection, course: int, path: str) -> bool:
    """Delete the document with all that only it uses; return whether it existed."""
    query = "DELETE FROM lectern.documents WHERE course = %s AND path = %s RETURNING id"
    row = connection.execute(query, (course, path)).fetchone()
    if row is None:
        return False
    of_document = "course = %s AND document = %s"
    rowids = connection.execute(
        f"SELECT id FROM lectern.chunks WHERE {of_document}", (course, row[0])
    ).fetchall()
    _delete_chunks(connection, course, [rowid for (rowid,) in rowids])
    connection.execute(f"DELETE FROM lectern.postings WHERE {of_document}", (course, row[0]))
    connection.execute(f"DELETE FROM lectern.blocks WHERE {of_document}", (course, row[0]))
    return True


def insert_rows(
    connection: Connection, table: str, types: Mapping[str, str], course: int, rows: Iterable[Sequence[Any]]
) -> None:
    """Insert rows of a course.

    `types` are the columns with their types, in the order of the rows. COPY is not used: the server refuses it to a role that is limited to a course.
    """
    statement = sql.SQL("INSERT INTO {} (course, {}) SELECT %s, u.* FROM unnest({}) u").format(
        sql.Identifier("lectern", table),
        sql.SQL(", ").join(map(sql.Identifier, types)),
        sql.SQL(", ").join(
            sql.SQL(f"%{'b' if kind in _BINARY else 's'}::{kind}[]") for kind in types.values()
        ),
    )
    waiting = iter(rows)
    while part := list(islice(waiting, _ROWS)):
        connection.execute(
            statement,
            (course, *([storable(value) for value in column] for column in zip(*part, strict=True))),
        )


def update_chunk_ids(connection: Connection, course: int, ids: Sequence[tuple[int, str]]) -> None:
    """Give chunks other ids by their rowids."""
    connection.execute(
        "UPDATE lectern.chunks c SET chunk_id = u.chunk_id FROM unnest(%s::bigint[], %s::text[]) u (id, chunk_id) "
        "WHERE c.course = %s AND c.id = u.id",
        ([rowid for rowid, _ in ids], [identity for _, identity in ids], course),
    )


def storable(value: Any) -> Any:
    """Return a value without the sign 0 in texts, which PostgreSQL refuses."""
    return str(value).replace("\0", "\ufffd") if isinstance(value, str) else value


def _new_rowids(connection: Connection, course: int, count: int) -> range:
    query = "UPDATE lectern.courses SET last_chunk = last_chunk + %s WHERE id = %s RETURNING last_chunk"
    row = connection.execute(query, (count, course)).fetchone()
    last = int(row[0]) if row else 0
    return range(last - count + 1, last + 1)


def _move(connection: Connection, course: int, moved: Sequence[tuple[int, Chunk]]) -> None:
    if not moved:
        return
    columns = [
        (
            rowid,
            chunk.id,
            chunk.ordinal,
            chunk.start,
            chunk.end,
            at.unit.value,
            at.first,
            at.last,
            named_place(at),
        )
        for rowid, chunk in moved
        for at in (chunk.locator,)
    ]
    names = [f'"{name}"' for name in _MOVED]
    updates = ", ".join(f"{name} = u.{name}" for name in names[1:])
    arrays = ", ".join(f"%s::{kind}[]" for kind in _MOVED.values())
    connection.execute(
        f"UPDATE lectern.chunks c SET {updates} FROM unnest({arrays}) u ({', '.join(names)}) WHERE c.course = %s AND c.id = u.id",
        (*([storable(value) for value in column] for column in zip(*columns, strict=True)), course),
    )


def _write_embeddings(
    connection: Connection, course: int, made: Sequence[tuple[int, bytes, Vectors, bytes]]
) -> dict[bytes, int]:
    """Write the vectors of new passages that no other has.

    Returns passage key to the number of its vector.
    A vector has the rowid of its first passage as its number.
    """
    query = "SELECT passage, id, sketch = '' FROM lectern.embeddings WHERE course = %s AND passage = ANY(%s)"
    rows = connection.execute(query, (course, [key for _, key, _, _ in made]), binary=True).fetchall()
    ids = {key: number for key, number, _ in rows}
    bare = {key for key, _, is_bare in rows if is_bare}
    new: dict[bytes, tuple[int, bytes, Vector, bytes]] = {}
    for rowid, key, vector, sketch in made:
        if key not in ids:
            new.setdefault(key, (rowid, key, Vector(vector), sketch))
        elif key in bare and sketch:
            update = "UPDATE lectern.embeddings SET sketch = %s WHERE course = %s AND id = %s"
            connection.execute(update, (sketch, course, ids[key]))
    insert_rows(connection, "embeddings", _EMBEDDING, course, new.values())
    return ids | {key: row[0] for key, row in new.items()}


def _delete_chunks(connection: Connection, course: int, rowids: Sequence[int]) -> None:
    """Delete chunks and the vectors that no other chunk uses."""
    if not rowids:
        return
    query = "DELETE FROM lectern.chunks WHERE course = %s AND id = ANY(%s) RETURNING embedding"
    used = [row[0] for row in connection.execute(query, (course, list(rowids)))]
    connection.execute(
        "DELETE FROM lectern.embeddings e WHERE e.course = %s AND e.id = ANY(%s) AND NOT EXISTS "
        "(SELECT 1 FROM lectern.chunks c WHERE c.course = %s AND c.embedding = e.id)",
        (course, used, course),
    )
