"""What an ingest does to a library: only what changed, everything that changed, nothing twice."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from ingest.doctor import examine_library
from ingest.parsers import read_document
from ingest.pipeline import ingest_paths
from ingest.report import IngestEvent, IngestReport, Stage
from rag.errors import InputError, LibraryMismatch
from rag.library.library import Library
from rag.note_warnings import NoteWarning, WarningCode
from rag.search.dense import VectorIndex
from rag.settings import ChunkSettings, IngestSettings, Settings
from rag.types import Document

Run = Callable[..., IngestReport]


@pytest.fixture
def run(library: Library, embedder: Any) -> Run:
    """Ingests paths into the library."""

    def ingest(*paths: Path, **fields: Any) -> IngestReport:
        return ingest_paths(library, paths, embedder, Settings(**fields.pop("settings", {})), **fields)

    return ingest


@pytest.fixture
def old(notes: Path) -> Path:
    """The notes as they were an hour ago, so that time stamps can be trusted."""
    for file in notes.rglob("*.*"):
        _age(file)
    return notes


def _age(file: Path, seconds: float = 3600) -> None:
    stamp = time.time() - seconds
    os.utime(file, (stamp, stamp))


def names(library: Library) -> list[str]:
    return [record.path for record in library.documents()]


ALL = ["book.ipynb", "page.html", "plain.txt", "week1/intro.md", "week1/loss.md", "week2.md"]


def test_a_folder_is_read_once(run: Run, library: Library, old: Path, embedder: Any) -> None:
    report = run(old)
    assert (report.added, report.updated, report.unchanged, report.documents) == (6, 0, 0, 6)
    assert names(library) == ALL
    assert report.chunks == library.chunk_count() == len(library.chunk_rowids())
    embedded = len(embedder.texts)
    again = run(old)
    assert (again.added, again.unchanged) == (0, 6)
    assert len(embedder.texts) == embedded


def test_the_faiss_file_is_in_step_afterwards(run: Run, library: Library, old: Path) -> None:
    run(old)
    rowids, vectors = library.vectors()
    found, scores = VectorIndex(library).search(vectors[3] * 5, 1)
    assert scores[0] == pytest.approx(1.0, abs=1e-6)
    assert found[0] in rowids[(vectors @ vectors[3]) > 0.999999]


def test_a_changed_file_replaces_its_passages_and_embeds_only_new_ones(
    run: Run, library: Library, old: Path, embedder: Any
) -> None:
    run(old)
    embedder.texts.clear()
    text = (old / "week1" / "loss.md").read_text()
    (old / "week1" / "loss.md").write_text(text.replace("Squared error", "Absolute error"))
    report = run(old)
    assert (report.added, report.updated, report.unchanged) == (0, 1, 5)
    assert len(embedder.texts) == 1
    assert "Absolute error" in library.document("week1/loss.md").text
    assert (
        library.connection.execute("SELECT 1 FROM chunks_fts WHERE chunks_fts MATCH 'squared'").fetchall()
        == []
    )


def test_same_size_and_stamp_right_after_reading_is_not_believed(
    run: Run, library: Library, notes: Path
) -> None:
    file = notes / "plain.txt"
    ahead = time.time_ns() + 3600 * 10**9  # so that the reading is never late, on a busy machine too
    os.utime(file, ns=(ahead, ahead))
    run(notes)
    status = file.stat()
    file.write_text(file.read_text().replace("First", "Final"))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert run(notes).updated == 1
    assert library.document("plain.txt").text.startswith("Final")


def test_a_new_time_stamp_alone_costs_a_hash(run: Run, library: Library, old: Path, embedder: Any) -> None:
    run(old)
    generation, count = library.generation, len(embedder.texts)
    _age(old / "week2.md", 60)
    assert run(old).unchanged == 6
    assert (library.generation, len(embedder.texts)) == (generation, count)


def test_a_removed_file_goes_and_others_stay(run: Run, library: Library, old: Path) -> None:
    run(old)
    (old / "week2.md").unlink()
    assert run(old).removed == 1
    assert names(library) == [name for name in ALL if name != "week2.md"]


def test_a_renamed_file_keeps_its_rowids_and_embeddings(
    run: Run, library: Library, old: Path, embedder: Any
) -> None:
    run(old)
    rowids, count = set(library.chunk_rowids().tolist()), len(embedder.texts)
    (old / "week2.md").rename(old / "week1" / "second.md")
    report = run(old)
    assert (report.renamed, report.added, report.removed, report.unchanged) == (1, 0, 0, 5)
    assert set(library.chunk_rowids().tolist()) == rowids
    assert len(embedder.texts) == count
    assert "week1/second.md" in names(library)
    assert library.chunks_of("week1/second.md")[0].document == "week1/second.md"


def test_a_file_named_only_by_its_name_is_read_under_the_new_one(
    run: Run, library: Library, old: Path
) -> None:
    run(old)
    (old / "plain.txt").rename(old / "other.txt")
    assert run(old).renamed == 1
    assert library.document("other.txt").title == "other"


def test_a_moved_folder_is_recognised(run: Run, library: Library, old: Path, embedder: Any) -> None:
    run(old)
    count = len(embedder.texts)
    moved = old.rename(old.with_name("semester"))
    report = run(moved)
    assert (report.renamed, report.added, report.documents) == (6, 0, 6)
    assert len(embedder.texts) == count


def test_one_file_leaves_the_rest_alone(run: Run, library: Library, old: Path) -> None:
    run(old)
    (old / "plain.txt").unlink()
    assert run(old / "week2.md").unchanged == 1
    assert names(library) == ALL


def test_the_same_file_by_two_ways_is_one_document(run: Run, library: Library, old: Path) -> None:
    assert run(old, old / "week1", old / "week2.md").added == 6
    assert run(old / "week1").unchanged == 2
    assert names(library) == ALL


def test_the_same_name_in_another_folder_gets_its_folder_before_it(
    run: Run, library: Library, old: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "week2.md").write_text("# Other week two\n\nOther text.\n")
    run(old)
    assert run(other).added == 1
    assert "other/week2.md" in names(library)


def test_a_bad_file_is_told_and_stops_nothing(run: Run, library: Library, old: Path) -> None:
    (old / "bad.ipynb").write_text("not json")
    (old / "none.pdf").write_bytes(b"")
    _age(old / "bad.ipynb")
    report = run(old)
    assert report.added == 6
    reasons = {entry.path: entry.reason for entry in report.failed}
    assert "expected JSON" in reasons["bad.ipynb"]
    assert reasons["none.pdf"] == "It is empty (0 bytes): there is nothing to read."
    again = run(old)
    assert {entry.path: entry.reason for entry in again.failed} == reasons
    (old / "none.pdf").unlink()
    assert [entry.path for entry in run(old).failed] == ["bad.ipynb"]
    assert [failure.path for failure in library.failures()] == ["bad.ipynb"]


def test_a_file_that_turned_bad_keeps_its_last_version(run: Run, library: Library, old: Path) -> None:
    run(old)
    (old / "book.ipynb").write_text("{ half a noteb")
    report = run(old)
    assert "The version that was read before stays" in report.failed[0].reason
    assert library.has("book.ipynb")


def test_the_last_version_is_spoken_of_once_however_often_it_is_tried(
    run: Run, library: Library, old: Path
) -> None:
    run(old)
    (old / "book.ipynb").write_text("{ half a noteb")
    _age(old / "book.ipynb")
    told = [run(old).failed[0].reason for _ in range(3)]
    assert told[0] == told[1] == told[2]
    assert told[0].count("stays in the library") == 1
    assert "stays" not in library.failures()[0].reason  # it may be removed by hand


def test_a_file_that_is_as_it_was_again_has_not_failed(run: Run, library: Library, old: Path) -> None:
    run(old)
    sound = (old / "book.ipynb").read_bytes()
    (old / "book.ipynb").write_text("{ half a noteb")
    assert len(run(old).failed) == 1
    (old / "book.ipynb").write_bytes(sound)
    report = run(old)
    assert (report.unchanged, report.failed, library.failures()) == (6, (), [])


def test_a_parser_that_was_killed_says_nothing_about_the_file(run: Run, library: Library, old: Path) -> None:
    """By the system when memory was short, by its time: the next run tries the same file again."""
    failed = _killing_every_parser(lambda: run(old)).failed
    assert failed
    assert all(entry.reason.startswith("The parser died on it") for entry in failed)
    assert len(library.failures()) == len(failed)
    report = run(old)
    assert (report.added, report.failed, library.failures()) == (len(failed), (), [])


def test_a_time_that_was_too_short_is_no_verdict(run: Run, library: Library, old: Path) -> None:
    report = run(old, settings={"ingest": IngestSettings(max_seconds=0.001)})
    assert {entry.reason for entry in report.failed} == {
        "Reading it took longer than 0.001 seconds (ingest.max_seconds)."
    }
    assert {failure.parser for failure in library.failures()} == {""}
    assert run(old).added == 6
    assert library.failures() == []


def test_a_parser_s_verdict_is_not_asked_for_twice(
    run: Run, library: Library, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (old / "bad.ipynb").write_text("not json")
    _age(old / "bad.ipynb")
    reasons = run(old).failed
    monkeypatch.setattr("ingest.read_ahead.ParserProcess", None)  # it is not started at all
    assert run(old).failed == reasons


def _killing_every_parser(work: Callable[[], IngestReport]) -> IngestReport:
    """What `work` gives while every worker process that appears is killed."""
    done = threading.Event()

    def kill() -> None:
        while not done.wait(0.005):
            for child in psutil.Process().children():
                with suppress(psutil.Error):
                    if "ingest.worker" in child.cmdline():
                        child.kill()

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        return work()
    finally:
        done.set()
        thread.join()


def test_pages_that_had_too_little_time_are_read_with_more(
    run: Run, library: Library, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A parser that, like the one for PDF, leaves pages to a later time."""
    monkeypatch.setattr("ingest.read_ahead.ParserProcess", LatePages)
    monkeypatch.setattr("ingest.read_ahead.ocr_is_installed", lambda: True)
    ten, sixty = ({"ingest": IngestSettings(max_seconds=seconds)} for seconds in (10, 60))
    page = old / "plain.txt"
    first = run(page, settings=ten).warnings[0].reason
    assert first.startswith("page 2: needs OCR")
    assert "(of ingest.max_seconds = 10)" in first
    assert run(page, settings=ten).unchanged == 1
    report = run(page, settings=sixty)
    assert report.updated == 1
    assert "(of ingest.max_seconds = 60)" in report.warnings[0].reason
    assert run(page, settings=ten).unchanged == 1
    found = {finding.subject: finding for finding in examine_library(library.folder, "", 0, "")}
    assert found["time"].items == ("plain.txt",)
    assert found["time"].mend.startswith(f"LECTERN_INGEST__MAX_SECONDS=300 lectern ingest {page} ")
    assert "ocr" not in found


