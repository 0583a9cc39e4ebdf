"""LangChain's standard tests of vector stores and embeddings, and what only a library can do."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore
from langchain_tests.integration_tests import VectorStoreIntegrationTests

from rag.errors import InputError, LibraryMismatch
from rag.library.library import Library
from rag.search.langchain_embeddings import LangChainEmbedder, LecternEmbeddings
from rag.search.langchain_vector_store import LecternVectorStore
from rag.search.scope import Scope
from rag.search.searcher import Searcher
from rag.settings import RetrievalSettings


class TestStandard(VectorStoreIntegrationTests):
    """An empty library with LangChain's own embeddings."""

    @pytest.fixture
    def vectorstore(self, tmp_path: Path) -> Iterator[VectorStore]:
        with Library.open(tmp_path / "texts", create=True) as library:
            yield LecternVectorStore(library, LangChainEmbedder(self.get_embeddings()))


@pytest.fixture
def store(library: Library, put: Callable[..., Any], letters: Any) -> LecternVectorStore:
    put("a.md", "apple banana", "cherry date")
    return LecternVectorStore(library, letters)


def test_added_texts_are_found_beside_notes_by_every_search(
    store: LecternVectorStore, library: Library, letters: Any
) -> None:
    store.add_texts(["elder fig", "grape\nhazel"], [{"page": 3}, {}], ids=["one", "two words"])
    assert [d.metadata for d in store.similarity_search("elder fig", k=1)] == [{"page": 3}]
    assert store.similarity_search("apple banana", k=1)[0].metadata["source"] == "a.md"
    hit = Searcher(library, letters, RetrievalSettings()).search("grape hazel", k=1)[0]
    assert hit.chunk.label == "langchain/two words › lines 3-4"
    document = library.document("langchain/two words")
    assert document.text[hit.chunk.start : hit.chunk.end] == "grape\nhazel"
    inside = store.similarity_search("elder fig", k=3, scope=Scope(folders=("langchain",)))
    assert [document.page_content for document in inside] == ["elder fig", "grape\nhazel"]


def test_a_passage_of_a_note_is_neither_replaced_nor_deleted(
    store: LecternVectorStore, library: Library
) -> None:
    passage = library.chunks_of("a.md")[0].id
    for action in (lambda: store.delete([passage]), lambda: store.add_texts(["x"], ids=[passage])):
        with pytest.raises(InputError, match=r"a passage of the note a\.md.*lectern documents remove a\.md"):
            action()
    with pytest.raises(InputError, match="Give the ids"):
        store.delete()
    assert library.chunk_count() == 2


@pytest.mark.parametrize(
    ("texts", "given", "says"),
    [
        (["a", " "], {}, "Text 1 of 2 is empty"),
        (["a"], {"ids": ["1", "2"]}, "1 texts came with 2 ids and 1 metadata"),
        (["a"], {"metadatas": []}, "1 texts came with 1 ids and 0 metadata"),
    ],
)
def test_texts_that_cannot_be_added(
    store: LecternVectorStore, library: Library, texts: Any, given: Any, says: str
) -> None:
    before = library.generation
    with pytest.raises(InputError, match=says):
        store.add_texts(texts, **given)
    assert library.generation == before


def test_a_store_from_texts_is_kept_or_temporary(letters: Any, tmp_path: Path) -> None:
    embeddings = LecternEmbeddings(letters)
    kept = LecternVectorStore.from_texts(
        ["apple", "banana"], embeddings, [{"n": 1}, {"n": 2}], folder=tmp_path / "kept"
    )
    assert [d.metadata for d in kept.similarity_search("banana", k=1)] == [{"n": 2}]
    with Library.open(tmp_path / "kept") as library:
        again = LecternVectorStore(library, letters)
        assert [d.page_content for d in again.similarity_search("apple", k=1)] == ["apple"]
        assert again.embeddings.embed_query("apple") == embeddings.embed_query("apple")
    temporary = LecternVectorStore.from_documents([Document("cherry", id="c")], embeddings)
    folder = temporary._library.folder
    assert [d.id for d in temporary.similarity_search("cherry", k=1)] == ["c"]
    assert folder.is_dir()
    del temporary
    gc.collect()
    assert not folder.exists()


class Tens(Embeddings):
    """Vectors of length 10."""

    model = "tens"

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return [6.0, 8.0]


def test_langchains_embeddings_as_an_embedder(store: LecternVectorStore) -> None:
    embedder = LangChainEmbedder(Tens())
    assert embedder.dim == 2
    assert embedder.fingerprint.endswith("Tens tens 2")
    assert embedder.embed_query("a").tolist() == pytest.approx([0.6, 0.8])
    assert embedder.embed_passages([]).shape == (0, 2)
    with pytest.raises(LibraryMismatch, match="was embedded by first letters"):
        LecternVectorStore(store._library, embedder)
