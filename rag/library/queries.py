"""Queries of a library: its documents, its chunks and its vectors. What belongs together is read in one snapshot."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from rag.aliases import Rowids, Vectors
from rag.errors import LibraryMissing
from rag.library.checked_tables import (
    BLOCKS,
    CHUNKS,
    EMBEDDINGS,
    FEEDBACK,
    GIVEN_TAGS,
    RECORDS,
    SKETCHES,
    TEXTS,
    has_given_tags,
)
from rag.library.checksums import Checked
from rag.library.connections import Connections
from rag.library.fts_words import PASSAGES_IN
from rag.library.manifest import ManifestTable
from rag.library.rows import (
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


class DocumentQueries:
    """Reads documents, their tags, failures and feedback."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def all(self) -> list[DocumentRecord]:
        """Return every document without its text, ordered by path."""
        sound = RECORDS.sound("d") if self._connections.checked else "1"
        rows = self._connections.rows(f"SELECT {RECORD_COLUMNS}, {sound} FROM documents d ORDER BY path")
        for row in rows:
            self._connections.check(row[-1], row[0])
        return [record_of(row[:-1]) for row in rows]

    def has(self, path: str) -> bool:
        """Return whether a document of that name is here."""
        return bool(self._connections.rows("SELECT 1 FROM documents WHERE path = ?", (path,)))

    def one(self, path: str) -> Document:
        """Return the document of that name with its text and blocks.

        Raises:
            LibraryMissing: there is none.
        """
        with self._connections.snapshot():
            checked = self._connections.checked
            sound = f"{RECORDS.sound('d')} AND {TEXTS.sound('d')}" if checked else "1"
            rows = self._connections.rows(
                f"SELECT {sound}, id, text, {RECORD_COLUMNS} FROM documents d WHERE path = ?", (path,)
            )
            if not rows:
                raise LibraryMissing(
                    f"The library has no document {path!r}; `lectern documents list` names them."
                )
            is_sound, number, text, *values = rows[0]
            self._connections.check(is_sound, path)
            blocks = self._connections.rows(
                f"SELECT {BLOCKS.sound('b') if checked else '1'}, {BLOCK_COLUMNS} FROM blocks b "
                "WHERE document_id = ? ORDER BY ordinal",
                (number,),
            )
            self._connections.check(all(row[0] for row in blocks), path)
            if checked:
                query = "SELECT COUNT(*) FROM checks WHERE kind = 'blocks' AND key >= ? AND key < ?"
                known = self._connections.rows(query, (f"{number}:", f"{number};"))[0][0]
                self._connections.check(known == len(blocks), path)
        return document_of(record_of(values), text, (block_of(row[1:]) for row in blocks))

    def given_tags(self, path: str) -> tuple[str, ...]:
        """Return the tags that a person gave a document, without those of the note itself."""
        with self._connections.snapshot() as connection:
            if not has_given_tags(connection):
                return ()
            checked = self._connections.checked
            sound = GIVEN_TAGS.sound("g") if checked else "1"
            query = f"SELECT g.given, {sound} FROM given_tags g JOIN documents d ON d.id = g.document_id WHERE d.path = ?"
            rows = self._connections.rows(query, (path,))
            if checked and not rows:
                query = "SELECT 1 FROM checks k JOIN documents d ON d.id = k.key WHERE k.kind = 'given_tags' AND d.path = ?"
                self._connections.check(not self._connections.rows(query, (path,)), path)
        if not rows:
            return ()
        self._connections.check(rows[0][1], path)
        return tuple(json.loads(rows[0][0]))

    def own_tags(self, path: str) -> tuple[str, ...]:
        """Return the tags of the note itself, without those that a person gave."""
        with self._connections.snapshot() as connection:
            own: list[tuple[Any, ...]] = []
            if has_given_tags(connection):
                query = (
                    "SELECT g.own FROM given_tags g JOIN documents d ON d.id = g.document_id WHERE d.path = ?"
                )
                own = self._connections.rows(query, (path,))
            rows = own or self._connections.rows("SELECT tags FROM documents WHERE path = ?", (path,))
        return tuple(json.loads(rows[0][0])) if rows else ()

    def text_starts(self, length: int) -> list[str]:
        """Return the first `length` characters of every document."""
        rows = self._connections.rows("SELECT substr(text, 1, ?) FROM documents", (length,))
        return [row[0] for row in rows]

    def failures(self) -> list[FailureRecord]:
        """Return the files that could not be read when last met, ordered by path."""
        columns = "source, path, reason, size_bytes, mtime_ns, reader, failed_at"
        return [
            FailureRecord(*row)
            for row in self._connections.rows(f"SELECT {columns} FROM failures ORDER BY path")
        ]

    def feedback(self) -> list[Feedback]:
        """Return people's verdicts on answers, oldest first."""
        columns = "id, question, answer_json, verdict, note, given_at"
        sound = FEEDBACK.sound("f") if self._connections.checked else "1"
        rows = self._connections.rows(f"SELECT {columns}, {sound} FROM feedback f ORDER BY id")
        for row in rows:
            self._connections.check(row[-1], f"Verdict {row[0]}")
        return [Feedback(*row[:-1]) for row in rows]