class LatePages:
    """Reads here, and says of every note that pages were left out."""

    def __init__(self, settings: IngestSettings) -> None:
        self._settings = settings

    def read(self, path: Path, name: str) -> Document:
        late = NoteWarning(WarningCode.OCR_TIME, places=(2,), seconds=self._settings.max_seconds)
        return replace(read_document(path, name, self._settings), warnings=(late,))

    def close(self) -> None:
        pass


def test_warnings_are_of_the_notes_that_were_read(run: Run, old: Path) -> None:
    (old / "blank.md").write_text("\n\n")
    _age(old / "blank.md")
    assert [entry.path for entry in run(old).warnings] == ["blank.md"]
    assert run(old).warnings == ()


def test_a_file_over_the_limit_is_told(run: Run, old: Path) -> None:
    report = run(old, settings={"ingest": IngestSettings(max_file_bytes=300)})
    assert [entry.path for entry in report.failed] == ["book.ipynb", "week2.md"]
    assert "at most 0.0 MB are read (ingest.max_file_bytes)" in report.failed[1].reason


def test_wrong_paths_change_nothing(run: Run, library: Library, old: Path, tmp_path: Path) -> None:
    run(old)
    with pytest.raises(InputError, match="There is no file or folder"):
        run(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="There is no note in"):
        run(tmp_path / "empty")
    assert names(library) == ALL


