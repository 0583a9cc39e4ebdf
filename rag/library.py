"""The library: a folder whose `library.sqlite` is the one truth about documents, passages, vectors and feedback.

It knows what one change to the notes means for every table, and does each change in one transaction: killed at any
instant, a document is there whole or not at all. Nothing derived is kept here; `rag.vectors` builds the FAISS file from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rag import database
from rag.document_moves import Move, move_rows
from rag.document_rows import delete_document, give_tags, insert_document, write_chunks
from rag.errors import LibraryDamaged, LibraryMismatch, LibraryMissing
from rag.library_file import DATABASE_NAME
from rag.library_reading import LibraryReading, Vectors
from rag.records import FailureRecord
from rag.types import Chunk, Document


class Library(LibraryReading):
    """A folder of indexed notes. Any thread may read; one thread of one process writes, inside `writing()`."""

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
    ) -> None:
        """Puts a document in, or in the place of the one of the same name, in one transaction.

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
            move_rows(connection, moves)

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


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
