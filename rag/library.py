"""The library: a folder whose `library.sqlite` is the one truth about documents, passages, vectors and feedback.

It knows what one change to the notes means for every table, and does each change in one transaction: killed at any
instant, a document is there whole or not at all. Nothing derived is kept here; `rag.vectors` builds the FAISS file from it.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rag import database
from rag.document_rows import delete_document, give_tags, has_given_tags, insert_document, write_chunks
from rag.errors import InputError, LibraryDamaged, LibraryMismatch, LibraryMissing
from rag.records import (
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
from rag.types import Chunk, Document, chunk_id
from rag.write_lock import WriteLock

DATABASE_NAME = "library.sqlite"
_SQL_VARIABLES = 500

Rowids = NDArray[np.int64]
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Move:
    """A document's new name and file; an empty `source` and a `mtime_ns` of None leave what is there.

    One that is to be read again, because its passages name its file, loses its content hash: a run that is killed before it
    did that leaves a document that no later run takes for unchanged.
    """

    old: str
    new: str
    source: str = ""
    mtime_ns: int | None = None
    read_again: bool = False


class Library:
    """A folder of indexed notes. Any thread may read; one thread of one process writes, inside `writing()`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / DATABASE_NAME
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._lock = WriteLock(folder)
        self._check_schema()

    @classmethod
    def create(cls, folder: Path) -> Library:
        """The library in `folder`, made there (with the folder) if there is none yet."""
        with database.translated(folder):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except (FileExistsError, NotADirectoryError) as exc:
                raise LibraryMissing(
                    f"{folder} is a file; a library is a folder. Name another with --library."
                ) from exc
            except OSError as exc:
                raise LibraryMissing(f"The library folder {folder} cannot be made ({exc.strerror}).") from exc
        values = {
            "schema": str(database.SCHEMA_VERSION),
            "embedder": "",
            "dim": "0",
            "chunker": "",
            "generation": "0",
            "created_at": _now(),
        }
        database.create(folder / DATABASE_NAME, values)
        return cls(folder)

    @classmethod
    def open(cls, folder: Path, *, create: bool = False) -> Library:
        """The library in `folder`.

        Raises:
            LibraryMissing: there is none and `create` is False.
            LibraryMismatch: it has another schema version.
            LibraryDamaged: the file is no sound database, or may not be read.
        """
        try:
            there = (folder / DATABASE_NAME).is_file()
        except PermissionError as exc:
            raise LibraryDamaged(f"{folder} cannot be read ({exc.strerror}); check its permissions.") from exc
        if there:
            with database.translated(folder / DATABASE_NAME):
                probe = database.connect(folder / DATABASE_NAME, write=False)
                whole = database.has_schema(probe)
                probe.close()
            if whole:
                return cls(folder)
        if create:
            return cls.create(folder)
        raise LibraryMissing(
            f"There is no library in {folder}. Make one with: lectern ingest FOLDER --library {folder}"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes every connection; the object cannot be used afterwards."""
        for connection in self._opened:
            connection.close()
        self._opened.clear()
        self._local = threading.local()

    # ---- reading ----------------------------------------------------------------------------------------------

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's own connection, which cannot write."""
        return self._thread_connection("reader")

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """One unchanging view of the library for several reads of this thread, whatever is committed meanwhile.

        May be nested: the outermost view holds.
        """
        if self.connection.in_transaction:
            yield self.connection
            return
        with database.translated(self._file):
            self.connection.execute("BEGIN")
            self.connection.execute("SELECT 1 FROM manifest LIMIT 1")  # only now SQLite fixes the view
            try:
                yield self.connection
            finally:
                self.connection.execute("COMMIT")

    @property
    def generation(self) -> int:
        """How many changes were committed; it grows by one with each."""
        return int(self._value("generation"))

    @property
    def epoch(self) -> str:
        """The token that the library and its `vectors.faiss` share since the file was written; empty if it never was.

        An older library that was put back, or one that lost its last commits to a power cut, uses rowids again. It does
        not have the token of a file from the time that it lost.
        """
        rows = self._rows("SELECT value FROM manifest WHERE key = 'epoch'")
        return str(rows[0][0]) if rows else ""

    @property
    def manifest(self) -> Manifest:
        """What the library was made with."""
        values = dict(self._rows("SELECT key, value FROM manifest"))
        return Manifest(
            int(values["schema"]),
            values["embedder"],
            int(values["dim"]),
            values["chunker"],
            values["created_at"],
        )

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

    # ---- writing ----------------------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Holds the library's write lock: no other process, and no other thread, changes documents meanwhile.

        Readers are never blocked. May be nested in one thread.

        Raises:
            LibraryBusy: somebody else holds it.
        """
        with self._lock.held():
            yield

    def bind(self, embedder: str, dim: int, chunker: str) -> None:
        """Remembers what the library is made with, or checks it against what it was made with.

        Raises:
            LibraryMismatch: it was made with another embedder or chunker.
        """
        made = self.manifest
        if not made.embedder:
            with self._transaction(locked=True) as connection:
                values = {"embedder": embedder, "dim": str(dim), "chunker": chunker}.items()
                connection.executemany("UPDATE manifest SET value = ?2 WHERE key = ?1", values)
            return
        self.check_embedder(embedder, dim)
        if made.chunker != chunker:
            raise LibraryMismatch(
                f"{self.folder} was cut into passages by {made.chunker}, the settings now say {chunker}. Set them back, or "
                f"make a new library: lectern ingest FOLDER --library NEW_FOLDER"
            )

    def check_embedder(self, embedder: str, dim: int) -> None:
        """Does nothing if the library's vectors come from this embedder, or if it has none yet.

        Raises:
            LibraryMismatch: they come from another one.
        """
        made = self.manifest
        if made.embedder and (made.embedder, made.dim) != (embedder, dim):
            raise LibraryMismatch(
                f"{self.folder} was embedded by {made.embedder} ({made.dim} dimensions), the settings now name {embedder} "
                f"({dim}). Set embedding.model back, or make a new library: lectern ingest FOLDER --library NEW_FOLDER"
            )

    def replace_document(
        self,
        document: Document,
        chunks: Sequence[Chunk],
        vectors: Vectors,
        *,
        sketches: Sequence[bytes] | None = None,
        size_bytes: int = 0,
        mtime_ns: int = 0,
        replaces: str = "",
    ) -> None:
        """Puts a document in, or in the place of the one of the same name (or of the name `replaces`), in one transaction.

        `vectors` is (len(chunks), dim); `sketches` are those of `rag.token_sketch`, empty where the embedder makes none.
        Passages that stay the same keep their rowids.
        """
        if vectors.shape != (len(chunks), self.manifest.dim):
            raise LibraryMismatch(
                f"{document.path}: {len(chunks)} passages came with vectors of shape {vectors.shape}; the library's "
                f"have {self.manifest.dim} dimensions."
            )
        with self._transaction(locked=True) as connection:
            number = insert_document(
                connection,
                document,
                chunk_count=len(chunks),
                size_bytes=size_bytes,
                mtime_ns=mtime_ns,
                ingested_at=_now(),
                replaces=replaces,
            )
            write_chunks(connection, number, chunks, vectors, sketches or [b""] * len(chunks))
            connection.execute("DELETE FROM failures WHERE source = ?", (document.source,))

    def remove_document(self, path: str, *, source: str | None = None) -> bool:
        """Takes a document out with all that belongs to it; whether there was one.

        With `source` only if it was read from that file: its name may be another document's by now.
        """
        with self._transaction(locked=True) as connection:
            query = "SELECT 1 FROM documents WHERE path = ? AND source = ?"
            if source is not None and not connection.execute(query, (path, source)).fetchone():
                return False
            return delete_document(connection, path)

    def rename_document(self, old: str, new: str, *, source: str = "", mtime_ns: int | None = None) -> None:
        """Gives a document another name (and file); its rowids, text, title and vectors stay.

        Raises:
            LibraryMissing: there is no document `old`.
            InputError: another document is called `new`.
        """
        self.move_documents([Move(old, new, source, mtime_ns)])

    def move_documents(self, moves: Sequence[Move], instead_of: Sequence[str] = ()) -> None:
        """Gives documents other names (and files) in one transaction; names may be swapped and passed on.

        The documents `instead_of`, whose names are needed, are taken out.

        Raises:
            LibraryMissing: a document is not there.
            InputError: a new name is that of a document which stays.
        """
        with self._transaction(locked=True) as connection:
            for path in instead_of:
                delete_document(connection, path)
            numbers = [_number_of(connection, move.old) for move in moves]
            for number in numbers:  # out of each other's way first, to names that no note can have
                connection.execute("UPDATE documents SET path = ? WHERE id = ?", (f"//{number}", number))
            for number, move in zip(numbers, moves, strict=True):
                _move_document(connection, number, move)

    def touch_document(self, path: str, *, size_bytes: int, mtime_ns: int, source: str) -> None:
        """Remembers the file's new time stamp after its content was found to be the same."""
        with self._transaction(locked=True, counts=False) as connection:
            query = "UPDATE documents SET size_bytes = ?, mtime_ns = ?, source = ? WHERE path = ?"
            connection.execute(query, (size_bytes, mtime_ns, source, path))

    def tag_document(self, path: str, tags: Sequence[str]) -> None:
        """Replaces the tags that a person gave a document; they stay when it is read again, and its own are beside them.

        Raises:
            LibraryMissing: there is no such document.
        """
        with self._transaction(locked=True) as connection:
            if not give_tags(connection, path, tags):
                raise LibraryMissing(
                    f"The library holds no document {path!r}; `lectern documents list` names them."
                )

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

    def record_failures(self, failures: Sequence[FailureRecord], forget: Sequence[str] = ()) -> None:
        """Remembers files that could not be read, and forgets the sources in `forget` (read now, or gone)."""
        with self._transaction(locked=True, counts=False) as connection:
            connection.executemany("DELETE FROM failures WHERE source = ?", [(source,) for source in forget])
            connection.executemany(
                "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (f.source, f.path, f.reason, f.size_bytes, f.mtime_ns, f.reader, f.failed_at or _now())
                    for f in failures
                ],
            )

    def add_feedback(self, question: str, answer_json: str, verdict: str, note: str = "") -> int:
        """Keeps what a person said about an answer; its number. Works while another process ingests."""
        with self._transaction(locked=False, counts=False) as connection:
            cursor = connection.execute(
                "INSERT INTO feedback (question, answer_json, verdict, note, given_at) VALUES (?, ?, ?, ?, ?)",
                (question, answer_json, verdict, note, _now()),
            )
            return int(cursor.lastrowid or 0)

    def set_epoch(self, epoch: str) -> None:
        """Remembers the token of the index file that is about to be put in place.

        It is on the disk afterwards with everything that was committed before it, whatever happens to the power. Needs no
        write lock: a search that writes the file does it too.
        """
        with self._transaction(locked=False, counts=False, durable=True) as connection:
            connection.execute("INSERT OR REPLACE INTO manifest VALUES ('epoch', ?)", (epoch,))

    def checkpoint(self) -> None:
        """Folds the write-ahead log back into the database file, as far as readers allow."""
        with database.translated(self._file):
            self._thread_connection("writer").execute("PRAGMA wal_checkpoint(TRUNCATE)")

    # ---- inside -----------------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(
        self, *, locked: bool, counts: bool = True, durable: bool = False
    ) -> Iterator[sqlite3.Connection]:
        """A connection inside one transaction that is committed at the end, or undone if anything fails.

        A `durable` one waits for the disk, and so for all commits before it.
        """
        if locked:
            with self._lock.held(), self._transaction(locked=False, counts=counts) as connection:
                yield connection
            return
        with database.translated(self._file):
            connection = self._thread_connection("writer")
            connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                if counts:
                    connection.execute("UPDATE manifest SET value = value + 1 WHERE key = 'generation'")
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def _thread_connection(self, name: str) -> sqlite3.Connection:
        """This thread's connection of that name ("reader" or "writer"), opened at its first use."""
        found: sqlite3.Connection | None = getattr(self._local, name, None)
        if found is None:
            found = database.connect(self._file, write=name == "writer")
            setattr(self._local, name, found)
            self._opened.append(found)
        return found

    def _check_schema(self) -> None:
        """Refuses a library of another schema version."""
        found = int(self._value("schema"))
        if found != database.SCHEMA_VERSION:
            raise LibraryMismatch(
                f"{self.folder} has library version {found}, this Lectern reads version {database.SCHEMA_VERSION}. Make "
                "a new library: lectern ingest FOLDER --library NEW_FOLDER"
            )

    def _value(self, key: str) -> str:
        rows = self._rows("SELECT value FROM manifest WHERE key = ?", (key,))
        return str(rows[0][0])

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with database.translated(self._file):
            return self.connection.execute(query, values).fetchall()

    def _rows_of(self, query: str, keys: Sequence[Any] | Rowids) -> Iterator[tuple[Any, ...]]:
        """Rows of `query` (which ends in IN) for any number of keys."""
        plain = [int(key) if isinstance(key, np.integer) else key for key in keys]
        for start in range(0, len(plain), _SQL_VARIABLES):
            part = plain[start : start + _SQL_VARIABLES]
            yield from self._rows(f"{query} ({','.join('?' * len(part))})", part)

    def _matrix(self, blobs: Sequence[bytes]) -> Vectors:
        """The blobs as one (n, dim) array."""
        return np.frombuffer(b"".join(blobs), np.float32).reshape(len(blobs), self.manifest.dim)


def _number_of(connection: sqlite3.Connection, path: str) -> int:
    """The number of a document's row.

    Raises:
        LibraryMissing: there is no such document.
    """
    row = connection.execute("SELECT id FROM documents WHERE path = ?", (path,)).fetchone()
    if row is None:
        raise LibraryMissing(f"The library holds no document {path!r}; `lectern documents list` names them.")
    return int(row[0])


def _move_document(connection: sqlite3.Connection, number: int, move: Move) -> None:
    """Gives the document of that number its new name, and its chunks the ids that go with it.

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


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
