"""The library: a folder with documents, passages, vectors and feedback.

`library.sqlite` is the only truth; `rag.search.dense` derives the FAISS file from it. A change is a transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from rag.aliases import Vectors
from rag.errors import LibraryMissing
from rag.library.creation import create_library, has_library
from rag.library.documents import (
    check_vectors,
    delete_document,
    delete_number,
    give_tags,
    insert_document,
    write_chunks,
)
from rag.library.failures import copy_feedback, insert_feedback, write_failures
from rag.library.reading import LibraryReading
from rag.library.renames import Move, move_rows
from rag.library.rows import FailureRecord, Feedback
from rag.types import Chunk, Document


class Library(LibraryReading):
    """A folder of indexed notes. Any thread may read; one thread of one process writes, inside `writing()`.

    Raises:
        LibraryMismatch: the library has another schema version.
    """

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

    def writing(self) -> AbstractContextManager[None]:
        """Return a context in which nobody else writes; it may be nested in one thread.

        Raises:
            LibraryBusy: another process or thread is writing.
        """
        return self._connections.lock()

    def set_epoch(self, epoch: str) -> None:
        """Store the token of the index file to come, and wait for the disk."""
        self._manifest.set_epoch(epoch)

    def bind(self, embedder: str, dim: int, chunker: str) -> None:
        """Store embedder and chunker of a new library; compare them with an old one's.

        Raises:
            LibraryMismatch: it was made with another embedder or chunker.
        """
        self._manifest.bind(embedder, dim, chunker)

    def mend(self, sources: Collection[str]) -> None:
        """Remove damaged documents that can be read again from `sources`."""
        self.soundness.mend(sources)

    def keep_words(self) -> None:
        """Store the checksum of the index of words; the end of an ingest."""
        self.soundness.keep_words()

    def drop(self) -> None:
        """Delete all documents, failures and verdicts, in one transaction.

        An empty library stays, which may be made with another embedder. Files beside it stay.
        """
        with self._connections.transaction(locked=True) as connection:
            for (number,) in connection.execute("SELECT id FROM documents").fetchall():
                delete_number(connection, number)
            connection.execute("DELETE FROM failures")
            connection.execute("DELETE FROM feedback")
            values = {"embedder": "", "dim": "0", "chunker": ""}.items()
            connection.executemany("UPDATE manifest SET value = ?2 WHERE key = ?1", values)

    def replace_document(
        self,
        document: Document,
        chunks: Sequence[Chunk],
        vectors: Vectors,
        *,
        sketches: Sequence[bytes] | None = None,
        size_bytes: int = 0,
        mtime_ns: int = 0,
        ingested_at: str = "",
    ) -> None:
        """Write a document, in place of the one of the same name, in one transaction.

        `vectors` is (len(chunks), dim); `sketches` are empty where the embedder makes none. Passages that
        stay the same keep their rowids. `ingested_at` is the present time if it is empty.

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
                ingested_at=ingested_at or _now(),
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

    def put_feedback(self, verdicts: Sequence[Feedback]) -> None:
        """Store verdicts of another library with their numbers and times.

        Those whose number is known stay as they are.
        """
        with self._connections.transaction(locked=False, counts=False) as connection:
            copy_feedback(connection, verdicts)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
