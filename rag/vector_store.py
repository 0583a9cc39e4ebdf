"""LangChain's edge of the vectors: a library as a read-only `VectorStore` of cosines, without the lexical side.

Notes get into a library by `lectern ingest`, never through here: a text without a document has no place to cite.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from langchain_core.documents import Document as LangChainDocument
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore

from rag.embedder import Embedder
from rag.library import Library
from rag.retriever import to_document
from rag.scope import Scope, allowed_passages
from rag.types import Hit, Why
from rag.vectors import VectorIndex


class LecternEmbeddings(Embeddings):
    """Our embedder as LangChain's `Embeddings`; vectors have length 1."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector a text, in order."""
        vectors: list[list[float]] = self._embedder.embed_passages(texts).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """The vector of a question."""
        vector: list[float] = self._embedder.embed_query(text).tolist()
        return vector


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
        return LecternEmbeddings(self._embedder)

    def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[LangChainDocument]:
        """The `k` passages nearest to `query`, best first; `scope=` limits them."""
        return [document for document, _ in self.similarity_search_with_score(query, k, **kwargs)]

    def similarity_search_with_score(
        self, query: str, k: int = 4, scope: Scope | None = None, **_: Any
    ) -> list[tuple[LangChainDocument, float]]:
        """The passages with their cosines (higher is better)."""
        vector = self._embedder.embed_query(query)
        return self._nearest(vector, k, scope)

    def similarity_search_by_vector(
        self, embedding: list[float], k: int = 4, scope: Scope | None = None, **_: Any
    ) -> list[LangChainDocument]:
        """The `k` passages nearest to a vector of any length, best first."""
        return [document for document, _ in self._nearest(np.asarray(embedding, np.float32), k, scope)]

    def get_by_ids(self, ids: Any, /) -> list[LangChainDocument]:
        """The passages with these chunk ids, in the library's order; unknown ids are left out."""
        marks = ",".join("?" * len(ids))
        query = f"SELECT id FROM chunks WHERE chunk_id IN ({marks}) ORDER BY id"
        rowids = [row[0] for row in self._library.connection.execute(query, list(ids))]
        return [to_document(Hit(chunk, 0.0)) for chunk in self._library.chunks(rowids)]

    def add_texts(
        self, texts: Iterable[str], metadatas: list[dict[str, Any]] | None = None, **_: Any
    ) -> list[str]:
        """Refuses: notes are added with `lectern ingest`.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(
            "Notes get into a library with `lectern ingest FOLDER`, so that they can be cited."
        )

    @classmethod
    def from_texts(cls, texts: list[str], embedding: Embeddings, *_: Any, **__: Any) -> LecternVectorStore:
        """Refuses, as `add_texts` does.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(
            "Make a library with `lectern ingest FOLDER` and open it with `LecternVectorStore`."
        )

    def _select_relevance_score_fn(self) -> Any:
        """Cosine from [-1, 1] to LangChain's [0, 1]."""
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
        return [(to_document(hit), hit.score) for hit in hits]
