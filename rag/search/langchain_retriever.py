"""The search as a LangChain `BaseRetriever`, and hits as LangChain documents."""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document as LangChainDocument
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from rag.search.scope import Scope
from rag.search.searcher import Searcher
from rag.types import Chunk, Hit, Locator, Unit, chunk_id

HIT_KEY = "hit"
"""Metadata key of a retrieved document under which the `Hit` itself is stored."""


class LecternRetriever(BaseRetriever):
    """The hybrid search as a LangChain retriever, usable in any chain."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    searcher: Searcher
    k: int | None = None
    scope: Scope | None = None

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **options: Any
    ) -> list[LangChainDocument]:
        """Return the passages, best first; `k` and `scope` may be given per call."""
        hits = self.searcher.search(query, options.get("k", self.k), options.get("scope", self.scope))
        return [to_document(hit) for hit in hits]


def to_document(hit: Hit) -> LangChainDocument:
    """Return the passage as a LangChain document.

    Its metadata are plain values for other people's code, and the hit itself under `HIT_KEY`.
    """
    chunk = hit.chunk
    metadata = {
        "source": chunk.document,
        "locator": str(chunk.locator),
        "start": chunk.start,
        "end": chunk.end,
        "title": chunk.title,
        "headings": list(chunk.headings),
        "score": hit.score,
        HIT_KEY: hit,
    }
    return LangChainDocument(page_content=chunk.text, metadata=metadata, id=chunk.id)


def hit_from_document(document: LangChainDocument) -> Hit:
    """Return the hit that a document of `LecternRetriever` was made from.

    A document from elsewhere becomes a hit of its text. It is cited by its `source` and by the lines of its
    text, and has no dense score.
    """
    known = document.metadata.get(HIT_KEY)
    if isinstance(known, Hit):
        return known
    text, source = document.page_content, str(document.metadata.get("source", "document"))
    locator = Locator(Unit.LINE, 1, 1 + text.count("\n"))
    chunk = Chunk(document.id or chunk_id(source, 0, text), source, 0, 0, len(text), text, locator)
    return Hit(chunk, float(document.metadata.get("score", 0.0)))