class ChunkQueries:
    """Reads chunks by rowid or by document."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def in_order(self, rowids: Sequence[int] | Rowids) -> list[Chunk]:
        """Return the chunks of these rowids, in order, without those that are gone."""
        found = self.by_rowid(rowids)
        return [found[int(rowid)] for rowid in rowids if int(rowid) in found]

    def by_rowid(self, rowids: Sequence[int] | Rowids) -> dict[int, Chunk]:
        """Rowid to chunk, for those that exist."""
        columns = ", ".join(f"c.{name.strip()}" for name in CHUNK_COLUMNS.split(","))
        sound = f"{CHUNKS.sound('c')} AND {RECORDS.sound('d')}" if self._connections.checked else "1"
        query = (
            f"SELECT {sound}, c.id, d.path, {columns} FROM chunks c JOIN documents d ON d.id = c.document_id "
            "WHERE c.id IN"
        )
        found = {}
        for is_sound, rowid, path, *values in self._connections.rows_of(query, rowids):
            self._connections.check(is_sound, path)
            found[rowid] = chunk_of(path, values)
        self._connections.check_gone(CHUNKS, rowids, found)
        return found

    def document_of(self, rowids: Sequence[int] | Rowids) -> dict[int, str]:
        """Rowid to the path of its document, for those that exist."""
        query = "SELECT c.id, d.path FROM chunks c JOIN documents d ON d.id = c.document_id WHERE c.id IN"
        return dict(self._connections.rows_of(query, rowids))

    def of_document(self, path: str) -> list[Chunk]:
        """Return the chunks of a document in reading order; none if it is unknown."""
        query = "SELECT c.id FROM chunks c JOIN documents d ON d.id = c.document_id WHERE d.path = ? ORDER BY c.ordinal"
        with self._connections.snapshot():
            found = self.in_order([row[0] for row in self._connections.rows(query, (path,))])
            count = self._connections.rows("SELECT chunk_count FROM documents WHERE path = ?", (path,))
        self._connections.check(len(found) == (count[0][0] if count else 0), path)
        return found

    def rowids(self) -> Rowids:
        """Return every chunk's rowid, ascending. A rowid is never used again, and its text and vector never
        change.
        """
        # An index has the rowids too, on a fiftieth of the pages: without it a large library takes a second more to open.
        with self._connections.snapshot():
            rows = self._connections.rows("SELECT id FROM chunks INDEXED BY chunks_of_embedding")
            self._connections.check(len(rows) == self.count(), "The list of passages")
        return np.sort(np.fromiter((row[0] for row in rows), np.int64))

    def rowids_in(self, paths: Sequence[str]) -> Rowids:
        """Return the rowids of the chunks of documents, ascending."""
        rows = self._connections.rows(PASSAGES_IN, (json.dumps(paths),))
        return np.array([row[0] for row in rows], np.int64)

    def count(self) -> int:
        """Return how many chunks there are."""
        return int(self._connections.rows("SELECT COALESCE(SUM(chunk_count), 0) FROM documents")[0][0])

    def count_after(self, rowid: int) -> int:
        """Return how many chunks have a greater rowid: those that came later."""
        return int(self._connections.rows("SELECT COUNT(*) FROM chunks WHERE id > ?", (rowid,))[0][0])


class VectorQueries:
    """Reads vectors and token sketches."""

    def __init__(self, connections: Connections, manifest: ManifestTable) -> None:
        self._connections = connections
        self._manifest = manifest

    def of(self, rowids: Sequence[int] | Rowids | None = None) -> tuple[Rowids, Vectors]:
        """Return rowids (n,) and their vectors (n, dim), in the order given.

        Without `rowids`, all of them ascending. Rowids that no longer exist are left out.
        """
        if rowids is None:
            parts = list(self.batches())
            dim = self._manifest.read().dim
            keys = [part[0] for part in parts] or [np.empty(0, np.int64)]
            return np.concatenate(keys), np.concatenate(
                [part[1] for part in parts] or [np.empty((0, dim), np.float32)]
            )
        query = (
            f"SELECT c.id, e.vector, {self._sound(EMBEDDINGS, 'e')} FROM chunks c "
            "JOIN embeddings e ON e.id = c.embedding_id WHERE c.id IN"
        )
        found = self._checked_values(self._connections.rows_of(query, rowids))
        self._connections.check_gone(CHUNKS, rowids, found)
        kept = [int(rowid) for rowid in rowids if int(rowid) in found]
        return np.array(kept, np.int64), self._matrix([found[rowid] for rowid in kept])

    def sketches(self, rowids: Sequence[int] | Rowids) -> dict[int, bytes]:
        """Return rowid to token sketch (`rag.embedding.late_interaction`)."""
        query = (
            f"SELECT c.id, s.sketch, {self._sound(SKETCHES, 's')} FROM chunks c "
            "JOIN sketches s ON s.embedding_id = c.embedding_id WHERE c.id IN"
        )
        found = self._checked_values(self._connections.rows_of(query, rowids))
        missing = [rowid for rowid in rowids if int(rowid) not in found]
        if missing and self._connections.checked:
            query = "SELECT c.id FROM chunks c JOIN checks k ON k.kind = 'sketches' AND k.key = +c.embedding_id WHERE c.id IN"
            self._connections.check(not list(self._connections.rows_of(query, missing)), "A passage")
        return found

    def batches(self, batch: int = 8192) -> Iterator[tuple[Rowids, Vectors]]:
        """Yield all rowids and vectors, ascending, at most `batch` at a time."""
        query = (
            f"SELECT c.id, e.vector, {self._sound(EMBEDDINGS, 'e')} FROM chunks c "
            "JOIN embeddings e ON e.id = c.embedding_id WHERE c.id > ? ORDER BY c.id LIMIT ?"
        )
        after = 0
        while rows := self._connections.rows(query, (after, batch)):
            after = rows[-1][0]
            self._checked_values(rows)
            yield np.array([row[0] for row in rows], np.int64), self._matrix([row[1] for row in rows])

    def embeddings(self, keys: Sequence[bytes]) -> dict[bytes, tuple[Vectors, bytes]]:
        """Return passage key (`rag.library.rows.passage_key`) to vector (dim,) and sketch.

        Damaged ones are left out, so that they are made again.
        """
        sound = f"{self._sound(EMBEDDINGS, 'e')} AND (s.sketch IS NULL OR {self._sound(SKETCHES, 's')})"
        query = (
            "SELECT e.passage, e.vector, COALESCE(s.sketch, x'') FROM embeddings e "
            f"LEFT JOIN sketches s ON s.embedding_id = e.id WHERE {sound} AND e.passage IN"
        )
        return {
            key: (np.frombuffer(vector, np.float32), sketch)
            for key, vector, sketch in self._connections.rows_of(query, keys)
        }

    def _sound(self, checked: Checked, row: str) -> str:
        return checked.sound(row) if self._connections.checked else "1"

    def _checked_values(self, rows: Iterable[Sequence[Any]]) -> dict[int, Any]:
        """Return rowid to value; each row ends with a 1 if it is sound.

        Raises:
            LibraryDamaged: a row does not have its checksum.
        """
        found = {}
        for rowid, value, is_sound in rows:
            self._connections.check(is_sound, f"The vector of passage {rowid}")
            found[rowid] = value
        return found

    def _matrix(self, blobs: Sequence[bytes]) -> Vectors:
        """Return the blobs as one (n, dim) array."""
        return np.frombuffer(b"".join(blobs), np.float32).reshape(len(blobs), self._manifest.read().dim)
