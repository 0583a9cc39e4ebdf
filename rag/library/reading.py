"""The reading side of a library in a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from sqlite3 import Connection

from rag.aliases import Rowids, Vectors
from rag.library.connections import Connections
from rag.library.fts_words import FtsWords
from rag.library.manifest import ManifestTable
from rag.library.queries import ChunkQueries, DocumentQueries, VectorQueries
from rag.library.rows import DocumentRecord, FailureRecord, Feedback, Manifest
from rag.library.soundness import Soundness
from rag.types import Chunk, Document


class LibraryReading:
    """Everything that is read from a library in a folder; any thread may."""

    dense = None
    """The search keeps the index of the vectors in a file (`rag.search.dense`)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._connections = Connections(folder)
        self._manifest = ManifestTable(folder, self._connections)
        self._documents = DocumentQueries(self._connections)
        self._chunks = ChunkQueries(self._connections)
        self._vectors = VectorQueries(self._connections, self._manifest)
        self._manifest.check_schema()
        self.soundness = Soundness(self._connections)
        self.words = FtsWords(folder, self._connections, self.soundness)

    @property
    def place(self) -> str:
        """The value of `--library` that names this library."""
        return str(self.folder)

    @property
    def connection(self) -> Connection:
        """This thread's own SQLite connection, which cannot write."""
        return self._connections.reading

    def snapshot(self) -> AbstractContextManager[Connection]:
        """Return a context in which this thread reads one unchanging state."""
        return self._connections.snapshot()

    @property
    def generation(self) -> int:
        """Number of committed changes; it grows by one with each."""
        return self._manifest.generation

    @property
    def epoch(self) -> str:
        """Token shared with `vectors.faiss`; empty if that file was never written."""
        return self._manifest.epoch

    @property
    def manifest(self) -> Manifest:
        """Settings that the library was made with."""
        return self._manifest.read()

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

    def own_tags(self, path: str) -> tuple[str, ...]:
        """Return the tags of a document's own note, without those that a person gave."""
        return self._documents.own_tags(path)

    def text_starts(self, length: int) -> list[str]:
        """Return the first `length` characters of every document."""
        return self._documents.text_starts(length)

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

    def rowids_in(self, paths: Sequence[str]) -> Rowids:
        """Return the rowids of the chunks of documents, ascending."""
        return self._chunks.rowids_in(paths)

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
