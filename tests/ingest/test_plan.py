"""Whatever happens to files between two ingests, the library ends as one that was made of them as they are."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.parsers import read_document
from ingest.pipeline import ingest_paths
from ingest.report import IngestReport
from rag.library.library import Library
from rag.search.dense import VectorIndex
from rag.settings import Settings
from rag.types import Document

NAMES = ("a.md", "b.md", "b.txt", "x/a.md", "x/b.txt", "x/y/b.md")
FOLDERS = ("x", "x/y", "z")
TEXTS = (
    "# Tides\n\nThe moon pulls the sea.\n\n## Springs\n\nThe sun helps twice a month.\n",
    "No heading here, only words about waves.\n\nAnd a second paragraph on swell.\n",
    "One line without any heading.\n",
    "# Winds\n\nAir moves from high to low pressure.\n",
    "Another line without any heading.\n",
)


class _InProcess:
    """Reads here instead of in a worker, which has tests of its own."""

    def __init__(self, settings: Any) -> None:
        self._settings = settings

    def read(self, path: Path, name: str) -> Document:
        return read_document(path, name, self._settings)

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def quick_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.read_ahead.ParserProcess", _InProcess)


@dataclass
class Notes:
    """A folder whose files all have time stamps of their own, an hour old, so that an ingest believes them."""

    root: Path
    stamps: Iterator[int] = field(default_factory=lambda: count(1_700_000_000))

    def write(self, name: str, text: str) -> None:
        file = self.root / name
        if self.blocked(file):
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        stamp = next(self.stamps)
        os.utime(file, (stamp, stamp))

    def delete(self, name: str) -> None:
        (self.root / name).unlink(missing_ok=True)

    def move(self, old: str, new: str) -> None:
        source, target = self.root / old, self.root / new
        if source.is_file() and not self.blocked(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)

    def shift(self, old: str, new: str) -> None:
        if not (self.root / new).exists():
            self.move(old, new)

    def swap(self, one: str, other: str) -> None:
        if (self.root / one).is_file() and (self.root / other).is_file():
            self.move(one, "swapping.part")
            self.move(other, one)
            self.move("swapping.part", other)

    def move_folder(self, old: str, new: str) -> None:
        source, target = self.root / old, self.root / new
        if source.is_dir() and not target.is_relative_to(source) and not source.is_relative_to(target):
            shutil.rmtree(target, ignore_errors=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            source.rename(target)

    def move_root(self) -> None:
        """All of it under another name, so that every file is a new one.

        What was changed as well would stay, for nobody says that the old place is not a disk that is away.
        """
        self.root = self.root.rename(self.root.with_name(f"notes{next(self.stamps)}"))

    def blocked(self, file: Path) -> bool:
        return any(parent.is_file() for parent in file.parents)

    def files(self, below: str = "") -> list[Path]:
        return sorted(file for file in (self.root / below).rglob("*.*") if file.is_file())


def filled(root: Path) -> Notes:
    """Notes to begin with, so that most changes change something."""
    notes = Notes(root)
    notes.write("stays.md", "# Stays\n\nThis note is always here.\n")
    for name, text in zip(NAMES, TEXTS, strict=False):
        notes.write(name, text)
    return notes


names, folders = st.sampled_from(NAMES), st.sampled_from(FOLDERS)
changes = st.one_of(
    st.tuples(st.just("write"), names, st.sampled_from(TEXTS)),
    st.tuples(st.just("delete"), names),
    st.tuples(st.just("move"), names, names),
    st.tuples(st.just("swap"), names, names),
    st.tuples(st.just("move_folder"), folders, folders),
)
exchanges = st.one_of(st.tuples(st.just("shift"), names, names), st.tuples(st.just("swap"), names, names))
some_changes = st.lists(changes, min_size=1, max_size=6)
another_place = st.lists(exchanges, max_size=4).map(lambda steps: [*steps, ("move_root",)])
rounds = st.lists(st.one_of(some_changes, another_place), min_size=1, max_size=3)


def ingest(library: Library, root: Path, embedder: Any) -> IngestReport:
    return ingest_paths(library, [root], embedder, Settings())


def held(library: Library) -> dict[str, Any]:
    """Document name to all that the library has of it, its vectors included."""
    found = {}
    for record in library.documents():
        chunks = library.chunks_of(record.path)
        query = "SELECT c.id FROM chunks c JOIN documents d ON d.id = c.document_id WHERE d.path = ? ORDER BY c.ordinal"
        rowids = [row[0] for row in library.connection.execute(query, (record.path,))]
        vectors = library.vectors(rowids)[1].tolist()
        found[record.path] = (library.document(record.path), record.chunks, chunks, vectors)
    return found


def by_file(library: Library) -> dict[str, Any]:
    """File to what is in it, whatever it is called."""
    return {
        document.source: (document.title, document.text, Counter(chunk.text for chunk in chunks))
        for document, _, chunks, _ in held(library).values()
    }


def assert_found_by_its_vector(library: Library) -> None:
    rowids, vectors = library.vectors()
    index = VectorIndex(library)
    for rowid, vector in zip(rowids.tolist(), vectors, strict=True):
        near, scores = index.search(vector, len(rowids))
        assert rowid in near
        assert scores[0] == pytest.approx(1.0, abs=1e-5)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rounds)
def test_any_series_of_changes_ends_like_a_clean_ingest(
    tmp_path_factory: pytest.TempPathFactory, embedder: Any, rounds: list[list[tuple[str, ...]]]
) -> None:
    place = tmp_path_factory.mktemp("plan")
    notes = filled(place / "notes")
    with Library.create(place / "library") as library:
        for number, steps in enumerate([[], *rounds]):
            for what, *values in steps:
                getattr(notes, what)(*values)
            report = ingest(library, notes.root, embedder)
            assert report.failed == ()
            with Library.create(place / f"clean{number}") as clean:
                ingest(clean, notes.root, embedder)
                assert held(library) == held(clean)
                assert report.documents == len(notes.files())
        assert_found_by_its_vector(library)
        again = ingest(library, notes.root, embedder)
        assert (again.unchanged, again.added, again.updated, again.renamed) == (len(notes.files()), 0, 0, 0)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.lists(changes, max_size=5), st.sampled_from(("", *FOLDERS))), max_size=4))
def test_any_series_of_folders_ends_with_each_file_once(
    tmp_path_factory: pytest.TempPathFactory,
    embedder: Any,
    rounds: list[tuple[list[tuple[str, ...]], str]],
) -> None:
    """A document keeps the name of the folder it was first found in, so only files and their contents are compared."""
    place = tmp_path_factory.mktemp("plan")
    notes = filled(place / "notes")
    with Library.create(place / "library") as library, Library.create(place / "clean") as clean:
        for steps, folder in [*rounds, ([], "")]:
            for what, *values in steps:
                getattr(notes, what)(*values)
            if notes.files(folder):
                ingest(library, notes.root / folder, embedder)
        ingest(clean, notes.root, embedder)
        assert len(library.documents()) == len(notes.files())
        assert by_file(library) == by_file(clean)
        assert_found_by_its_vector(library)


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(tmp_path / "n")


def counts(report: IngestReport) -> tuple[int, int, int, int, int]:
    return report.added, report.updated, report.renamed, report.removed, report.documents


def test_a_note_with_the_name_of_one_that_is_gone_stays(
    library: Library, notes: Notes, embedder: Any
) -> None:
    notes.write("week1/intro.md", "# Intro\n\nThe old introduction.\n")
    ingest(library, notes.root / "week1", embedder)
    notes.delete("week1/intro.md")
    notes.write("intro.md", "# Intro\n\nThe new introduction.\n")
    assert counts(ingest(library, notes.root, embedder)) == (1, 0, 0, 1, 1)
    assert "new introduction" in library.document("intro.md").text


def test_a_moved_note_takes_the_name_of_one_that_is_gone(
    library: Library, notes: Notes, embedder: Any
) -> None:
    notes.write("week1/intro.md", "# Intro\n\nThe old introduction.\n")
    ingest(library, notes.root / "week1", embedder)
    notes.write("other.md", "# Other\n\nAnother note.\n")
    ingest(library, notes.root, embedder)
    notes.delete("week1/intro.md")
    notes.move("other.md", "intro.md")
    assert counts(ingest(library, notes.root, embedder)) == (0, 0, 1, 1, 1)
    assert "Another note" in library.document("intro.md").text


@pytest.mark.parametrize(
    "text", ["# Lecture {0}\n\nLecture {0} is about topic {0}.\n", "Plain words about topic {0}.\n"]
)
def test_a_moved_folder_whose_files_were_numbered_anew(
    library: Library, notes: Notes, embedder: Any, text: str
) -> None:
    for number in (1, 2, 3):
        notes.write(f"old/l{number}.md", text.format(number))
    ingest(library, notes.root, embedder)
    for number in (3, 2, 1):
        notes.move(f"old/l{number}.md", f"old/l{number + 1}.md")
    notes.move_folder("old", "new")
    assert counts(ingest(library, notes.root, embedder)) == (0, 0, 3, 0, 3)
    for number in (1, 2, 3):
        assert f"topic {number}." in library.document(f"new/l{number + 1}.md").text
    assert ingest(library, notes.root, embedder).unchanged == 3


@pytest.mark.parametrize(
    "text", ["# Lecture {0}\n\nLecture {0} is about topic {0}.\n", "Plain words about topic {0}.\n"]
)
def test_names_that_are_handed_on_in_a_library_of_one_folder(
    library: Library, notes: Notes, embedder: Any, text: str
) -> None:
    """The folder itself moves, so l1, l2 and l3 are the names of documents before and after."""
    for number in (1, 2, 3):
        notes.write(f"old/l{number}.md", text.format(number))
    ingest(library, notes.root / "old", embedder)
    for number in (3, 2, 1):
        notes.move(f"old/l{number}.md", f"old/l{number + 1}.md")
    notes.move_folder("old", "new")
    assert counts(ingest(library, notes.root / "new", embedder)) == (0, 0, 3, 0, 3)
    assert [record.path for record in library.documents()] == ["l2.md", "l3.md", "l4.md"]
    for number in (1, 2, 3):
        assert f"topic {number}." in library.document(f"l{number + 1}.md").text


def test_a_note_that_became_another_kind_is_read_as_that(
    library: Library, notes: Notes, embedder: Any
) -> None:
    notes.write("a.md", TEXTS[0])
    ingest(library, notes.root, embedder)
    notes.move("a.md", "a.txt")
    assert counts(ingest(library, notes.root, embedder)) == (0, 0, 1, 0, 1)
    assert library.document("a.txt").kind == "text"


def test_a_run_that_is_broken_off_before_it_reads_a_moved_note_has_the_next_one_read_it(
    library: Library, notes: Notes, embedder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its passages name its file, so they would stay wrong if the note were taken for unchanged."""
    notes.write("before.md", TEXTS[2])
    ingest(library, notes.root, embedder)
    notes.move("before.md", "after.md")

    def broken_off(*_: Any) -> Iterator[Any]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("ingest.pipeline.read_ahead", broken_off)
        with pytest.raises(KeyboardInterrupt):
            ingest(library, notes.root, embedder)
    assert [record.path for record in library.documents()] == ["after.md"]
    ingest(library, notes.root, embedder)
    assert library.document("after.md").title == "after"
    assert {chunk.title for chunk in library.chunks_of("after.md")} == {"after"}


def test_documents_from_elsewhere_keep_their_names(library: Library, notes: Notes, embedder: Any) -> None:
    """Two documents without a file, as the vector store puts in: a note of the same name takes another one."""
    notes.write("a.md", TEXTS[0])
    with library._connections.transaction(locked=True) as connection:
        for name in ("a.md", "b.md"):
            connection.execute(
                "INSERT INTO documents (path, title, kind, content_hash, size_bytes, mtime_ns, source, tags, warnings, "
                "chunk_count, ingested_at, text) VALUES (?, '', 'text', '', 0, 0, '', '[]', '[]', 0, "
                "'2026-01-01T00:00:00+00:00', 'kept')",
                (name,),
            )
    assert ingest(library, notes.root, embedder).documents == 3
    assert library.document("a.md").text == "kept"
    assert library.document("n/a.md").text == TEXTS[0]
