"""A library that is a course of a PostgreSQL server.

It does what `rag.library.library` does for a folder. Conversations, study cards, accounts and the log of questions stay files of
this machine, in the folder that it is opened with.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from rag.aliases import Vectors
from rag.errors import LibraryMismatch, LibraryMissing
from rag.library.documents import check_vectors
from rag.library.postgres import schema
from rag.library.postgres.connections import Connection, ServerConnections
from rag.library.postgres.documents import delete_document, insert_document, insert_rows, write_chunks
from rag.library.postgres.errors import translated
from rag.library.postgres.reading import ServerReading
from rag.library.postgres.renames import move_rows, write_tags
from rag.library.renames import Move
from rag.library.rows import FailureRecord, Feedback
from rag.system.server_address import ServerAddress
from rag.types import Chunk, Document

_FEEDBACK_LOCK = 0x4C454346
"""First key of the lock for the next number of a verdict, `LECF`."""
_FAILURE = {"source": "text", "path": "text", "reason": "text", "size_bytes": "bigint", "mtime_ns": "bigint", "parser": "text",
            "failed_at": "text"}  # fmt: skip
_VERDICT = {
    "id": "bigint",
    "question": "text",
    "answer_json": "text",
    "verdict": "text",
    "note": "text",
    "given_at": "text",
}


class PostgresLibrary(ServerReading):
    """A course of a server. Any thread may read; one thread of one process writes, inside `writing()`."""

    @classmethod
    def open(cls, address: ServerAddress, folder: Path, *, create: bool = False) -> PostgresLibrary:
        """Return the course of that address; with `create` it is made if there is none.

        Raises:
            LibraryMissing: there is none and `create` is False.
            LibraryMismatch: the server, pgvector or the tables have a version that does not fit.
            LibraryUnreachable: the server does not answer, or refuses.
        """
        connections = ServerConnections(address)
        try:
            with translated(address.shown):
                connections.course = _found(connections, address, create)
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise LibraryMissing(
                f"The folder {folder} for conversations cannot be made ({exc.strerror})."
            ) from exc
        return cls(folder, connections)

    def close(self) -> None:
        """Close every connection."""
        self._connections.close()

    def writing(self) -> AbstractContextManager[None]:
        """Return a context in which nobody else writes; it may be nested in one thread.

        Raises:
            LibraryBusy: another process or thread is writing.
        """
        return self._connections.lock()

    def bind(self, embedder: str, dim: int, chunker: str) -> None:
        """Store embedder and chunker of a new library; compare them with an old one's.

        Raises:
            LibraryMismatch: it was made with another embedder or chunker.
        """
        made = self.manifest
        if not made.embedder:
            with self._connections.transaction(locked=True) as connection:
                query = "UPDATE lectern.courses SET embedder = %s, dim = %s, chunker = %s WHERE id = %s"
                connection.execute(query, (embedder, dim, chunker, self._course))
            return
        self.check_embedder(embedder, dim)
        if made.chunker != chunker:
            raise LibraryMismatch(
                f"{self.place} was cut into passages by {made.chunker}, the settings now say {chunker}. Set them back, or use "
                "another course."
            )

    def mend(self, sources: Collection[str]) -> None:
        """Do nothing: the server checks its pages when it reads them."""

    def keep_words(self) -> None:
        """Do nothing: the postings are rows like all others."""

    def drop(self) -> None:
        """Delete the course with all that is in it, in one transaction.

        The object cannot be used afterwards.

        Raises:
            LibraryBusy: another process or thread is writing, or searches are in the way.
            LibraryUnreachable: the user does not own the tables.
        """
        with self._connections.transaction(locked=True, counts=False) as connection:
            schema.drop_course(connection, self._course)

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
                self._course,
                document,
                chunk_count=len(chunks),
                size_bytes=size_bytes,
                mtime_ns=mtime_ns,
                ingested_at=ingested_at or _now(),
            )
            write_chunks(connection, self._course, number, chunks, vectors, sketches or [b""] * len(chunks))
            self._forget(connection, [document.source])

    def remove_document(self, path: str, *, source: str | None = None) -> bool:
        """Delete a document and return whether it existed.

        With `source` only if it was read from that file: the name may be another document's by now.
        """
        with self._connections.transaction(locked=True) as connection:
            query = "SELECT 1 FROM lectern.documents WHERE course = %s AND path = %s AND source = %s"
            if source is not None and not connection.execute(query, (self._course, path, source)).fetchone():
                return False
            return delete_document(connection, self._course, path)

    def move_documents(self, moves: Sequence[Move], instead_of: Sequence[str] = ()) -> None:
        """Give documents other names and files, in one transaction.

        Names may be swapped and passed on. The documents `instead_of`, whose names are needed, are deleted.

        Raises:
            LibraryMissing: a document does not exist.
            InputError: a new name is that of a document which stays.
        """
        with self._connections.transaction(locked=True) as connection:
            for path in instead_of:
                delete_document(connection, self._course, path)
            move_rows(connection, self._course, moves)

    def touch_document(self, path: str, *, size_bytes: int, mtime_ns: int, source: str) -> None:
        """Store a file's new time stamp after its content was found to be the same."""
        with self._connections.transaction(locked=True, counts=False) as connection:
            connection.execute(
                "UPDATE lectern.documents SET size_bytes = %s, mtime_ns = %s, source = %s WHERE course = %s AND path = %s",
                (size_bytes, mtime_ns, source, self._course, path),
            )

    def tag_document(self, path: str, tags: Sequence[str]) -> None:
        """Replace the tags that a person gave a document; its own tags stay beside them.

        Raises:
            LibraryMissing: there is no such document.
        """
        with self._connections.transaction(locked=True) as connection:
            if not write_tags(connection, self._course, path, tags):
                raise LibraryMissing(
                    f"The library has no document {path!r}; `lectern documents list` names them."
                )

    def record_failures(self, failures: Sequence[FailureRecord], forget: Sequence[str] = ()) -> None:
        """Store files that could not be read, and delete the failures in `forget`."""
        known = {f.source: f for f in failures}
        rows = (
            (f.source, f.path, f.reason, f.size_bytes, f.mtime_ns, f.parser, f.failed_at or _now())
            for f in known.values()
        )
        with self._connections.transaction(locked=True, counts=False) as connection:
            self._forget(connection, [*forget, *known])
            insert_rows(connection, "failures", _FAILURE, self._course, rows)

    def add_feedback(self, question: str, answer_json: str, verdict: str, note: str = "") -> int:
        """Store a verdict on an answer and return its number, also during an ingest."""
        with self._connections.transaction(locked=False, counts=False) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", (_FEEDBACK_LOCK, self._course))
            query = "SELECT COALESCE(MAX(id), 0) + 1 FROM lectern.feedback WHERE course = %s"
            row = connection.execute(query, (self._course,)).fetchone()
            number = int(row[0]) if row else 0
            rows = [(number, question, answer_json, verdict, note, _now())]
            insert_rows(connection, "feedback", _VERDICT, self._course, rows)
        return number

    def put_feedback(self, verdicts: Sequence[Feedback]) -> None:
        """Store verdicts of another library with their numbers and times.

        Those whose number is known stay as they are.
        """
        with self._connections.transaction(locked=False, counts=False) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", (_FEEDBACK_LOCK, self._course))
            query = "SELECT id FROM lectern.feedback WHERE course = %s"
            known = {row[0] for row in connection.execute(query, (self._course,))}
            rows = (
                (f.id, f.question, f.answer_json, f.verdict, f.note, f.given_at)
                for f in verdicts
                if f.id not in known
            )
            insert_rows(connection, "feedback", _VERDICT, self._course, rows)

    def _forget(self, connection: Connection, sources: list[str]) -> None:
        query = "DELETE FROM lectern.failures WHERE course = %s AND source = ANY(%s)"
        connection.execute(query, (self._course, sources))


