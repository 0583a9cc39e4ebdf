"""The tables of a library whose rows have checksums, and their damage by document."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.errors import LibraryDamaged
from rag.library.checksums import Checked, damaged_keys, has_checks, install, lost_keys

MANIFEST = Checked("manifest", "manifest", "{}.key", ("key", "value"))
RECORDS = Checked(
    "documents",
    "documents",
    "{}.id",
    ("id", "path", "title", "kind", "content_hash", "size_bytes", "mtime_ns", "source", "tags", "warnings", "chunk_count",
     "ingested_at"),
)  # fmt: skip
TEXTS = Checked("texts", "documents", "{}.id", ("id", "text"))
BLOCKS = Checked(
    "blocks",
    "blocks",
    "({}.document_id || ':' || {}.ordinal)",
    ("document_id", "ordinal", "kind", "start", "end", "unit", "first", "last", "heading", "level", "part", "identity"),
)  # fmt: skip
CHUNKS = Checked(
    "chunks",
    "chunks",
    "{}.id",
    ("id", "chunk_id", "document_id", "ordinal", "start", "end", "unit", "first", "last", "heading", "embedding_id",
     "title", "headings", "text"),
)  # fmt: skip
EMBEDDINGS = Checked("embeddings", "embeddings", "{}.id", ("id", "passage", "vector"))
SKETCHES = Checked("sketches", "sketches", "{}.embedding_id", ("embedding_id", "sketch"))
FAILURES = Checked(
    "failures",
    "failures",
    "{}.source",
    ("source", "path", "reason", "size_bytes", "mtime_ns", "reader", "failed_at"),
)
FEEDBACK = Checked(
    "feedback", "feedback", "{}.id", ("id", "question", "answer_json", "verdict", "note", "given_at")
)
GIVEN_TAGS = Checked("given_tags", "given_tags", "{}.document_id", ("document_id", "own", "given"))
TABLES = (MANIFEST, RECORDS, TEXTS, BLOCKS, CHUNKS, EMBEDDINGS, SKETCHES, FAILURES, FEEDBACK)
_BY_DOCUMENT = {
    "documents": "t.id",
    "texts": "t.id",
    "blocks": "t.document_id",
    "chunks": "t.document_id",
    "given_tags": "t.document_id",
}
_OF_EMBEDDING = "SELECT DISTINCT document_id FROM chunks WHERE embedding_id = ?"


@dataclass(frozen=True, slots=True)
class Damage:
    """Damaged rows, with the number of their document if they have one."""

    kind: str
    document: int | None


def add_checksums(connection: sqlite3.Connection) -> None:
    """Give a library of an earlier version its checksums, inside a given transaction."""
    if not has_checks(connection):
        install(connection, TABLES)
    elif has_given_tags(connection):
        install(connection, (GIVEN_TAGS,))


def has_given_tags(connection: sqlite3.Connection) -> bool:
    """Return whether a person ever gave a document of the library tags."""
    row = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'given_tags'").fetchone()
    return row is not None


def with_other_counts(
    connection: sqlite3.Connection, where: str = "1", values: Sequence[object] = ()
) -> list[int]:
    """Return the documents that have another number of passages than they had.

    `where` is a condition on the document `d`, with its `values`.
    """
    query = (
        "SELECT d.id FROM documents d LEFT JOIN chunks c ON c.document_id = d.id "
        f"WHERE {where} GROUP BY d.id HAVING COUNT(c.id) <> d.chunk_count"
    )
    return [number for (number,) in connection.execute(query, values)]


def damages(connection: sqlite3.Connection) -> Iterator[Damage]:
    """Yield every damage in the rows of a library that has checksums.

    Each row is read.
    """
    kinds = {table.kind for table in TABLES} | {GIVEN_TAGS.kind}
    if {kind for (kind,) in connection.execute("SELECT DISTINCT CAST(kind AS BLOB) FROM checks")} - {
        kind.encode() for kind in kinds
    }:
        yield Damage("checks", None)
    for checked in (*TABLES, *((GIVEN_TAGS,) if has_given_tags(connection) else ())):
        for key in damaged_keys(connection, checked):
            yield from _damages_of(connection, checked, key)
        for key in lost_keys(connection, checked):
            yield from _damages_of(connection, checked, key)


def document_is_sound(connection: sqlite3.Connection, number: int) -> bool:
    """Return True if every row of a document has its checksum, its vectors too."""
    for checked in (RECORDS, TEXTS, BLOCKS, CHUNKS):
        if damaged_keys(connection, checked, f"{_BY_DOCUMENT[checked.kind]} = ?", (number,)):
            return False
    used = "{} IN (SELECT embedding_id FROM chunks WHERE document_id = ?)"
    if damaged_keys(connection, EMBEDDINGS, used.format("t.id"), (number,)):
        return False
    if damaged_keys(connection, SKETCHES, used.format("t.embedding_id"), (number,)):
        return False
    blocks = connection.execute("SELECT COUNT(*) FROM blocks WHERE document_id = ?", (number,)).fetchone()[0]
    marks = connection.execute(
        "SELECT COUNT(*) FROM checks WHERE kind = 'blocks' AND key >= ? AND key < ?",
        (f"{number}:", f"{number};"),
    ).fetchone()[0]
    return blocks == marks and not with_other_counts(connection, "d.id = ?", (number,))


def unsound(folder: object, what: str) -> LibraryDamaged:
    """Return the error about a row that does not have its checksum."""
    return LibraryDamaged(
        f"{what} in the library at {folder} is damaged on the disk: it does not have its checksum, so it is not shown. Run "
        "lectern ingest with the folder of that file, which reads it again; lectern doctor --deep finds all damage."
    )


def _damages_of(connection: sqlite3.Connection, checked: Checked, key: object) -> Iterator[Damage]:
    if checked.kind == "blocks":
        yield Damage(checked.kind, _number(str(key).partition(":")[0]))
    elif checked.kind == "chunks":
        row = connection.execute("SELECT document_id FROM chunks WHERE id = ?", (key,)).fetchone()
        yield Damage(checked.kind, _number(str(row[0])) if row else None)
    elif checked.kind in {"documents", "texts", "given_tags"}:
        yield Damage(checked.kind, _number(str(key)))
    elif checked.kind in {"embeddings", "sketches"}:
        numbers: Sequence[tuple[int]] = connection.execute(_OF_EMBEDDING, (key,)).fetchall()
        yield from (Damage(checked.kind, number) for (number,) in numbers or [(None,)])  # type: ignore[list-item]
    else:
        yield Damage(checked.kind, None)


def _number(text: str) -> int | None:
    """Return the number of a document in a key, None if the key itself is damaged."""
    return int(text) if text.isdecimal() else None
