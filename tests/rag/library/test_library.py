"""The library: one transaction a document, rowids that never change what they mean, one writer."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import InputError, LibraryBusy, LibraryDamaged, LibraryMismatch, LibraryMissing
from rag.library import schema
from rag.library.checksums import register
from rag.library.library import Library
from rag.library.renames import Move
from rag.library.rows import FailureRecord, passage_key
from rag.types import Block, BlockKind, Chunk, Document, DocumentKind, Locator, Unit, chunk_id

DIM = 4
Vectors = np.ndarray


def document_of(path: str, parts: list[str], **fields: str) -> tuple[Document, list[Chunk]]:
    """A Markdown document of one block and one chunk a part, blank lines between them."""
    text, blocks, chunks = "", [], []
    for part in parts:
        start = len(text)
        locator = Locator(Unit.LINE, text.count("\n") + 1, text.count("\n") + 1, "Head")
        blocks.append(Block(BlockKind.PARAGRAPH, start, start + len(part), locator))
        identity = chunk_id(path, start, part)
        chunks.append(
            Chunk(
                identity, path, len(chunks), start, start + len(part), part, locator, "Title", ("Head", "Sub")
            )
        )
        text += part + "\n\n"
    values = {"title": "Title", "content_hash": "hash", "source": f"/notes/{path}", **fields}
    return Document(path=path, kind=DocumentKind.MARKDOWN, text=text, blocks=tuple(blocks), **values), chunks


def vectors_of(chunks: list[Chunk]) -> Vectors:
    """(length of the text, 1, 2, 3) for each chunk: tells which vector belongs to which text."""
    return np.array([[len(chunk.text), 1, 2, 3] for chunk in chunks], np.float32).reshape(-1, DIM)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.create(tmp_path / "library") as made:
        made.bind("embedder", DIM, "chunker")
        yield made


@pytest.fixture
def save(library: Library) -> Callable[..., list[Chunk]]:
    def put(path: str, parts: list[str]) -> list[Chunk]:
        document, chunks = document_of(path, parts)
        library.replace_document(document, chunks, vectors_of(chunks))
        return chunks

    return put


def words(library: Library, query: str) -> list[int]:
    found = library.connection.execute(
        "SELECT rowid FROM chunks_fts WHERE chunks_fts MATCH ? ORDER BY rowid", (query,)
    )
    return [row[0] for row in found]


def test_what_was_saved_comes_back(library: Library) -> None:
    document, chunks = document_of("a.md", ["alpha beta", "gamma"])
    library.replace_document(document, chunks, vectors_of(chunks), size_bytes=7, mtime_ns=9)
    assert library.document("a.md") == document
    assert library.chunks([2, 1]) == [chunks[1], chunks[0]]
    assert library.chunks_of("a.md") == chunks
    record = library.documents()[0]
    assert (record.path, record.chunks, record.size_bytes, record.mtime_ns) == ("a.md", 2, 7, 9)
    rowids, vectors = library.vectors()
    assert rowids.tolist() == [1, 2]
    assert vectors.tolist() == [[10, 1, 2, 3], [5, 1, 2, 3]]
    assert words(library, "gammas") == [2]
    assert words(library, "headings : sub") == [1, 2]


def test_an_edited_document_keeps_the_rowids_of_what_stayed(
    library: Library, save: Callable[..., list[Chunk]]
) -> None:
    save("a.md", ["alpha", "beta", "gamma"])
    chunks = save("a.md", ["new first", "beta", "gamma", "delta"])
    assert library.chunk_rowids().tolist() == [2, 3, 4, 5]
    assert [library.chunks_by_rowid([rowid])[rowid].text for rowid in (2, 3)] == ["beta", "gamma"]
    assert library.chunks_of("a.md") == chunks
    assert words(library, "alpha") == []
    assert words(library, "beta") == [2]


def test_a_rowid_is_never_used_again(library: Library, save: Callable[..., list[Chunk]]) -> None:
    save("a.md", ["alpha"])
    library.remove_document("a.md")
    save("a.md", ["alpha"])
    assert library.chunk_rowids().tolist() == [2]


def test_a_renamed_document_keeps_rowids_and_gets_new_chunk_ids(
    library: Library, save: Callable[..., list[Chunk]]
) -> None:
    save("a.md", ["alpha", "beta"])
    library.move_documents([Move("a.md", "b.md", "/notes/b.md", 5)])
    moved = library.chunks([1, 2])
    assert [chunk.document for chunk in moved] == ["b.md", "b.md"]
    assert moved[0].id == chunk_id("b.md", 0, "alpha")
    assert library.documents()[0].source == "/notes/b.md"
    with pytest.raises(LibraryMissing, match=r"no document 'a\.md'"):
        library.move_documents([Move("a.md", "c.md")])


def test_names_are_swapped_and_passed_on(library: Library, save: Callable[..., list[Chunk]]) -> None:
    for path in ("a.md", "b.md", "c.md"):
        save(path, [f"text of {path}"])
    library.move_documents(
        [Move("a.md", "b.md", "/notes/b.md"), Move("b.md", "a.md"), Move("c.md", "d.md", read_again=True)]
    )
    records = {record.path: record for record in library.documents()}
    assert list(records) == ["a.md", "b.md", "d.md"]
    assert [library.document(path).text.strip()[-4:] for path in records] == ["b.md", "a.md", "c.md"]
    assert library.chunk_rowids().tolist() == [1, 2, 3]
    assert library.chunks([1])[0].id == chunk_id("b.md", 0, "text of a.md")
    assert (records["b.md"].source, records["a.md"].source) == ("/notes/b.md", "/notes/b.md")
    assert [record.content_hash for record in records.values()] == ["hash", "hash", ""]


def test_a_name_that_is_taken_is_refused_and_nothing_moves(
    library: Library, save: Callable[..., list[Chunk]]
) -> None:
    for path in ("a.md", "b.md"):
        save(path, [path])
    with pytest.raises(InputError, match=r"a\.md cannot be called b\.md: the library holds another"):
        library.move_documents([Move("a.md", "b.md")])
    assert [library.chunks_of(path)[0].text for path in ("a.md", "b.md")] == ["a.md", "b.md"]
    library.move_documents([Move("a.md", "b.md")], instead_of=["b.md"])
    assert [record.path for record in library.documents()] == ["b.md"]
    assert library.chunks_of("b.md")[0].text == "a.md"


def test_a_document_of_another_file_is_not_removed(
    library: Library, save: Callable[..., list[Chunk]]
) -> None:
    save("a.md", ["alpha"])
    assert not library.remove_document("a.md", source="/elsewhere/a.md")
    assert library.remove_document("a.md", source="/notes/a.md")


def test_the_epoch_is_kept_and_only_its_commit_waits_for_the_disk(
    library: Library, save: Callable[..., list[Chunk]]
) -> None:
    assert library.epoch == ""
    generation, said = library.generation, []
    library._connections.of_thread("writing").set_trace_callback(said.append)
    save("a.md", ["alpha"])
    library.set_epoch("one")
    save("b.md", ["beta"])
    assert (library.epoch, library.generation) == ("one", generation + 2)
    waits = [line.rpartition("=")[2] for line in said if line.startswith("PRAGMA synchronous")]
    assert waits == ["NORMAL", "FULL", "NORMAL"]


def test_replacing_under_another_name_keeps_embeddings(
    library: Library, save: Callable[..., list[Chunk]]
) -> None:
    save("old.md", ["alpha", "beta"])
    library.move_documents([Move("old.md", "new.md")])
    save("new.md", ["alpha", "gamma"])
    assert [record.path for record in library.documents()] == ["new.md"]
    assert library.chunk_rowids().tolist() == [1, 3]


def test_removing_takes_everything_that_no_other_document_shares(
    library: Library, save: Callable[..., list[Chunk]]
) -> None:
    save("a.md", ["shared", "own"])
    chunks = save("b.md", ["shared"])
    assert library.remove_document("a.md")
    assert not library.remove_document("a.md")
    assert library.vectors()[0].tolist() == [3]
    assert list(library.embeddings([passage_key(chunks[0])])) == [passage_key(chunks[0])]
    left = {
        table: library.connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
        for table in ("blocks", "embeddings")
    }
    assert left == {"blocks": 1, "embeddings": 1}
    assert words(library, "own") == []


def test_generation_grows_by_one_a_change(library: Library, save: Callable[..., list[Chunk]]) -> None:
    before = library.generation
    save("a.md", ["alpha"])
    library.move_documents([Move("a.md", "b.md")])
    library.remove_document("b.md")
    assert library.generation == before + 3
    library.add_feedback("q", "{}", "good")
    assert library.generation == before + 3


def test_rowids_that_are_gone_are_left_out(library: Library, save: Callable[..., list[Chunk]]) -> None:
    chunks = save("a.md", ["alpha"])
    assert library.chunks([7, 1]) == chunks
    rowids, vectors = library.vectors([7, 1])
    assert rowids.tolist() == [1]
    assert vectors.shape == (1, DIM)
    assert library.document_of([1, 7]) == {1: "a.md"}


def test_an_empty_library_has_nothing_and_says_so(library: Library) -> None:
    assert library.documents() == []
    assert library.chunk_rowids().tolist() == []
    assert library.vectors()[1].shape == (0, DIM)
    assert list(library.iter_vectors()) == []
    assert library.chunk_count() == 0


def test_many_rowids_at_once(library: Library, save: Callable[..., list[Chunk]]) -> None:
    save("a.md", [f"part {number}" for number in range(1203)])
    assert len(library.chunks(library.chunk_rowids())) == 1203
    batches = [len(rowids) for rowids, _ in library.iter_vectors(batch=500)]
    assert batches == [500, 500, 203]


def test_a_failed_change_leaves_no_trace(library: Library, save: Callable[..., list[Chunk]]) -> None:
    save("a.md", ["alpha"])
    before = (library.generation, library.document("a.md"))
    document, chunks = document_of("a.md", ["beta", "gamma"])
    broken = replace(chunks[1], ordinal=None)  # type: ignore[arg-type]
    with pytest.raises(sqlite3.IntegrityError):  # our mistake, not a damaged library
        library.replace_document(document, [chunks[0], broken], vectors_of(chunks))
    assert (library.generation, library.document("a.md")) == before
    assert words(library, "beta") == []


def test_wrong_shapes_and_other_makers_are_refused(library: Library) -> None:
    document, chunks = document_of("a.md", ["alpha"])
    with pytest.raises(LibraryMismatch, match="1 passages came with vectors of shape"):
        library.replace_document(document, chunks, np.zeros((1, 7), np.float32))
    with pytest.raises(
        LibraryMismatch, match=r"embedded by embedder \(4 dimensions\), the settings now name other \(8\)"
    ):
        library.check_embedder("other", 8)
    with pytest.raises(LibraryMismatch, match="cut into passages by chunker, the settings now say finer"):
        library.bind("embedder", DIM, "finer")


def test_what_is_no_library_is_told(tmp_path: Path) -> None:
    with pytest.raises(LibraryMissing, match="There is no library in"):
        Library.open(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(LibraryMissing, match="is a file; a library is a folder"):
        Library.create(tmp_path / "file")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "library.sqlite").write_bytes(b"no database at all, only text" * 100)
    with pytest.raises(LibraryDamaged, match="not a sound library"):
        Library.open(tmp_path / "broken")


def test_another_schema_version_is_refused(tmp_path: Path) -> None:
    Library.create(tmp_path).close()
    with sqlite3.connect(tmp_path / "library.sqlite") as connection:
        register(connection)
        connection.execute("UPDATE manifest SET value = '99' WHERE key = 'schema'")
    with pytest.raises(
        LibraryMismatch, match=f"version 99, this Lectern reads version {schema.SCHEMA_VERSION}"
    ):
        Library.open(tmp_path)


def test_a_creation_that_was_cut_short_is_finished_by_the_next(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "library.sqlite").close()
    with pytest.raises(LibraryMissing):
        Library.open(tmp_path)
    with Library.open(tmp_path, create=True) as library:
        assert library.generation == 0


def test_one_thread_writes_and_may_nest(library: Library, save: Callable[..., list[Chunk]]) -> None:
    refused: list[BaseException] = []

    def write() -> None:
        try:
            with library.writing():
                pass
        except LibraryBusy as exc:
            refused.append(exc)

    with library.writing(), library.writing():
        save("a.md", ["alpha"])
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
    assert "already writing" in str(refused[0])


def test_a_snapshot_does_not_move(library: Library, save: Callable[..., list[Chunk]]) -> None:
    save("a.md", ["alpha"])
    with library.snapshot():
        thread = threading.Thread(target=save, args=("b.md", ["beta"]))
        thread.start()
        thread.join()
        assert [record.path for record in library.documents()] == ["a.md"]
        assert library.document("a.md").title == "Title"  # a view inside the view
    assert [record.path for record in library.documents()] == ["a.md", "b.md"]


def test_the_reading_connection_cannot_write(library: Library) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        library.connection.execute("DELETE FROM documents")


def test_feedback_and_failures(library: Library, save: Callable[..., list[Chunk]]) -> None:
    assert library.add_feedback("why?", '{"text": "so"}', "bad", "wrong") == 1
    kept = library.feedback()[0]
    assert (kept.question, kept.answer_json, kept.verdict, kept.note) == (
        "why?",
        '{"text": "so"}',
        "bad",
        "wrong",
    )
    library.record_failures([FailureRecord("/notes/a.md", "a.md", "broken", 1, 2, "reader")])
    assert [failure.reason for failure in library.failures()] == ["broken"]
    save("a.md", ["alpha"])  # read now: no failure any more
    assert library.failures() == []


def test_tags(library: Library, save: Callable[..., list[Chunk]]) -> None:
    save("a.md", ["alpha"])
    library.tag_document("a.md", ["exam", "week 1"])
    assert library.document("a.md").tags == ("exam", "week 1")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdef"), max_size=6), min_size=1, max_size=6))
def test_any_series_of_edits_ends_like_a_single_save(
    tmp_path_factory: pytest.TempPathFactory, edits: list[list[str]]
) -> None:
    with Library.create(tmp_path_factory.mktemp("library")) as library:
        library.bind("embedder", DIM, "chunker")
        meaning: dict[int, str] = {}
        for parts in edits:
            document, chunks = document_of("a.md", parts)
            library.replace_document(document, chunks, vectors_of(chunks))
            assert library.chunks_of("a.md") == chunks
            rowids = library.chunk_rowids()
            for rowid, chunk in library.chunks_by_rowid(rowids).items():
                assert meaning.setdefault(rowid, chunk.text) == chunk.text
            assert np.array_equal(library.vectors()[1][:, 0], [len(meaning[int(rowid)]) for rowid in rowids])
            indexed = library.connection.execute("SELECT COUNT(*) FROM chunks_fts_docsize").fetchone()[0]
            assert indexed == len(parts)
