"""The reading side of a course on a server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from rag.aliases import Rowids, Vectors
from rag.errors import LibraryMismatch, LibraryMissing
from rag.library.postgres.connections import ServerConnections
from rag.library.postgres.dense import ServerVectors
from rag.library.postgres.documents import storable
from rag.library.postgres.vector_type import read_vectors
from rag.library.postgres.words import PostingWords
from rag.library.rows import (
    BLOCK_COLUMNS,
    CHUNK_COLUMNS,
    RECORD_COLUMNS,
    DocumentRecord,
    FailureRecord,
    Feedback,
    Manifest,
    block_of,
    chunk_of,
    document_of,
    record_of,
)
from rag.types import Chunk, Document


class ServerReading:
    """Everything that is read from a course; any thread may."""

    def __init__(self, folder: Path, connections: ServerConnections) -> None:
        self.folder = folder
        self.place = connections.place
        self._connections = connections
        self._course = connections.course
        self.words = PostingWords(connections)
        self.dense = ServerVectors(self)

    @property
    def connections(self) -> ServerConnections:
        """The connections to the server."""
        return self._connections

    def snapshot(self) -> AbstractContextManager[object]:
        """Return a context in which this thread reads one unchanging state."""
        return self._connections.snapshot()

    @property
    def generation(self) -> int:
        """Number of committed changes; it grows by one with each."""
        found = self._connections.generation()
        return self._courses("generation")[0] if found is None else found

    @property
    def manifest(self) -> Manifest:
        """Settings that the library was made with."""
        schema, *values = self._courses(
            "(SELECT schema FROM lectern.version), embedder, dim, chunker, created_at"
        )
        return Manifest(int(schema), *values)

    def check_embedder(self, embedder: str, dim: int) -> None:
        """Check that the library's vectors, if it has any, come from this embedder.

        Raises:
            LibraryMismatch: they come from another one.
        """
        made = self.manifest
        if made.embedder and (made.embedder, made.dim) != (embedder, dim):
            raise LibraryMismatch(
                f"{self.place} was embedded by {made.embedder} ({made.dim} dimensions), the settings now name {embedder} ({dim}). "
                "Set embedding.model back, or use another course."
            )

    def documents(self) -> list[DocumentRecord]:
        """Return every document without its text, ordered by path."""
        return [
            record_of(row)
            for row in self._of("SELECT {} FROM lectern.documents", RECORD_COLUMNS, "ORDER BY path")
        ]

    def has(self, path: str) -> bool:
        """Return whether there is a document of that name."""
        return bool(self._of("SELECT 1 FROM lectern.documents", "", "AND path = %s", path))

    def document(self, path: str) -> Document:
        """Return the document of that name with its text and blocks.

        Raises:
            LibraryMissing: there is none.
        """
        with self.snapshot():
            rows = self._of(
                "SELECT id, text, {} FROM lectern.documents", RECORD_COLUMNS, "AND path = %s", path
            )
            if not rows:
                raise LibraryMissing(
                    f"The library has no document {path!r}; `lectern documents list` names them."
                )
            number, text, *values = rows[0]
            blocks = self._of(
                "SELECT {} FROM lectern.blocks", BLOCK_COLUMNS, "AND document = %s ORDER BY ordinal", number
            )
        return document_of(record_of(values), text, map(block_of, blocks))

    def text_starts(self, length: int) -> list[str]:
        """Return the first `length` characters of every document."""
        query = "SELECT left(text, %s) FROM lectern.documents WHERE course = %s"
        return [row[0] for row in self._connections.rows(query, (length, self._course))]

    def own_tags(self, path: str) -> tuple[str, ...]:
        """Return the tags of a document's own note, without those that a person gave."""
        return self._tags("own_tags", path)

    def given_tags(self, path: str) -> tuple[str, ...]:
        """Return the tags that a person gave a document, without the note's own."""
        return self._tags("given_tags", path)

    def failures(self) -> list[FailureRecord]:
        """Return the files that could not be read at their last ingest, ordered by path."""
        columns = "source, path, reason, size_bytes, mtime_ns, parser, failed_at"
        return [
            FailureRecord(*row)
            for row in self._of("SELECT {} FROM lectern.failures", columns, "ORDER BY path")
        ]

    def feedback(self) -> list[Feedback]:
        """Return people's verdicts on answers, oldest first."""
        columns = "id, question, answer_json, verdict, note, given_at"
        return [Feedback(*row) for row in self._of("SELECT {} FROM lectern.feedback", columns, "ORDER BY id")]

    def chunks(self, rowids: Sequence[int] | Rowids) -> list[Chunk]:
        """Return the chunks of these rowids, in order, without those that are gone."""
        found = self.chunks_by_rowid(rowids)
        return [found[int(rowid)] for rowid in rowids if int(rowid) in found]

    def chunks_by_rowid(self, rowids: Sequence[int] | Rowids) -> dict[int, Chunk]:
        """Return rowid to chunk, for those that exist."""
        columns = ", ".join(f"c.{name.strip()}" for name in CHUNK_COLUMNS.split(","))
        rows = self._chunks(f"c.id, d.path, {columns}", "c.id = ANY(%s)", _plain(rowids))
        return {rowid: chunk_of(path, values) for rowid, path, *values in rows}

    def document_of(self, rowids: Sequence[int] | Rowids) -> dict[int, str]:
        """Return rowid to the path of its document, for those that exist."""
        return dict(self._chunks("c.id, d.path", "c.id = ANY(%s)", _plain(rowids)))

    def chunks_of(self, path: str) -> list[Chunk]:
        """Return the chunks of a document in reading order; none for an unknown document."""
        with self.snapshot():
            rows = self._chunks("c.id", "d.path = %s ORDER BY c.ordinal", path)
            return self.chunks([row[0] for row in rows])

    def chunk_rowids(self) -> Rowids:
        """Return every chunk's rowid, ascending; none is ever used again."""
        return _rowids(self._of("SELECT id FROM lectern.chunks", "", "ORDER BY id"))

    def rowids_in(self, paths: Sequence[str]) -> Rowids:
        """Return the rowids of the chunks of documents, ascending."""
        return _rowids(self._chunks("c.id", "d.path = ANY(%s) ORDER BY c.id", list(paths)))

    def chunk_count(self) -> int:
        """Return the number of chunks."""
        return int(
            self._of("SELECT COALESCE(SUM(chunk_count), 0)::bigint FROM lectern.documents", "", "")[0][0]
        )

    def vectors(self, rowids: Sequence[int] | Rowids | None = None) -> tuple[Rowids, Vectors]:
        """Return rowids (n,) and their vectors (n, dim), in the order given.

        Without `rowids`, all of them ascending. Rowids that no longer exist are left out.
        """
        wanted = self.chunk_rowids() if rowids is None else rowids
        found = dict(self._embeddings("c.id, vector_send(e.vector)", _plain(wanted)))
        kept = [int(rowid) for rowid in wanted if int(rowid) in found]
        return np.array(kept, np.int64), read_vectors([found[rowid] for rowid in kept], self.manifest.dim)

    def sketches(self, rowids: Sequence[int] | Rowids) -> dict[int, bytes]:
        """Return rowid to token sketch (`rag.embedding.late_interaction`)."""
        return {
            rowid: sketch for rowid, sketch in self._embeddings("c.id, e.sketch", _plain(rowids)) if sketch
        }

    def embeddings(self, keys: Sequence[bytes]) -> dict[bytes, tuple[Vectors, bytes]]:
        """Return passage key (`rag.library.rows.passage_key`) to vector (dim,) and sketch."""
        rows = self._of(
            "SELECT passage, vector_send(vector), sketch FROM lectern.embeddings",
            "",
            "AND passage = ANY(%s)",
            list(keys),
        )
        vectors = read_vectors([row[1] for row in rows], self.manifest.dim)
        return {row[0]: (vector, row[2]) for row, vector in zip(rows, vectors, strict=True)}

    def _courses(self, columns: str) -> tuple[Any, ...]:
        rows = self._connections.rows(f"SELECT {columns} FROM lectern.courses WHERE id = %s", (self._course,))
        if not rows:
            raise LibraryMissing(
                f"The course of {self.place} was removed, or this user may no longer see it."
            )
        return rows[0]

    def _of(self, query: str, columns: str, rest: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return rows of this course; `rest` follows the condition on it."""
        whole = f"{query.format(columns)} WHERE course = %s {rest}"
        return self._connections.rows(whole, (self._course, *map(storable, values)))

    def _chunks(self, columns: str, condition: str, *values: Any) -> list[tuple[Any, ...]]:
        query = (
            f"SELECT {columns} FROM lectern.chunks c JOIN lectern.documents d ON d.id = c.document "
            f"WHERE c.course = %s AND d.course = %s AND {condition}"
        )
        return self._connections.rows(query, (self._course, self._course, *map(storable, values)))

    def _embeddings(self, columns: str, rowids: list[int]) -> list[tuple[Any, ...]]:
        query = (
            f"SELECT {columns} FROM lectern.chunks c JOIN lectern.embeddings e ON e.id = c.embedding "
            "WHERE c.course = %s AND e.course = %s AND c.id = ANY(%s)"
        )
        return self._connections.rows(query, (self._course, self._course, rowids))

    def _tags(self, column: str, path: str) -> tuple[str, ...]:
        rows = self._of(f"SELECT {column} FROM lectern.documents", "", "AND path = %s", path)
        return tuple(json.loads(rows[0][0])) if rows else ()


def _plain(rowids: Sequence[int] | Rowids) -> list[int]:
    return [int(rowid) for rowid in rowids]


def _rowids(rows: Sequence[tuple[Any, ...]]) -> Rowids:
    return np.fromiter((row[0] for row in rows), np.int64, len(rows))
