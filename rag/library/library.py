"""The library: a folder with documents, passages, vectors and feedback.

`library.sqlite` is the only truth; `rag.search.dense` derives the FAISS file from it. A change is a transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import Connection
from types import TracebackType
from typing import Self

from rag.aliases import Rowids, Vectors
from rag.errors import LibraryMissing
from rag.library.connections import Connections
from rag.library.creation import create_library, has_library
from rag.library.documents import check_vectors, delete_document, give_tags, insert_document, write_chunks
from rag.library.failures import insert_feedback, write_failures
from rag.library.manifest import ManifestTable
from rag.library.queries import ChunkQueries, DocumentQueries, VectorQueries
from rag.library.renames import Move, move_rows
from rag.library.rows import DocumentRecord, FailureRecord, Feedback, Manifest
from rag.library.soundness import Soundness
from rag.types import Chunk, Document


class Library:
    """A folder of indexed notes. Any thread may read; one thread of one process writes, inside `writing()`.

    Raises:
        LibraryMismatch: the library has another schema version.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._connections = Connections(folder)
        self._manifest = ManifestTable(folder, self._connections)
        self._documents = DocumentQueries(self._connections)
        self._chunks = ChunkQueries(self._connections)
        self._vectors = VectorQueries(self._connections, self._manifest)
        self._manifest.check_schema()
        self.soundness = Soundness(self._connections)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @classmethod
    def create(cls, folder: Path) -> Library:
        """Return the library in `folder`, made there with the folder if there is none.

        Raises:
            LibraryMissing: the folder cannot be made.
        """
        create_library(folder, _now())
        return cls(folder)

    @classmethod
    def open(cls, folder: Path, *, create: bool = False) -> Library:
        """Return the library in `folder`; with `create` it is made if there is none.

        Raises:
            LibraryMissing: there is none and `create` is False.
            LibraryMismatch: it has another schema version.
            LibraryDamaged: the file is no sound database, or may not be read.
        """
        if has_library(folder):
            return cls(folder)
        if create:
            return cls.create(folder)
        raise LibraryMissing(
            f"There is no library in {folder}. Make one with: lectern ingest FOLDER --library {folder}"
        )

    def close(self) -> None:
        """Close every connection; the object cannot be used afterwards."""
        self._connections.close()

    @property
    def connection(self) -> Connection:
        """This thread's own SQLite connection, which cannot write."""
        return self._connections.reading

    def snapshot(self) -> AbstractContextManager[Connection]:
        """Return a context in which this thread reads one unchanging state."""
        return self._connections.snapshot()

    def writing(self) -> AbstractContextManager[None]:
        """Return a context in which nobody else writes; it may be nested in one thread.

        Raises:
            LibraryBusy: another process or thread is writing.
        """
        return self._connections.lock()

    @property
    def generation(self) -> int:
        """Number of committed changes; it grows by one with each."""
        return self._manifest.generation

    @property
    def epoch(self) -> str:
        """Token shared with `vectors.faiss`; empty if that file was never written."""
        return self._manifest.epoch

    def set_epoch(self, epoch: str) -> None:
        """Store the token of the index file to come, and wait for the disk."""
        self._manifest.set_epoch(epoch)

    @property
    def manifest(self) -> Manifest:
        """Settings that the library was made with."""
        return self._manifest.read()

    def bind(self, embedder: str, dim: int, chunker: str) -> None:
        """Store embedder and chunker of a new library; compare them with an old one's.

        Raises:
            LibraryMismatch: it was made with another embedder or chunker.
        """
        self._manifest.bind(embedder, dim, chunker)

    def check_embedder(self, embedder: str, dim: int) -> None:
        """Check that the library's vectors, if it has any, come from this embedder.

        Raises:
            LibraryMismatch: they come from another one.
        """
        self._manifest.check_embedder(embedder, dim)

    def documents(self) -> list[DocumentRecord]:
        """Return every document without its text, ordered by path."""
        return self._documents.all()

    def has(self, path: str) -> bool:
        """Return whether there is a document of that name."""
        return self._documents.has(path)

    def document(self, path: str) -> Document:
        """Return the document of that name with its text and blocks.

        Raises:
            LibraryMissing: there is none.
        """
        return self._documents.one(path)

    def given_tags(self, path: str) -> tuple[str, ...]:
        """Return the tags that a person gave a document, without the note's own."""
        return self._documents.given_tags(path)

    def failures(self) -> list[FailureRecord]:
        """Return the files that could not be read at their last ingest, ordered by path."""
        return self._documents.failures()

    def feedback(self) -> list[Feedback]:
        """Return people's verdicts on answers, oldest first."""
        return self._documents.feedback()

    def chunks(self, rowids: Sequence[int] | Rowids) -> list[Chunk]:
        """Return the chunks of these rowids, in order, without those that are gone."""
        return self._chunks.in_order(rowids)

    def chunks_by_rowid(self, rowids: Sequence[int] | Rowids) -> dict[int, Chunk]:
        """Return rowid to chunk, for those that exist."""
        return self._chunks.by_rowid(rowids)

    def document_of(self, rowids: Sequence[int] | Rowids) -> dict[int, str]:
        """Return rowid to the path of its document, for those that exist."""
        return self._chunks.document_of(rowids)

    def chunks_of(self, path: str) -> list[Chunk]:
        """Return the chunks of a document in reading order; none for an unknown document."""
        return self._chunks.of_document(path)

    def chunk_rowids(self) -> Rowids:
        """Return every chunk's rowid, ascending; none is ever used again."""
        return self._chunks.rowids()

    def chunk_count(self) -> int:
        """Return the number of chunks."""
        return self._chunks.count()

    def chunks_after(self, rowid: int) -> int:
        """Return the number of chunks with a greater rowid: those that came later."""
        return self._chunks.count_after(rowid)

    def vectors(self, rowids: Sequence[int] | Rowids | None = None) -> tuple[Rowids, Vectors]:
        """Return rowids (n,) and their vectors (n, dim), in the order given.

        Without `rowids`, all of them ascending. Rowids that no longer exist are left out.
        """
        return self._vectors.of(rowids)

    def sketches(self, rowids: Sequence[int] | Rowids) -> dict[int, bytes]:
        """Return rowid to token sketch (`rag.embedding.late_interaction`)."""
        return self._vectors.sketches(rowids)

    def iter_vectors(self, batch: int = 8192) -> Iterator[tuple[Rowids, Vectors]]:
        """Yield all rowids and vectors, ascending, at most `batch` at a time."""
        return self._vectors.batches(batch)

    def embeddings(self, keys: Sequence[bytes]) -> dict[bytes, tuple[Vectors, bytes]]:
        """Return passage key (`rag.library.rows.passage_key`) to vector (dim,) and sketch."""
        return self._vectors.embeddings(keys)

    def replace_document(
        self,
        document: Document,
        chunks: Sequence[Chunk],
        vectors: Vectors,
        *,
        sketches: Sequence[bytes] | None = None,
        size_bytes: int = 0,
        mtime_ns: int = 0,
    ) -> None:
        """Write a document, in place of the one of the same name, in one transaction.

        `vectors` is (len(chunks), dim); `sketches` are empty where the embedder makes none. Passages that
        stay the same keep their rowids.

        Raises:
            LibraryMismatch: the vectors have another shape.
        """
        check_vectors(document, chunks, vectors, self.manifest.dim)
        with self._connections.transaction(locked=True) as connection:
            number = insert_document(
                connection,
                document,
                chunk_count=len(chunks),
                size_bytes=size_bytes,
                mtime_ns=mtime_ns,
                ingested_at=_now(),
            )
            write_chunks(connection, number, chunks, vectors, sketches or [b""] * len(chunks))
            connection.execute("DELETE FROM failures WHERE source = ?", (document.source,))

    def remove_document(self, path: str, *, source: str | None = None) -> bool:
        """Delete a document and return whether it existed.

        With `source` only if it was read from that file: the name may be another document's by now.
        """
        with self._connections.transaction(locked=True) as connection:
            query = "SELECT 1 FROM documents WHERE path = ? AND source = ?"
            if source is not None and not connection.execute(query, (path, source)).fetchone():
                return False
            return delete_document(connection, path)

    def move_documents(self, moves: Sequence[Move], instead_of: Sequence[str] = ()) -> None:
        """Give documents other names and files, in one transaction.

        Names may be swapped and passed on. The documents `instead_of`, whose names are needed, are deleted.

        Raises:
            LibraryMissing: a document does not exist.
            InputError: a new name is that of a document which stays.
        """
        with self._connections.transaction(locked=True) as connection:
            for path in instead_of:
                delete_document(connection, path)
            move_rows(connection, moves)

    def touch_document(self, path: str, *, size_bytes: int, mtime_ns: int, source: str) -> None:
        """Store a file's new time stamp after its content was found to be the same."""
        with self._connections.transaction(locked=True, counts=False) as connection:
            query = "UPDATE documents SET size_bytes = ?, mtime_ns = ?, source = ? WHERE path = ?"
            connection.execute(query, (size_bytes, mtime_ns, source, path))

    def tag_document(self, path: str, tags: Sequence[str]) -> None:
        """Replace the tags that a person gave a document; its own tags stay beside them.

        Raises:
            LibraryMissing: there is no such document.
        """
        with self._connections.transaction(locked=True) as connection:
            if not give_tags(connection, path, tags):
                raise LibraryMissing(
                    f"The library has no document {path!r}; `lectern documents list` names them."
                )

    def record_failures(self, failures: Sequence[FailureRecord], forget: Sequence[str] = ()) -> None:
        """Store files that could not be read, and delete the failures in `forget`."""
        with self._connections.transaction(locked=True, counts=False) as connection:
            write_failures(connection, failures, forget, _now())

    def add_feedback(self, question: str, answer_json: str, verdict: str, note: str = "") -> int:
        """Store a verdict on an answer and return its number, also during an ingest."""
        with self._connections.transaction(locked=False, counts=False) as connection:
            return insert_feedback(connection, question, answer_json, verdict, note, _now())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
