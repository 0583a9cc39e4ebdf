"""The search of the chain: passages in the order in which they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rag.answer.notes import Notes
from rag.answer.printed_passages import WIDER, written_first
from rag.search.langchain_retriever import LecternRetriever, hit_from_document
from rag.search.scope import Scope
from rag.types import Hit

if TYPE_CHECKING:
    from langchain_core.retrievers import BaseRetriever
    from langchain_core.runnables import RunnableConfig


def searched(
    retriever: BaseRetriever,
    notes: Notes | None,
    query: str,
    config: RunnableConfig | None,
    scope: Scope | None,
) -> list[Hit]:
    """Return the passages for a query, best first.

    What programs printed does not hide what people wrote. The passages of a retriever from elsewhere, which may not know a `scope` or how many are wanted, stay in its order.
    """

    def search(**options: Any) -> list[Hit]:
        inside = {"scope": scope} if scope else {}
        return [hit_from_document(found) for found in retriever.invoke(query, config, **inside, **options)]

    hits = search()
    if notes is None or not isinstance(retriever, LecternRetriever):
        return hits
    return written_first(hits, lambda: search(k=len(hits) * WIDER), notes.reading)