def test_an_emptied_folder_does_not_wipe_the_library(run: Run, library: Library, old: Path) -> None:
    run(old)
    for file in sorted(old.rglob("*.*")):
        file.unlink()
    with pytest.raises(InputError, match="Nothing was changed"):
        run(old)
    assert names(library) == ALL


def test_other_ways_of_cutting_are_refused(run: Run, old: Path) -> None:
    run(old)
    with pytest.raises(LibraryMismatch, match="cut into passages by"):
        run(old, settings={"chunk": ChunkSettings(target_tokens=64)})


def test_what_is_hidden_linked_or_no_note_is_passed_over_and_named(
    run: Run, library: Library, old: Path, tmp_path: Path
) -> None:
    (old / "linked").symlink_to(tmp_path)
    for name in (".git", "__pycache__", "env"):
        (old / name).mkdir()
        (old / name / "note.md").write_text("# No\n")
    (old / "env" / "pyvenv.cfg").write_text("")
    (old / "talk.mp3").write_bytes(b"\x89")
    (old / ".hidden.md").write_text("# No\n")
    report = run(old)
    assert names(library) == ALL
    skipped = {one.name: one.kind.name for one in report.skipped}
    assert skipped == {
        ".git/": "hidden files and folders",
        ".hidden.md": "hidden files and folders",
        "__pycache__/": "build output",
        "env/": "environments and installed packages",
        "linked/": "links to what is read anyway, or to a folder around it",
        "talk.mp3": "recordings",
    }
    assert report.failed == ()
    assert report.as_json()["skipped"] == 6
    assert {one["path"] for one in report.as_json()["skipped_files"]} == skipped.keys()


