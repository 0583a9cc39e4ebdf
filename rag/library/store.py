"""The interface of a library, which two back ends have.

`rag.library.library` is a folder with SQLite and FAISS, `rag.library.postgres` a course of a PostgreSQL server.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rag.aliases import Rowids, Scores, Vectors
from rag.library.renames import Move
from rag.library.rows import DocumentRecord, FailureRecord, Feedback, Manifest
from rag.types import Chunk, Document


@dataclass(frozen=True, slots=True)
class Term:
    """A word of the question as the index knows it (`stem`).

    `passages` is the number of passages with it, `idf` its BM25 weight.
    """

    word: str
    stem: str
    passages: int
    idf: float


@dataclass(frozen=True, slots=True)
class Allowed:
    """The passages of a scope: rowids, ascending, and names of documents."""

    rowids: Rowids
    documents: tuple[str, ...]


class WordTable(Protocol):
    """The queries of a back end to its index of words. BM25 is that of FTS5."""

    def check(self) -> None:
        """Check the index as it is after the library's last change.

        Raises:
            LibraryDamaged: it is damaged.
        """

    def passages_with(self, stems: Sequence[str]) -> dict[str, int]:
        """Return each stem's number of passages."""

    def matches(
        self, terms: Sequence[Term], limit: int, documents: Sequence[str] | None
    ) -> list[tuple[int, float]]:
        """Return at most `limit` rowids with their BM25 score, best first, ties by rowid.

        With `documents` only passages of those.
        """

    def texts(self, limit: int) -> Iterator[str]:
        """Yield the text of the first `limit` passages, each with its title and headings."""


class DenseSearch(Protocol):
    """The nearest vectors of a library."""

    def search(self, query: Vectors, k: int, allowed: Allowed | None = None) -> tuple[Rowids, Scores]:
        """Return the rowids and cosines of the `k` passages nearest to `query` (dim,).

        They are best first, ties by rowid.
        """

    def cosines(self, query: Vectors, rowids: Rowids) -> Scores:
        """Return the exact cosines of passages with `query`, 0 where one no longer exists."""

    def keep_file(self) -> None:
        """Renew what is derived from the vectors, at the end of an ingest."""


