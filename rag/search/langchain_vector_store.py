"""A library as LangChain's `VectorStore` of cosines.

It finds the passages of ingested notes and texts that LangChain programs add. It has no lexical side.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4
from weakref import finalize

import numpy as np
from langchain_core.documents import Document as LangChainDocument
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore

from rag.embedding.embedder import Embedder, embed_with_sketches
from rag.errors import InputError
from rag.library.library import Library
from rag.search.dense import VectorIndex
from rag.search.langchain_embeddings import LangChainEmbedder, LecternEmbeddings, embedder_of
from rag.search.langchain_retriever import to_document
from rag.search.langchain_texts import CHUNKER, FOLDER, text_document, text_metadata, text_name
from rag.search.scope import Scope, allowed_passages
from rag.types import Hit, Why


class LecternVectorStore(VectorStore):
    """A library's passages by cosine, for LangChain code that wants a vector store."""

    def __init__(self, library: Library, embedder: Embedder) -> None:
        library.check_embedder(embedder.fingerprint, embedder.dim)
        self._library = library
        self._embedder = embedder
        self._index = VectorIndex(library)

    @property
    def embeddings(self) -> Embeddings:
        """The embedder behind the store."""
        if isinstance(self._embedder, LangChainEmbedder):
            return self._embedder.embeddings
        return LecternEmbeddings(self._embedder)

    def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[LangChainDocument]:
        """Return the `k` passages nearest to `query`, best first; `scope=` limits them."""
        return [document for document, _ in self.similarity_search_with_score(query, k, **kwargs)]

    def similarity_search_with_score(
        self, query: str, k: int = 4, scope: Scope | None = None, **_: Any
    ) -> list[tuple[LangChainDocument, float]]:
        """Return the passages with their cosines (higher is better)."""
        return self._nearest(self._embedder.embed_query(query), k, scope)

    def similarity_search_by_vector(
        self, embedding: list[float], k: int = 4, scope: Scope | None = None, **_: Any
    ) -> list[LangChainDocument]:
        """Return the `k` passages nearest to a vector of any length, best first."""
        return [document for document, _ in self._nearest(np.asarray(embedding, np.float32), k, scope)]

    def get_by_ids(self, ids: Sequence[str], /) -> list[LangChainDocument]:
        """Return the passages with these ids, in the library's order.

        Unknown ids are left out.
        """
        return [self._document(Hit(chunk, 0.0)) for chunk in self._library.chunks(self._rowids(ids))]

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **_: Any,
    ) -> list[str]:
        """Add texts, each as a document with one passage, and return their ids.

        A text of the same id is replaced. The metadata are JSON. Of a text longer than the embedder reads, the end is not
        found by meaning, so cut texts before.

        Raises:
            InputError: a text is empty, an id is that of a passage of ingested notes, or there are not as many of each.
            LibraryBusy: another process is writing.
        """
        found = list(texts)
        names = self._new_ids(found, ids)
        extras = [{} for _ in found] if metadatas is None else metadatas
        if not len(found) == len(names) == len(extras):
            raise InputError(
                f"{len(found)} texts came with {len(names)} ids and {len(extras)} metadata; give one of each for every text."
            )
        made = [text_document(*one) for one in zip(names, found, extras, strict=True)]
        vectors, sketches = embed_with_sketches(self._embedder, found)
        library = self._library
        with library.writing():
            if not library.manifest.embedder:
                library.bind(self._embedder.fingerprint, self._embedder.dim, CHUNKER)
            for number, (document, chunk) in enumerate(made):
                library.replace_document(
                    document,
                    [chunk],
                    vectors[number : number + 1],
                    sketches=sketches[number : number + 1],
                    size_bytes=len(document.text.encode("utf-8", "surrogatepass")),
                )
            self._index.keep_file()
        return names

    def delete(self, ids: list[str] | None = None, **_: Any) -> bool:
        """Delete texts that were added here; unknown ids are passed over.

        Raises:
            InputError: no ids were given, or one is that of a passage of ingested notes; nothing is deleted then.
            LibraryBusy: another process is writing.
        """
        if ids is None:
            raise InputError("Give the ids to delete; a whole library is removed by removing its folder.")
        self._check_added(ids)
        with self._library.writing():
            for identifier in ids:
                self._library.remove_document(text_name(identifier))
            self._index.keep_file()
        return True

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        folder: Path | str | None = None,
        **_: Any,
    ) -> LecternVectorStore:
        """Return a store with these texts, in the library `folder`.

        Without a folder the library is temporary and ends with the store.

        Raises:
            InputError: as for `add_texts`.
            LibraryMismatch: the library's vectors are another embedder's.
        """
        temporary = None if folder is not None else tempfile.TemporaryDirectory(prefix="lectern-")
        library = Library.open(Path(temporary.name if temporary else folder or ""), create=True)
        store = cls(library, embedder_of(embedding))
        if temporary is not None:
            finalize(store, _end, library, temporary)
        store.add_texts(texts, metadatas, ids=ids)
        return store

    def _select_relevance_score_fn(self) -> Any:
        """Return a function from cosine in [-1, 1] to LangChain's [0, 1]."""
        return lambda cosine: (cosine + 1.0) / 2.0

    def _nearest(
        self, vector: np.ndarray[Any, np.dtype[np.float32]], k: int, scope: Scope | None
    ) -> list[tuple[LangChainDocument, float]]:
        rowids, cosines = self._index.search(vector, k, allowed_passages(self._library, scope))
        chunks = self._library.chunks_by_rowid(rowids)
        hits = [
            Hit(chunks[rowid], score, Why(dense_rank=rank, dense_score=score))
            for rank, (rowid, score) in enumerate(
                zip(rowids.tolist(), cosines.tolist(), strict=True), start=1
            )
            if rowid in chunks
        ]
        return [(self._document(hit), hit.score) for hit in hits]

    def _document(self, hit: Hit) -> LangChainDocument:
        """Return a passage for LangChain; an added text has the metadata it came with."""
        chunk = hit.chunk
        if not _is_added(chunk.document, chunk.id):
            return to_document(hit)
        metadata = text_metadata(self._library.document(chunk.document))
        return LangChainDocument(page_content=chunk.text, metadata=metadata, id=chunk.id)

    def _new_ids(self, texts: Sequence[str], ids: Sequence[str | None] | None) -> list[str]:
        """Return an id for each text, made where none is given."""
        empty = next((number for number, text in enumerate(texts) if not text.strip()), None)
        if empty is not None:
            raise InputError(f"Text {empty} of {len(texts)} is empty; nothing was added.")
        if ids is None:
            return [uuid4().hex for _ in texts]
        names = [str(identifier) if identifier else uuid4().hex for identifier in ids]
        self._check_added(names)
        return names

    def _check_added(self, ids: Sequence[str]) -> None:
        """Raise an error if one of the ids is that of a passage of ingested notes."""
        for chunk in self._library.chunks(self._rowids(ids)):
            if not _is_added(chunk.document, chunk.id):
                raise InputError(
                    f"{chunk.id} is a passage of the note {chunk.document}; change the note and ingest it again, or remove "
                    f"it with: lectern documents remove {chunk.document}"
                )

    def _rowids(self, ids: Sequence[str]) -> list[int]:
        marks = ",".join("?" * len(ids))
        query = f"SELECT id FROM chunks WHERE chunk_id IN ({marks}) ORDER BY id"
        return [row[0] for row in self._library.connection.execute(query, list(ids))]


def _is_added(document: str, identifier: str) -> bool:
    return document == f"{FOLDER}{identifier}"


def _end(library: Library, temporary: tempfile.TemporaryDirectory[str]) -> None:
    """Close a temporary library and remove its folder."""
    library.close()
    temporary.cleanup()