def test_events_tell_the_whole_story(run: Run, old: Path) -> None:
    (old / "bad.ipynb").write_text("not json")
    events: list[IngestEvent] = []
    report = run(old, on_event=events.append)
    assert [event.stage for event in events[:1]] == [Stage.FOUND]
    assert {event.path for event in events if event.stage is Stage.SAVED} == set(ALL)
    assert [event.path for event in events if event.stage is Stage.FAILED] == ["bad.ipynb"]
    last = events[-1]
    assert (last.stage, last.files_done, last.files_total) == (Stage.DONE, 7, 7)
    assert last.chunks_done == last.chunks_known == report.chunks


def test_the_report_is_the_contract(run: Run, old: Path) -> None:
    found = run(old).as_json()
    assert {
        "added",
        "updated",
        "unchanged",
        "removed",
        "failed",
        "warnings",
        "documents",
        "chunks",
        "seconds",
    } <= found.keys()


def test_identical_passages_share_one_embedding(run: Run, library: Library, old: Path, embedder: Any) -> None:
    (old / "copy.md").write_bytes((old / "week2.md").read_bytes())
    run(old)
    assert len(embedder.texts) == len(set(embedder.texts))
    assert library.chunk_count() > library.connection.execute("SELECT COUNT(*) FROM embeddings").fetchone()[0]


class Sketching:
    """An embedder with a sketch that is its text, as one that tells its tokens' vectors would make one."""

    def __init__(self, plain: Any) -> None:
        self._plain = plain

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)

    def sketch_passages(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], list[bytes]]:
        return self._plain.embed_passages(texts), [text.encode() for text in texts]

    def embed_query_tokens(self, text: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self._plain.embed_query(text), self._plain.embed_query(text)[None]


def test_a_passage_that_moves_to_another_note_takes_its_vector_and_sketch_along(
    library: Library, tmp_path: Path, embedder: Any
) -> None:
    """Its old note is saved first, which takes the only row with its vector out of the library."""
    sketching: Any = Sketching(embedder)
    one, two = tmp_path / "one.md", tmp_path / "two.md"
    one.write_text("# Tides\n\nThe moon pulls the sea.\n")
    ingest_paths(library, [one], sketching, Settings())
    one.write_text("# Tides\n\nThe sun pulls it as well.\n")
    two.write_text("# Tides\n\nThe moon pulls the sea.\n")
    ingest_paths(library, [one, two], sketching, Settings())
    sketches = library.sketches(library.chunk_rowids())
    assert [kept.decode().rsplit("\n", 1)[-1] for kept in sketches.values()] == [
        "The sun pulls it as well.",
        "The moon pulls the sea.",
    ]
    assert sum("moon" in text for text in embedder.texts) == 1


def test_a_passage_in_many_batches_is_embedded_once(
    run: Run, library: Library, tmp_path: Path, embedder: Any
) -> None:
    """600 notes of two passages each make three batches; one passage is in all of them."""
    rule = "Bring the lab coat " + "and the goggles " * 10
    for number in range(600):
        own = f"This is session {number} " + "of the long course " * 8
        (tmp_path / f"{number}.md").write_text(f"# Week\n\n## Rule\n\n{rule}.\n\n## Number\n\n{own}.\n")
    report = run(tmp_path, settings={"chunk": ChunkSettings(target_tokens=32, max_tokens=48)})
    assert (report.documents, report.chunks) == (600, 1200)
    assert sum("lab coat" in text for text in embedder.texts) == 1
    assert len(embedder.texts) == 601
