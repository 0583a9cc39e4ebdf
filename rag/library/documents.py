"""Changes to the rows of a document, made inside a given transaction.

A passage whose title, headings and text stay the same keeps its rowid, its entry in the lexical index and its
vector, so an edited file costs what its changed passages cost.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from rag.aliases import Vectors
from rag.errors import LibraryMismatch
from rag.library.checked_tables import EMBEDDINGS, GIVEN_TAGS, SKETCHES, document_is_sound, has_given_tags
from rag.library.checksums import damaged_keys, has_checks, install
from rag.library.rows import (
    BLOCK_COLUMNS,
    CHUNK_COLUMNS,
    block_values,
    chunk_values,
    named_place,
    passage_key,
)
from rag.note_warnings import warnings_json
from rag.types import Chunk, Document

_BLOCK_MARKS = ", ".join("?" * 11)
_CHUNK_MARKS = ", ".join("?" * 11)
# Made with the first tag that a person gives, so that a library without any is what it was. `own` are the note's tags, `given`
# the person's; `documents.tags` has both; only this table shows which of them the next reading of the note may remove.
GIVEN_TAGS_TABLE = """
CREATE TABLE IF NOT EXISTS given_tags (
    document_id INTEGER PRIMARY KEY REFERENCES documents ON DELETE CASCADE, own TEXT NOT NULL, given TEXT NOT NULL
)
"""


def check_vectors(document: Document, chunks: Sequence[Chunk], vectors: Vectors, dim: int) -> None:
    """Check that there is one vector of the library's length for each chunk.

    Raises:
        LibraryMismatch: the shape is another.
    """
    if vectors.shape != (len(chunks), dim):
        raise LibraryMismatch(
            f"{document.path}: {len(chunks)} passages came with vectors of shape {vectors.shape}; the library's "
            f"have {dim} dimensions."
        )


def insert_document(
    connection: sqlite3.Connection,
    document: Document,
    *,
    chunk_count: int,
    size_bytes: int,
    mtime_ns: int,
    ingested_at: str,
) -> int:
    """Write the document's row and its blocks, and return the row's number.

    The row of a document with the same path is reused, unless it is damaged. Tags that a person gave stay
    beside the document's own.
    """
    delete_if_damaged(connection, document.path)
    values = {
        "path": document.path,
        "title": document.title,
        "kind": document.kind,
        "content_hash": document.content_hash,
        "size_bytes": size_bytes,
        "mtime_ns": mtime_ns,
        "source": document.source,
        "tags": json.dumps(document.tags, ensure_ascii=False),
        "warnings": warnings_json(document.warnings),
        "chunk_count": chunk_count,
        "ingested_at": ingested_at,
        "text": document.text,
    }
    updates = ", ".join(f"{name} = excluded.{name}" for name in values if name != "path")
    query = (
        f"INSERT INTO documents ({', '.join(values)}) VALUES ({', '.join('?' * len(values))}) "
        f"ON CONFLICT (path) DO UPDATE SET {updates} RETURNING id"
    )
    number: int = connection.execute(query, tuple(values.values())).fetchone()[0]
    if has_given_tags(connection):
        connection.execute(
            "UPDATE given_tags SET own = ? WHERE document_id = ?", (json.dumps(document.tags), number)
        )
        _write_tags(connection, number)
    connection.execute("DELETE FROM blocks WHERE document_id = ?", (number,))
    connection.executemany(
        f"INSERT INTO blocks (document_id, {BLOCK_COLUMNS}) VALUES (?, {_BLOCK_MARKS})",
        ((number, *row) for row in block_values(document.blocks)),
    )
    return number


def give_tags(connection: sqlite3.Connection, path: str, tags: Sequence[str]) -> bool:
    """Replace the tags that a person gave a document, and return whether it exists."""
    row = connection.execute("SELECT id, tags FROM documents WHERE path = ?", (path,)).fetchone()
    if row is None:
        return False
    connection.execute(GIVEN_TAGS_TABLE)
    if has_checks(connection):
        install(connection, (GIVEN_TAGS,))
    connection.execute(
        "INSERT INTO given_tags VALUES (?, ?, ?) ON CONFLICT (document_id) DO UPDATE SET given = excluded.given",
        (*row, json.dumps(list(tags))),
    )
    _write_tags(connection, row[0])
    return True


def _write_tags(connection: sqlite3.Connection, number: int) -> None:
    """Write the note's own tags and the given ones into the document's row.

    A tag that differs only in case is written once.
    """
    query = "SELECT own, given FROM given_tags WHERE document_id = ?"
    for own, given in connection.execute(query, (number,)).fetchall():
        tags: dict[str, str] = {}
        for tag in (*json.loads(own), *json.loads(given)):
            tags.setdefault(tag.casefold(), tag)
        connection.execute(
            "UPDATE documents SET tags = ? WHERE id = ?", (json.dumps(list(tags.values())), number)
        )


def write_chunks(
    connection: sqlite3.Connection,
    number: int,
    chunks: Sequence[Chunk],
    vectors: Vectors,
    sketches: Sequence[bytes],
) -> None:
    """Make `chunks` the document's chunks.

    Those that it already has are moved, new ones are added, and the others are deleted.
    """
    kept: dict[bytes, list[int]] = defaultdict(list)
    query = (
        "SELECT e.passage, c.id FROM chunks c JOIN embeddings e ON e.id = c.embedding_id "
        "WHERE c.document_id = ? ORDER BY c.ordinal DESC"
    )
    for passage, rowid in connection.execute(query, (number,)):
        kept[passage].append(rowid)
    for chunk, vector, sketch in zip(chunks, vectors, sketches, strict=True):
        passage = passage_key(chunk)
        if kept.get(passage):
            _move_chunk(connection, kept[passage].pop(), chunk)
        else:
            _insert_chunk(connection, number, chunk, passage, vector, sketch)
    _delete_chunks(connection, [rowid for rowids in kept.values() for rowid in rowids])


def delete_document(connection: sqlite3.Connection, path: str) -> bool:
    """Delete the document with all that only it uses; return whether it existed."""
    row = connection.execute("SELECT id FROM documents WHERE path = ?", (path,)).fetchone()
    if row is None:
        return False
    delete_number(connection, row[0])
    return True


def delete_number(connection: sqlite3.Connection, number: int) -> None:
    """Delete the document of that number with all that only it uses.

    If its rows are damaged, the lexical index is made anew: it has the terms of what they were.
    """
    damaged = has_checks(connection) and not document_is_sound(connection, number)
    table = "chunks NOT INDEXED" if damaged else "chunks"  # a damaged index does not find all of them
    rowids = connection.execute(f"SELECT id FROM {table} WHERE document_id = ?", (number,)).fetchall()
    _delete_chunks(connection, [rowid for (rowid,) in rowids])
    connection.execute("DELETE FROM documents WHERE id = ?", (number,))
    if damaged:
        connection.execute("INSERT INTO chunks_fts(chunks_fts) VALUES ('rebuild')")


def delete_if_damaged(connection: sqlite3.Connection, path: str) -> None:
    """Delete the document of that name if a row of it is damaged."""
    row = connection.execute("SELECT id FROM documents WHERE path = ?", (path,)).fetchone()
    if row is not None and has_checks(connection) and not document_is_sound(connection, row[0]):
        delete_number(connection, row[0])


def _move_chunk(connection: sqlite3.Connection, rowid: int, chunk: Chunk) -> None:
    at = chunk.locator
    connection.execute(
        'UPDATE chunks SET chunk_id = ?, ordinal = ?, start = ?, "end" = ?, unit = ?, first = ?, last = ?, heading = ? '
        "WHERE id = ?",
        (chunk.id, chunk.ordinal, chunk.start, chunk.end, at.unit, at.first, at.last, named_place(at), rowid),
    )


def _insert_chunk(
    connection: sqlite3.Connection,
    number: int,
    chunk: Chunk,
    passage: bytes,
    vector: Vectors,
    sketch: bytes,
) -> None:
    blob = np.ascontiguousarray(vector, np.float32).tobytes()
    known = connection.execute("SELECT id FROM embeddings WHERE passage = ?", (passage,)).fetchone()
    if known is None:
        connection.execute("INSERT INTO embeddings (passage, vector) VALUES (?, ?)", (passage, blob))
    elif has_checks(connection):
        _mend_embedding(connection, known[0], blob)
    if sketch:
        connection.execute(
            "INSERT OR IGNORE INTO sketches SELECT id, ? FROM embeddings WHERE passage = ?", (sketch, passage)
        )
    connection.execute(
        f"INSERT INTO chunks (document_id, embedding_id, {CHUNK_COLUMNS}) "
        f"VALUES (?, (SELECT id FROM embeddings WHERE passage = ?), {_CHUNK_MARKS})",
        (number, passage, *chunk_values(chunk)),
    )


def _mend_embedding(connection: sqlite3.Connection, number: int, blob: bytes) -> None:
    """Write a shared vector again if it is damaged."""
    if damaged_keys(connection, EMBEDDINGS, "t.id = ?", (number,)):
        connection.execute("UPDATE embeddings SET vector = ? WHERE id = ?", (blob, number))
        connection.execute(
            f"UPDATE checks SET crc = (SELECT row_crc({EMBEDDINGS.values('e')}) FROM embeddings e WHERE e.id = ?1) "
            "WHERE kind = 'embeddings' AND key = ?1",
            (number,),
        )
    if damaged_keys(connection, SKETCHES, "t.embedding_id = ?", (number,)):
        connection.execute("DELETE FROM sketches WHERE embedding_id = ?", (number,))


def _delete_chunks(connection: sqlite3.Connection, rowids: Iterable[int]) -> None:
    """Delete chunks and the embeddings that no other chunk uses."""
    for rowid in rowids:
        row = connection.execute(
            "DELETE FROM chunks WHERE id = ? RETURNING embedding_id", (rowid,)
        ).fetchone()
        connection.execute(
            "DELETE FROM embeddings WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM chunks WHERE embedding_id = ?1)",
            row,
        )
