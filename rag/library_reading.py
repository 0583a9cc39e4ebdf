"""What a library holds: documents, passages, vectors, what could not be read, what people said.

It knows the queries and nothing of how the rows came to be there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from rag.document_rows import has_given_tags
from rag.errors import LibraryMissing
from rag.library_file import LibraryFile, Rowids
from rag.records import (
    BLOCK_COLUMNS,
    CHUNK_COLUMNS,
    RECORD_COLUMNS,
    DocumentRecord,
    FailureRecord,
    Feedback,
    block_of,
    chunk_of,
    document_of,
    record_of,
)
from rag.types import Chunk, Document

Vectors = NDArray[np.float32]


class LibraryReading(LibraryFile):
    """A library to read from. What belongs together is read in one `snapshot()`."""

    def documents(self) -> list[DocumentRecord]:
        """Every document without its text, ordered by path."""
        return [record_of(row) for row in self._rows(f"SELECT {RECORD_COLUMNS} FROM documents ORDER BY path")]

    def has(self, path: str) -> bool:
        """Whether a document of that name is here."""
        return bool(self._rows("SELECT 1 FROM documents WHERE path = ?", (path,)))

    def document(self, path: str) -> Document:
        """The document of that name with its text and blocks.

        Raises:
            LibraryMissing: there is none.
        """
        with self.snapshot():
            rows = self._rows(f"SELECT id, text, {RECORD_COLUMNS} FROM documents WHERE path = ?", (path,))
            if not rows:
                raise LibraryMissing(
                    f"The library holds no document {path!r}; `lectern documents list` names them."
                )
            number, text, *values = rows[0]
            blocks = self._rows(
                f"SELECT {BLOCK_COLUMNS} FROM blocks WHERE document_id = ? ORDER BY ordinal", (number,)
            )
        return document_of(record_of(values), text, map(block_of, blocks))

    def given_tags(self, path: str) -> tuple[str, ...]:
        """The tags that a person gave a document, without those of the note itself."""
        with self.snapshot() as connection:
            if not has_given_tags(connection):
                return ()
            query = (
                "SELECT g.given FROM given_tags g JOIN documents d ON d.id = g.document_id WHERE d.path = ?"
            )
            rows = self._rows(query, (path,))
        return tuple(json.loads(rows[0][0])) if rows else ()

    def chunks(self, rowids: Sequence[int] | Rowids) -> list[Chunk]:
        """The chunks of these rowids in the same order; those that were removed meanwhile are left out."""
        found = self.chunks_by_rowid(rowids)
        return [found[int(rowid)] for rowid in rowids if int(rowid) in found]

    def chunks_by_rowid(self, rowids: Sequence[int] | Rowids) -> dict[int, Chunk]:
        """Rowid to chunk, for those that exist."""
        columns = ", ".join(f"c.{name.strip()}" for name in CHUNK_COLUMNS.split(","))
        query = f"SELECT c.id, d.path, {columns} FROM chunks c JOIN documents d ON d.id = c.document_id WHERE c.id IN"
        return {row[0]: chunk_of(row[1], row[2:]) for row in self._rows_of(query, rowids)}

    def document_of(self, rowids: Sequence[int] | Rowids) -> dict[int, str]:
        """Rowid to the path of its document, for those that exist."""
        query = "SELECT c.id, d.path FROM chunks c JOIN documents d ON d.id = c.document_id WHERE c.id IN"
        return dict(self._rows_of(query, rowids))

    def chunks_of(self, path: str) -> list[Chunk]:
        """The chunks of a document in reading order; empty for one that is not here."""
        query = "SELECT c.id FROM chunks c JOIN documents d ON d.id = c.document_id WHERE d.path = ? ORDER BY c.ordinal"
        return self.chunks([row[0] for row in self._rows(query, (path,))])

    def chunk_rowids(self) -> Rowids:
        """Every chunk's rowid, ascending. A rowid is never used again, and its text and vector never change."""
        # An index holds the rowids too, on a fiftieth of the pages: without it a large library takes a second more to open.
        rows = self._rows("SELECT id FROM chunks INDEXED BY chunks_of_embedding")
        return np.sort(np.fromiter((row[0] for row in rows), np.int64))

    def chunk_count(self) -> int:
        """How many chunks there are."""
        return int(self._rows("SELECT COALESCE(SUM(chunk_count), 0) FROM documents")[0][0])

    def chunks_after(self, rowid: int) -> int:
        """How many chunks have a greater rowid: those that came later."""
        return int(self._rows("SELECT COUNT(*) FROM chunks WHERE id > ?", (rowid,))[0][0])

    def vectors(self, rowids: Sequence[int] | Rowids | None = None) -> tuple[Rowids, Vectors]:
        """Rowids (n,) and their vectors (n, dim): in the order asked for, or all of them ascending.

        Rowids that no longer exist are left out.
        """
        if rowids is None:
            parts = list(self.iter_vectors())
            dim = self.manifest.dim
            keys = [part[0] for part in parts] or [np.empty(0, np.int64)]
            return np.concatenate(keys), np.concatenate(
                [part[1] for part in parts] or [np.empty((0, dim), np.float32)]
            )
        query = "SELECT c.id, e.vector FROM chunks c JOIN embeddings e ON e.id = c.embedding_id WHERE c.id IN"
        found = dict(self._rows_of(query, rowids))
        kept = [int(rowid) for rowid in rowids if int(rowid) in found]
        return np.array(kept, np.int64), self._matrix([found[rowid] for rowid in kept])

    def sketches(self, rowids: Sequence[int] | Rowids) -> dict[int, bytes]:
        """Rowid to the sketch of its tokens (`rag.token_sketch`), for those that have one."""
        query = "SELECT c.id, s.sketch FROM chunks c JOIN sketches s ON s.embedding_id = c.embedding_id WHERE c.id IN"
        return dict(self._rows_of(query, rowids))

    def iter_vectors(self, batch: int = 8192) -> Iterator[tuple[Rowids, Vectors]]:
        """All rowids and vectors, ascending, at most `batch` at a time."""
        query = (
            "SELECT c.id, e.vector FROM chunks c JOIN embeddings e ON e.id = c.embedding_id "
            "WHERE c.id > ? ORDER BY c.id LIMIT ?"
        )
        after = 0
        while rows := self._rows(query, (after, batch)):
            after = rows[-1][0]
            yield np.array([row[0] for row in rows], np.int64), self._matrix([row[1] for row in rows])

    def embeddings(self, keys: Sequence[bytes]) -> dict[bytes, tuple[Vectors, bytes]]:
        """Passage key (`rag.records.passage_key`) to the vector (dim,) and the sketch that are already stored for it."""
        query = (
            "SELECT e.passage, e.vector, COALESCE(s.sketch, x'') FROM embeddings e "
            "LEFT JOIN sketches s ON s.embedding_id = e.id WHERE e.passage IN"
        )
        return {
            key: (np.frombuffer(vector, np.float32), sketch)
            for key, vector, sketch in self._rows_of(query, keys)
        }

    def failures(self) -> list[FailureRecord]:
        """The files that the last ingest that met them could not read, ordered by path."""
        columns = "source, path, reason, size_bytes, mtime_ns, reader, failed_at"
        return [FailureRecord(*row) for row in self._rows(f"SELECT {columns} FROM failures ORDER BY path")]

    def feedback(self) -> list[Feedback]:
        """What people said about answers, oldest first."""
        columns = "id, question, answer_json, verdict, note, given_at"
        return [Feedback(*row) for row in self._rows(f"SELECT {columns} FROM feedback ORDER BY id")]

    def _matrix(self, blobs: Sequence[bytes]) -> Vectors:
        """The blobs as one (n, dim) array."""
        return np.frombuffer(b"".join(blobs), np.float32).reshape(len(blobs), self.manifest.dim)
