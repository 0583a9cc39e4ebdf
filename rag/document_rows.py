"""What putting a document in, changing it and taking it out does to the library's tables, inside a given transaction.

It knows which rows may live on: a passage whose title, headings and text stay the same keeps its rowid, its place in the
lexical index and its vector, so an edited file costs what its changed passages cost.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from rag.records import BLOCK_COLUMNS, CHUNK_COLUMNS, block_values, chunk_values, passage_key
from rag.types import Chunk, Document

_BLOCK_MARKS = ", ".join("?" * 11)
_CHUNK_MARKS = ", ".join("?" * 11)
# Made with the first tag that a person gives, so that a library without any is what it was. `own` are the note's tags, `given`
# the person's; `documents.tags` holds both, and only here it is told which of them the next reading of the note may take away.
_GIVEN_TAGS = """
CREATE TABLE IF NOT EXISTS given_tags (
    document_id INTEGER PRIMARY KEY REFERENCES documents ON DELETE CASCADE, own TEXT NOT NULL, given TEXT NOT NULL
)
"""


def insert_document(
    connection: sqlite3.Connection,
    document: Document,
    *,
    chunk_count: int,
    size_bytes: int,
    mtime_ns: int,
    ingested_at: str,
) -> int:
    """The number of the document's row, written with its blocks; the row of the same path is reused.

    Tags that a person gave stay, beside the document's own.
    """
    values = {
        "path": document.path,
        "title": document.title,
        "kind": document.kind,
        "content_hash": document.content_hash,
        "size_bytes": size_bytes,
        "mtime_ns": mtime_ns,
        "source": document.source,
        "tags": json.dumps(document.tags, ensure_ascii=False),
        "warnings": json.dumps(document.warnings, ensure_ascii=False),
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


def has_given_tags(connection: sqlite3.Connection) -> bool:
    """Whether a person ever gave a document of the library tags."""
    row = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'given_tags'").fetchone()
    return row is not None


def give_tags(connection: sqlite3.Connection, path: str, tags: Sequence[str]) -> bool:
    """Makes `tags` those that a person gave the document, in the place of earlier ones; whether there is such a document."""
    row = connection.execute("SELECT id, tags FROM documents WHERE path = ?", (path,)).fetchone()
    if row is None:
        return False
    connection.execute(_GIVEN_TAGS)
    connection.execute(
        "INSERT INTO given_tags VALUES (?, ?, ?) ON CONFLICT (document_id) DO UPDATE SET given = excluded.given",
        (*row, json.dumps(list(tags))),
    )
    _write_tags(connection, row[0])
    return True


def _write_tags(connection: sqlite3.Connection, number: int) -> None:
    """Writes the note's own tags and those given into the document's row, each once whatever its case."""
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
    vectors: NDArray[np.float32],
    sketches: Sequence[bytes],
) -> None:
    """Makes `chunks` the document's chunks: those it has already are moved, new ones are added, the rest goes."""
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
    """Takes the document's row out with its blocks, chunks and unshared embeddings; whether there was one."""
    row = connection.execute("SELECT id FROM documents WHERE path = ?", (path,)).fetchone()
    if row is None:
        return False
    rowids = connection.execute("SELECT id FROM chunks WHERE document_id = ?", row).fetchall()
    _delete_chunks(connection, [rowid for (rowid,) in rowids])
    connection.execute("DELETE FROM documents WHERE id = ?", row)
    return True


def _move_chunk(connection: sqlite3.Connection, rowid: int, chunk: Chunk) -> None:
    at = chunk.locator
    connection.execute(
        'UPDATE chunks SET chunk_id = ?, ordinal = ?, start = ?, "end" = ?, unit = ?, first = ?, last = ?, heading = ? '
        "WHERE id = ?",
        (chunk.id, chunk.ordinal, chunk.start, chunk.end, at.unit, at.first, at.last, at.heading, rowid),
    )


def _insert_chunk(
    connection: sqlite3.Connection,
    number: int,
    chunk: Chunk,
    passage: bytes,
    vector: NDArray[np.float32],
    sketch: bytes,
) -> None:
    blob = np.ascontiguousarray(vector, np.float32).tobytes()
    connection.execute("INSERT OR IGNORE INTO embeddings (passage, vector) VALUES (?, ?)", (passage, blob))
    if sketch:
        connection.execute(
            "INSERT OR IGNORE INTO sketches SELECT id, ? FROM embeddings WHERE passage = ?", (sketch, passage)
        )
    connection.execute(
        f"INSERT INTO chunks (document_id, embedding_id, {CHUNK_COLUMNS}) "
        f"VALUES (?, (SELECT id FROM embeddings WHERE passage = ?), {_CHUNK_MARKS})",
        (number, passage, *chunk_values(chunk)),
    )


def _delete_chunks(connection: sqlite3.Connection, rowids: Iterable[int]) -> None:
    """Deletes chunks and the embeddings that no other chunk uses."""
    for rowid in rowids:
        row = connection.execute(
            "DELETE FROM chunks WHERE id = ? RETURNING embedding_id", (rowid,)
        ).fetchone()
        connection.execute(
            "DELETE FROM embeddings WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM chunks WHERE embedding_id = ?1)",
            row,
        )
