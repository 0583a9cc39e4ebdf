"""The reading process: what hangs, crashes or eats memory costs only its own file."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ingest.readers import read_document
from ingest.worker import ReaderProcess
from rag.errors import UnreadableNote
from rag.settings import IngestSettings


@pytest.fixture
def reader() -> Iterator[ReaderProcess]:
    made = ReaderProcess(IngestSettings())
    yield made
    made.close()


def child() -> psutil.Process:
    return next(p for p in psutil.Process().children() if "ingest.worker" in p.cmdline())


def test_what_it_reads_is_what_the_reader_reads(reader: ReaderProcess, notes: Path) -> None:
    for name in ("week2.md", "book.ipynb", "page.html"):
        assert reader.read(notes / name, name) == read_document(notes / name, name)


def test_the_reason_comes_back(reader: ReaderProcess, notes: Path) -> None:
    (notes / "bad.ipynb").write_text("no")
    with pytest.raises(UnreadableNote, match="expected JSON"):
        reader.read(notes / "bad.ipynb", "bad.ipynb")
    with pytest.raises(UnreadableNote, match="cannot be opened"):
        reader.read(notes / "gone.md", "gone.md")


def test_one_process_reads_many_files(reader: ReaderProcess, notes: Path) -> None:
    reader.read(notes / "week2.md", "week2.md")
    first = child().pid
    reader.read(notes / "plain.txt", "plain.txt")
    assert child().pid == first


def test_a_killed_process_is_replaced(reader: ReaderProcess, notes: Path) -> None:
    reader.read(notes / "week2.md", "week2.md")
    os.kill(child().pid, signal.SIGKILL)
    for _ in range(2):  # the death may be noticed at the next request or during it
        try:
            assert reader.read(notes / "plain.txt", "plain.txt").path == "plain.txt"
        except UnreadableNote as exc:
            assert "signal 9" in str(exc)
    assert reader.read(notes / "plain.txt", "plain.txt").path == "plain.txt"


def test_a_file_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    pipe = tmp_path / "endless.md"
    os.mkfifo(pipe)  # opening it waits for a writer that never comes
    reader = ReaderProcess(IngestSettings(max_seconds=1.0))
    try:
        with pytest.raises(UnreadableNote, match="took longer than 1 seconds"):
            reader.read(pipe, "endless.md")
        (tmp_path / "good.md").write_text("# Good\n")
        assert reader.read(tmp_path / "good.md", "good.md").title == "Good"
    finally:
        reader.close()


def test_a_file_that_takes_too_much_memory_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "huge.md").write_text("- item\n" * 3_000_000)
    reader = ReaderProcess(IngestSettings(max_memory_bytes=150_000_000))
    try:
        with pytest.raises(UnreadableNote, match="more than 150 MB of memory"):
            reader.read(tmp_path / "huge.md", "huge.md")
    finally:
        reader.close()


def test_a_file_of_too_much_text_is_given_up(tmp_path: Path) -> None:
    """What the other process would have to cut and embed is bounded here; what just fits is read."""
    reader = ReaderProcess(IngestSettings(max_chars=10_009))
    try:
        with pytest.raises(
            UnreadableNote, match=r"holds 10,010 characters of text; at most 10,009 .*max_chars"
        ):
            (tmp_path / "table.csv").write_text("1,2,3,4,5\n" * 1000 + "1,2,3,4,5.")
            reader.read(tmp_path / "table.csv", "table.csv")
        (tmp_path / "table.csv").write_text("1,2,3,4,5\n" * 1001)
        assert len(reader.read(tmp_path / "table.csv", "table.csv").blocks) == 1
    finally:
        reader.close()


def test_it_ends_with_its_parent_side(notes: Path) -> None:
    reader = ReaderProcess(IngestSettings())
    reader.read(notes / "week2.md", "week2.md")
    process = child()
    reader.close()
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
