"""What both back ends of a library do alike: a folder with SQLite and FAISS, a course of a PostgreSQL server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

from rag.errors import InputError, LibraryBusy, LibraryMismatch, LibraryMissing
from rag.library.renames import Move
from rag.library.rows import FailureRecord, passage_key
from rag.library.store import LibraryStore
from rag.search.index import keep_index
from rag.search.scope import Scope, allowed_passages
from rag.search.searcher import Searcher
from rag.settings import RetrievalSettings
from tests.rag.library.stores import QUESTIONS, assert_same, fill

MakeStore = Callable[..., LibraryStore]
Put = Callable[..., Any]


@pytest.fixture
def both(
    make_folder: MakeStore, make_course: MakeStore, put_in: Put, letter_tokens: Any
) -> tuple[LibraryStore, LibraryStore]:
    """The same notes in a folder and on a server, with changes and removals."""
    stores = make_folder(), make_course()
    for store in stores:
        fill(store, letter_tokens)
        store.remove_document("week-0/note 5.md")
        put_in(store, letter_tokens, "week-1/note 6.md", "changed entirely", "apple pie")
        store.move_documents([Move("week-2/note 7.md", "week-9/moved.md")])
        store.tag_document("week-3/note 8.md", ["Exam"])
        keep_index(store)
    return stores


def test_both_find_the_same_passages_with_the_same_scores(
    both: tuple[LibraryStore, LibraryStore], letter_tokens: Any
) -> None:
    here, there = (Searcher(store, letter_tokens, RetrievalSettings(k=10)) for store in both)
    for question in QUESTIONS:
        assert_same(here.search(question), there.search(question))
        assert here.lexical.terms(question) == there.lexical.terms(question)
    for scope in (
        Scope(tags=("exam",)),
        Scope(lectures=(1, 9)),
        Scope(documents=("zh.md",)),
        Scope(folders=("week-4",)),
    ):
        assert_same(here.search("apple gradient", scope=scope), there.search("apple gradient", scope=scope))
    assert sorted(here.lexical.passage_texts(5000)) == sorted(there.lexical.passage_texts(5000))


def test_bm25_is_that_of_fts5_to_the_last_digits(
    both: tuple[LibraryStore, LibraryStore], letter_tokens: Any
) -> None:
    here, there = (Searcher(store, letter_tokens, RetrievalSettings()) for store in both)
    for question in QUESTIONS:
        terms = [term for term in here.lexical.terms(question) if term.passages]
        if not terms:
            continue
        ours, theirs = (store.words.matches(terms, 1000, None) for store in both)
        assert [row[0] for row in ours] == [row[0] for row in theirs]
        assert [row[1] for row in ours] == pytest.approx([row[1] for row in theirs], abs=1e-12)
    assert (
        here.lexical.terms(f"{'b' * 3000}")[0].passages
        == there.lexical.terms(f"{'b' * 3000}")[0].passages
        == 1
    )


def test_everything_that_is_read_is_the_same(both: tuple[LibraryStore, LibraryStore]) -> None:
    here, there = both
    rowids = here.chunk_rowids()
    assert rowids.tolist() == there.chunk_rowids().tolist()
    assert here.chunks(rowids) == there.chunks(rowids)
    assert here.document_of(rowids) == there.document_of(rowids)
    assert here.sketches(rowids) == there.sketches(rowids)
    for ours, theirs in zip(here.vectors(), there.vectors(), strict=True):
        assert ours.tolist() == theirs.tolist()
    for ours, theirs in zip(here.vectors([9, 3, 10_000]), there.vectors([9, 3, 10_000]), strict=True):
        assert ours.tolist() == theirs.tolist()
    keys = [passage_key(chunk) for chunk in here.chunks(rowids)]
    embeddings = here.embeddings(keys), there.embeddings([*keys, b"unknown"])
    assert [{key: (v.tolist(), s) for key, (v, s) in found.items()} for found in embeddings[:1]] == [
        {key: (v.tolist(), s) for key, (v, s) in found.items()} for found in embeddings[1:]
    ]
    for record, other in zip(here.documents(), there.documents(), strict=True):
        assert (record.path, record.tags, record.chunks, record.size_bytes) == (
            other.path,
            other.tags,
            other.chunks,
            other.size_bytes,
        )
        assert here.document(record.path) == there.document(record.path)
        assert here.chunks_of(record.path) == there.chunks_of(record.path)
    assert sorted(here.text_starts(3)) == sorted(there.text_starts(3))
    assert here.generation == there.generation


def test_unchanged_passages_keep_their_rowids(make_store: MakeStore, put_in: Put, letter_tokens: Any) -> None:
    store = make_store()
    put_in(store, letter_tokens, "a.md", "apple", "banana", "apple")
    put_in(store, letter_tokens, "a.md", "cherry", "apple", "date")
    assert store.chunk_rowids().tolist() == [1, 4, 5]
    assert [chunk.text for chunk in store.chunks([4, 1, 5, 2])] == ["cherry", "apple", "date"]
    assert [chunk.text for chunk in store.chunks_of("a.md")] == ["cherry", "apple", "date"]
    assert store.chunk_count() == 3
    assert Searcher(store, letter_tokens, RetrievalSettings()).lexical.terms("banana")[0].passages == 0


def test_documents_are_removed_with_what_only_they_use(
    make_store: MakeStore, put_in: Put, letter_tokens: Any
) -> None:
    store = make_store()
    chunk = put_in(store, letter_tokens, "a.md", "apple banana")[0]
    put_in(store, letter_tokens, "b.md", "apple banana")
    assert not store.remove_document("a.md", source="/another")
    assert store.remove_document("a.md", source="/notes/a.md")
    assert not store.remove_document("a.md")
    assert store.embeddings([passage_key(chunk)])
    assert store.remove_document("b.md")
    assert store.embeddings([passage_key(chunk)]) == {}
    assert (store.documents(), store.chunk_count(), store.chunk_rowids().tolist()) == ([], 0, [])
    assert Searcher(store, letter_tokens, RetrievalSettings()).search("apple") == []
    for missing in ("a.md", "a\0.md"):
        assert not store.has(missing) and store.chunks_of(missing) == []
        with pytest.raises(LibraryMissing, match="no document 'a"):
            store.document(missing)


def test_names_can_be_swapped_and_not_taken(make_store: MakeStore, put_in: Put, letter_tokens: Any) -> None:
    store = make_store()
    put_in(store, letter_tokens, "a.md", "apple")
    put_in(store, letter_tokens, "b.md", "banana")
    put_in(store, letter_tokens, "c.md", "cherry")
    store.move_documents([Move("a.md", "b.md", "/new/b", 5), Move("b.md", "a.md", read_again=True)], ["c.md"])
    assert store.document("b.md").text == "apple"
    assert [chunk.document for chunk in store.chunks_of("b.md")] == ["b.md"]
    fresh = {record.path: record for record in store.documents()}
    assert (fresh["b.md"].source, fresh["b.md"].mtime_ns) == ("/new/b", 5)
    assert (fresh["a.md"].content_hash, fresh["a.md"].mtime_ns) == ("", 0)
    before = store.generation
    with pytest.raises(InputError, match="another document of that name"):
        store.move_documents([Move("a.md", "b.md")])
    with pytest.raises(LibraryMissing, match=r"no document 'x\.md'"):
        store.move_documents([Move("x.md", "y.md")])
    assert (store.has("a.md"), store.generation) == (True, before)


def test_given_tags_stay_when_a_note_is_read_again(
    make_store: MakeStore, put_in: Put, letter_tokens: Any
) -> None:
    store = make_store()
    put_in(store, letter_tokens, "a.md", "apple", tags=("Own",))
    assert (store.own_tags("a.md"), store.given_tags("a.md"), store.given_tags("x")) == (("Own",), (), ())
    store.tag_document("a.md", ["own", "Exam"])
    put_in(store, letter_tokens, "a.md", "apple", "banana", tags=("Other",))
    assert store.document("a.md").tags == ("Other", "own", "Exam")
    assert (store.own_tags("a.md"), store.given_tags("a.md")) == (("Other",), ("own", "Exam"))
    assert allowed_passages(store, Scope(tags=("exam",))).rowids.tolist() == [1, 2]  # type: ignore[union-attr]
    with pytest.raises(LibraryMissing):
        store.tag_document("b.md", ["x"])


def test_failures_are_known_until_the_file_is_read(
    make_store: MakeStore, put_in: Put, letter_tokens: Any
) -> None:
    store = make_store()
    before = store.generation
    store.record_failures(
        [
            FailureRecord("/notes/b.md", "b.md", "broken", 1, 2, "p"),
            FailureRecord("/notes/a.md", "a.md", "x", 3, 4, "q"),
        ]
    )
    store.record_failures([FailureRecord("/notes/a.md", "a.md", "worse", 3, 4, "q", "then")])
    assert [(f.path, f.reason) for f in store.failures()] == [("a.md", "worse"), ("b.md", "broken")]
    assert store.failures()[0].failed_at == "then"
    assert store.generation == before
    put_in(store, letter_tokens, "a.md", "apple")
    store.record_failures([], forget=["/notes/b.md"])
    assert store.failures() == []


def test_feedback_is_kept_in_order_also_during_an_ingest(make_store: MakeStore) -> None:
    store = make_store()
    with store.writing():
        worker = threading.Thread(target=store.add_feedback, args=("q", "{}", "good"))
        worker.start()
        worker.join(20)
    assert store.add_feedback("r\0", "{}", "bad", "a note") == 2
    assert [(f.id, f.verdict, f.note) for f in store.feedback()] == [(1, "good", ""), (2, "bad", "a note")]
    store.put_feedback(store.feedback())
    assert len(store.feedback()) == 2


def test_one_writes_at_a_time(make_store: MakeStore, put_in: Put, letter_tokens: Any) -> None:
    store = make_store()
    other = make_store(again=store)
    with store.writing():
        with store.writing():
            put_in(store, letter_tokens, "a.md", "apple")
        with pytest.raises(LibraryBusy, match="is writing to"):
            other.remove_document("a.md")
        refused: list[BaseException] = []

        def write() -> None:
            try:
                store.remove_document("a.md")
            except LibraryBusy as exc:
                refused.append(exc)

        worker = threading.Thread(target=write)
        worker.start()
        worker.join(20)
        assert "already writing" in str(refused[0])
        assert other.has("a.md")
    assert other.remove_document("a.md")


def test_a_reader_sees_one_state_while_another_writes(
    make_store: MakeStore, put_in: Put, letter_tokens: Any
) -> None:
    store = make_store()
    put_in(store, letter_tokens, "a.md", "apple")
    other = make_store(again=store)
    before = store.generation
    with store.snapshot(), store.snapshot():
        assert store.has("a.md")
        put_in(other, letter_tokens, "b.md", "banana")
        other.remove_document("a.md")
        assert [record.path for record in store.documents()] == ["a.md"]
        assert (store.generation, other.generation) == (before, before + 2)
    assert [record.path for record in store.documents()] == ["b.md"]


def test_a_change_that_fails_changes_nothing(make_store: MakeStore, put_in: Put, letter_tokens: Any) -> None:
    store = make_store()
    chunks = put_in(store, letter_tokens, "a.md", "apple")
    document, before = store.document("a.md"), store.generation
    with pytest.raises(LibraryMismatch, match="dimensions"):
        store.replace_document(document, chunks, np.zeros((1, 3), np.float32))
    with pytest.raises(ValueError, match="zip"):
        store.replace_document(document, chunks, np.ones((1, 8), np.float32), sketches=[b"", b"", b""])
    assert (store.document("a.md"), store.generation) == (document, before)
    assert store.remove_document("a.md")


def test_a_library_belongs_to_its_embedder_and_chunker(make_store: MakeStore) -> None:
    store = make_store()
    store.bind("first letters", 8, "by hand")
    with pytest.raises(LibraryMismatch, match="embedded by first letters"):
        store.bind("another", 8, "by hand")
    with pytest.raises(LibraryMismatch, match="cut into passages by by hand"):
        store.bind("first letters", 8, "other")
    assert (store.manifest.embedder, store.manifest.dim, store.manifest.chunker) == (
        "first letters",
        8,
        "by hand",
    )


def test_a_file_that_only_got_a_new_time_is_no_change(
    make_store: MakeStore, put_in: Put, letter_tokens: Any
) -> None:
    store = make_store()
    put_in(store, letter_tokens, "a.md", "apple")
    before = store.generation
    store.touch_document("a.md", size_bytes=1, mtime_ns=2, source="/moved/a.md")
    (record,) = store.documents()
    assert (record.size_bytes, record.mtime_ns, record.source, store.generation) == (
        1,
        2,
        "/moved/a.md",
        before,
    )


def test_a_dropped_library_is_empty_and_others_stay(
    make_store: MakeStore, put_in: Put, letter_tokens: Any
) -> None:
    store, other = make_store(), make_store()
    for each in (store, other):
        put_in(each, letter_tokens, "a.md", "apple banana", "cherry")
        each.tag_document("a.md", ["exam"])
        each.record_failures([FailureRecord("/notes/b.md", "b.md", "damaged", 1, 2, "by hand")])
        each.add_feedback("q", "{}", "good")
    reader = make_store(store)
    store.drop()
    with (
        pytest.raises(LibraryMissing) if reader.dense else nullcontext()
    ):  # a course is gone, a folder is empty
        assert (reader.manifest.embedder, reader.manifest.dim) == ("", 0)
    again = make_store(store)
    assert (again.documents(), again.chunk_count(), again.failures(), again.feedback()) == ([], 0, [], [])
    assert again.words.passages_with(["appl", "apple"]) == {"appl": 0, "apple": 0}
    assert again.embeddings([passage_key(chunk) for chunk in other.chunks_of("a.md")]) == {}
    put_in(again, letter_tokens, "c.md", "date")
    assert [chunk.text for chunk in again.chunks_of("c.md")] == ["date"]
    assert (other.chunk_count(), other.given_tags("a.md"), len(other.failures()), len(other.feedback())) == (
        2,
        ("exam",),
        1,
        1,
    )


def test_a_library_that_another_writes_is_not_dropped(
    make_store: MakeStore, put_in: Put, letter_tokens: Any
) -> None:
    store = make_store()
    put_in(store, letter_tokens, "a.md", "apple")
    with make_store(store).writing(), pytest.raises(LibraryBusy):
        store.drop()
    assert store.chunk_count() == 1