class LibraryStore(Protocol):
    """A library: documents, passages, vectors and feedback.

    Any thread may read; one thread of one process writes, inside `writing()`. Every change is one transaction.
    """

    @property
    def folder(self) -> Path:
        """The folder for conversations, the log of questions and other files."""

    @property
    def place(self) -> str:
        """The value of `--library` that names this library, without a password."""

    @property
    def words(self) -> WordTable:
        """The index of words."""

    @property
    def dense(self) -> DenseSearch | None:
        """The nearest vectors; None where `rag.search.dense` keeps an index."""

    @property
    def generation(self) -> int:
        """Number of committed changes; it grows by one with each."""

    @property
    def manifest(self) -> Manifest:
        """Settings that the library was made with."""

    def close(self) -> None:
        """Close every connection; the object cannot be used afterwards."""

    def snapshot(self) -> AbstractContextManager[object]:
        """Return a context in which this thread reads one unchanging state."""

    def writing(self) -> AbstractContextManager[None]:
        """Return a context in which nobody else writes; it may be nested in one thread.

        Raises:
            LibraryBusy: another process or thread is writing.
        """

    def bind(self, embedder: str, dim: int, chunker: str) -> None:
        """Store embedder and chunker of a new library; compare them with an old one's.

        Raises:
            LibraryMismatch: it was made with another embedder or chunker.
        """

    def check_embedder(self, embedder: str, dim: int) -> None:
        """Check that the library's vectors, if it has any, come from this embedder.

        Raises:
            LibraryMismatch: they come from another one.
        """

    def mend(self, sources: Collection[str]) -> None:
        """Remove damaged documents that can be read again from `sources`."""

    def keep_words(self) -> None:
        """Store the checksum of the index of words, if it has one."""

    def drop(self) -> None:
        """Delete all documents, failures and verdicts, in one transaction.

        A course of a server is gone afterwards; a folder has an empty library, which may be made with another
        embedder. Files beside the notes stay.

        Raises:
            LibraryBusy: another process or thread is writing, or searches are in the way.
            LibraryUnreachable: the user of the server does not own its tables.
        """

    def documents(self) -> list[DocumentRecord]:
        """Return every document without its text, ordered by path."""

    def has(self, path: str) -> bool:
        """Return whether there is a document of that name."""

    def document(self, path: str) -> Document:
        """Return the document of that name with its text and blocks.

        Raises:
            LibraryMissing: there is none.
        """

    def text_starts(self, length: int) -> list[str]:
        """Return the first `length` characters of every document."""

    def own_tags(self, path: str) -> tuple[str, ...]:
        """Return the tags of a document's own note, without those that a person gave."""

    def given_tags(self, path: str) -> tuple[str, ...]:
        """Return the tags that a person gave a document, without the note's own."""

    def failures(self) -> list[FailureRecord]:
        """Return the files that could not be read at their last ingest, ordered by path."""

    def feedback(self) -> list[Feedback]:
        """Return people's verdicts on answers, oldest first."""

    def chunks(self, rowids: Sequence[int] | Rowids) -> list[Chunk]:
        """Return the chunks of these rowids, in order, without those that are gone."""

    def chunks_by_rowid(self, rowids: Sequence[int] | Rowids) -> dict[int, Chunk]:
        """Return rowid to chunk, for those that exist."""

    def document_of(self, rowids: Sequence[int] | Rowids) -> dict[int, str]:
        """Return rowid to the path of its document, for those that exist."""

    def chunks_of(self, path: str) -> list[Chunk]:
        """Return the chunks of a document in reading order; none for an unknown document."""

    def chunk_rowids(self) -> Rowids:
        """Return every chunk's rowid, ascending; none is ever used again."""

    def rowids_in(self, paths: Sequence[str]) -> Rowids:
        """Return the rowids of the chunks of documents, ascending."""

    def chunk_count(self) -> int:
        """Return the number of chunks."""

    def vectors(self, rowids: Sequence[int] | Rowids | None = None) -> tuple[Rowids, Vectors]:
        """Return rowids (n,) and their vectors (n, dim), in the order given.

        Without `rowids`, all of them ascending. Rowids that no longer exist are left out.
        """

    def sketches(self, rowids: Sequence[int] | Rowids) -> dict[int, bytes]:
        """Return rowid to token sketch (`rag.embedding.late_interaction`)."""

    def embeddings(self, keys: Sequence[bytes]) -> dict[bytes, tuple[Vectors, bytes]]:
        """Return passage key (`rag.library.rows.passage_key`) to vector (dim,) and sketch."""

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

    def remove_document(self, path: str, *, source: str | None = None) -> bool:
        """Delete a document and return whether it existed.

        With `source` only if it was read from that file: the name may be another document's by now.
        """

    def move_documents(self, moves: Sequence[Move], instead_of: Sequence[str] = ()) -> None:
        """Give documents other names and files, in one transaction.

        Names may be swapped and passed on. The documents `instead_of`, whose names are needed, are deleted.

        Raises:
            LibraryMissing: a document does not exist.
            InputError: a new name is that of a document which stays.
        """

    def touch_document(self, path: str, *, size_bytes: int, mtime_ns: int, source: str) -> None:
        """Store a file's new time stamp after its content was found to be the same."""

    def tag_document(self, path: str, tags: Sequence[str]) -> None:
        """Replace the tags that a person gave a document; its own tags stay beside them.

        Raises:
            LibraryMissing: there is no such document.
        """

    def record_failures(self, failures: Sequence[FailureRecord], forget: Sequence[str] = ()) -> None:
        """Store files that could not be read, and delete the failures in `forget`."""

    def add_feedback(self, question: str, answer_json: str, verdict: str, note: str = "") -> int:
        """Store a verdict on an answer and return its number, also during an ingest."""

    def put_feedback(self, verdicts: Sequence[Feedback]) -> None:
        """Store verdicts of another library with their numbers and times.

        Those whose number is known stay as they are.
        """