def _found(connections: ServerConnections, address: ServerAddress, create: bool) -> int:
    """Return the number of the course, made if there is none and `create` is set."""
    connection = connections.reading
    if not schema.has_tables(connection):
        if not create:
            raise _missing(address, "The database has no library of Lectern yet")
        schema.check_server(address.shown, connection.info.server_version, "0.8")
        schema.make_tables(connection, address.shown)
        connections.close()  # connections that were opened before do not know the extension's types
        connection = connections.reading
    row = connection.execute(
        "SELECT (SELECT schema FROM lectern.version), (SELECT extversion FROM pg_extension WHERE extname = 'vector')"
    ).fetchone()
    version, vector = row or (0, "")
    schema.check_version(address.shown, version or 0)
    schema.check_server(address.shown, connection.info.server_version, vector or "")
    number = schema.course_number(connection, address.course)
    if number is None and create:
        schema.make_course(connection, address.course, _now())
        number = schema.course_number(connection, address.course)
    if number is None:
        names = ", ".join(schema.course_names(connection)) or "no course"
        raise _missing(
            address, f"The database has no course {address.course!r} that this user may see, but {names}"
        )
    return number


def _missing(address: ServerAddress, found: str) -> LibraryMissing:
    return LibraryMissing(f"{found}. Make one with: lectern ingest FOLDER --library '{address.shown}'")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
