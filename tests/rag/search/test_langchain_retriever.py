from collections.abc import Callable
from typing import Any

import pytest

from rag.library.library import Library
from rag.search.scope import Scope
from rag.search.searcher import Searcher
from rag.settings import RetrievalSettings

pytest.importorskip("langchain_core")


@pytest.fixture
def filled(library: Library, put: Callable[..., Any]) -> Library:
    put("a.md", "apple banana", "cherry date", title="Fruit")
    put("b.md", "elder fig")
    return library


def test_documents_carry_the_place_and_the_hit(filled: Library, letters: Any) -> None:
    from rag.search.langchain_retriever import LecternRetriever, hit_from_document

    searcher = Searcher(filled, letters, RetrievalSettings())
    retriever = LecternRetriever(searcher=searcher, k=2)
    documents = retriever.invoke("cherry date")
    assert next(d.page_content for d in documents) == "cherry date"
    assert len(documents) == 2
    metadata = documents[0].metadata
    assert (metadata["source"], metadata["start"], metadata["end"], metadata["title"]) == (
        "a.md",
        14,
        25,
        "Fruit",
    )
    assert hit_from_document(documents[0]) == searcher.search("cherry date")[0]


def test_scope_and_k_may_come_with_the_call(filled: Library, letters: Any) -> None:
    from rag.search.langchain_retriever import LecternRetriever

    retriever = LecternRetriever(searcher=Searcher(filled, letters, RetrievalSettings()))
    documents = retriever.invoke("cherry", k=1, scope=Scope(documents=("b.md",)))
    assert [d.metadata["source"] for d in documents] == ["b.md"]


def test_it_composes_as_any_runnable(filled: Library, letters: Any) -> None:
    from rag.search.langchain_retriever import LecternRetriever

    retriever = LecternRetriever(searcher=Searcher(filled, letters, RetrievalSettings()), k=1)
    chain = retriever | (lambda documents: documents[0].page_content)
    assert chain.batch(["apple", "fig"]) == ["apple banana", "elder fig"]


def test_the_vector_store_ranks_by_cosine(filled: Library, letters: Any) -> None:
    from rag.search.langchain_vector_store import LecternVectorStore

    store = LecternVectorStore(filled, letters)
    found = store.similarity_search_with_score("apple cherry", k=3)
    assert [round(score, 4) for _, score in found] == [0.5, 0.5, 0.0]
    assert store.similarity_search_by_vector([0, 0, 0, 0, 5, 5, 0, 0], k=1)[0].page_content == "elder fig"
    ids = [document.id for document, _ in found]
    assert [d.id for d in store.get_by_ids(ids[:1])] == ids[:1]
    assert store.as_retriever(search_kwargs={"k": 1}).invoke("fig")[0].page_content == "elder fig"
