"""The reading process: what hangs, crashes or eats memory costs only its own file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ingest.chunker import chunk_document
from ingest.parsers import read_document
from ingest.worker import Cutting, ParserProcess
from rag.errors import UnreadableNote
from rag.settings import ChunkSettings, IngestSettings
from tests.patience import PATIENCE_SECONDS

PATIENT = IngestSettings(max_seconds=PATIENCE_SECONDS)
"""Settings of a process that reads all it is given: starting one can take long on a busy machine."""


@pytest.fixture
def parser() -> Iterator[ParserProcess]:
    made = ParserProcess(PATIENT)
    yield made
    made.close()


def child() -> psutil.Process:
    return next(p for p in psutil.Process().children() if "ingest.worker" in p.cmdline())


def test_what_it_reads_is_what_the_parser_reads(parser: ParserProcess, notes: Path) -> None:
    for name in ("week2.md", "book.ipynb", "page.html"):
        assert parser.read(notes / name, name) == read_document(notes / name, name)


def test_the_reason_comes_back(parser: ParserProcess, notes: Path) -> None:
    (notes / "bad.ipynb").write_text("no")
    with pytest.raises(UnreadableNote, match="expected JSON"):
        parser.read(notes / "bad.ipynb", "bad.ipynb")
    with pytest.raises(UnreadableNote, match="cannot be opened"):
        parser.read(notes / "gone.md", "gone.md")


def test_one_process_reads_many_files(parser: ParserProcess, notes: Path) -> None:
    parser.read(notes / "week2.md", "week2.md")
    first = child().pid
    parser.read(notes / "plain.txt", "plain.txt")
    assert child().pid == first


def test_a_killed_process_is_replaced(parser: ParserProcess, notes: Path) -> None:
    parser.read(notes / "week2.md", "week2.md")
    os.kill(child().pid, signal.SIGKILL)
    for _ in range(2):  # the death may be noticed at the next request or during it
        try:
            assert parser.read(notes / "plain.txt", "plain.txt").path == "plain.txt"
        except UnreadableNote as exc:
            assert "signal 9" in str(exc)
    assert parser.read(notes / "plain.txt", "plain.txt").path == "plain.txt"


def test_a_file_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    pipe = tmp_path / "endless.md"
    os.mkfifo(pipe)  # opening it waits for a writer that never comes
    parser = ParserProcess(IngestSettings(max_seconds=2.0))
    try:
        with pytest.raises(UnreadableNote, match="took longer than 2 seconds"):
            parser.read(pipe, "endless.md")
        parser._settings = PATIENT
        (tmp_path / "good.md").write_text("# Good\n")
        assert parser.read(tmp_path / "good.md", "good.md").title == "Good"
    finally:
        parser.close()


def test_a_file_that_takes_too_much_memory_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "huge.md").write_text("- item\n" * 3_000_000)
    parser = ParserProcess(PATIENT.model_copy(update={"max_memory_bytes": 150_000_000}))
    try:
        with pytest.raises(UnreadableNote, match="more than 150 MB of memory"):
            parser.read(tmp_path / "huge.md", "huge.md")
    finally:
        parser.close()


def test_a_file_of_too_much_text_is_given_up(tmp_path: Path) -> None:
    """What the other process would have to cut and embed is bounded here; what just fits is read."""
    parser = ParserProcess(PATIENT.model_copy(update={"max_chars": 10_009}))
    try:
        with pytest.raises(
            UnreadableNote, match=r"holds 10,010 characters of text; at most 10,009 .*max_chars"
        ):
            (tmp_path / "table.py").write_text("1,2,3,4,5\n" * 1000 + "1,2,3,4,5.")
            parser.read(tmp_path / "table.py", "table.py")
        (tmp_path / "table.py").write_text("1,2,3,4,5\n" * 1001)
        assert len(parser.read(tmp_path / "table.py", "table.py").blocks) == 1
    finally:
        parser.close()


def test_it_ends_with_its_parent_side(notes: Path) -> None:
    parser = ParserProcess(PATIENT)
    parser.read(notes / "week2.md", "week2.md")
    process = child()
    parser.close()
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def tokenizer_folder(folder: Path) -> Path:
    """A tokenizer whose tokens are words, in the form of an embedding model's."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder.mkdir()
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()  # type: ignore[assignment]
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def test_the_process_cuts_what_it_reads(parser: ParserProcess, notes: Path, tmp_path: Path) -> None:
    cutting = Cutting(ChunkSettings(target_tokens=32, max_tokens=64), tokenizer_folder(tmp_path / "model"))
    for name in ("week2.md", "book.ipynb", "page.html"):
        document, chunks = parser.read_and_cut(notes / name, name, cutting)
        assert document == read_document(notes / name, name)
        assert chunks == chunk_document(
            document, cutting.settings, lambda texts: [len(text.split()) for text in texts]
        )


def test_cutting_is_bounded_too(tmp_path: Path) -> None:
    """A line that would be cut for minutes costs its own file, within its time."""
    (tmp_path / "table.md").write_text("".join(f"- {n}\n\n" for n in range(400_000)))
    (tmp_path / "good.md").write_text("# Good\n\nWords.\n")
    cutting = Cutting(ChunkSettings(), tokenizer_folder(tmp_path / "model"))
    hurried, parser = ParserProcess(IngestSettings(max_seconds=2.0)), ParserProcess(PATIENT)
    try:
        with pytest.raises(UnreadableNote, match="took longer than 2 seconds"):
            hurried.read_and_cut(tmp_path / "table.md", "table.md", cutting)
        assert len(parser.read_and_cut(tmp_path / "good.md", "good.md", cutting)[1]) == 1
    finally:
        hurried.close()
        parser.close()


_PARENT = """
import sys
from pathlib import Path
from ingest.worker import ParserProcess
from rag.settings import IngestSettings
ParserProcess(IngestSettings(max_seconds=600)).read(Path(sys.argv[1]), "endless.md")
"""


def test_a_busy_process_ends_when_its_ingest_is_killed(tmp_path: Path) -> None:
    """It went on alone, for as long as the note took."""
    note = tmp_path / "endless.md"
    os.mkfifo(note)  # opening it waits for a writer that never comes
    environ = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    parent = subprocess.Popen([sys.executable, "-c", _PARENT, str(note)], env=environ)
    found: list[psutil.Process] = []
    while not found:
        found = [p for p in psutil.Process(parent.pid).children() if "ingest.worker" in " ".join(p.cmdline())]
        time.sleep(0.05)
    time.sleep(0.5)  # it may be starting still; it must end in any case
    parent.kill()
    parent.wait()
    psutil.wait_procs(found, timeout=PATIENCE_SECONDS)
    assert not [
        process for process in found if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    ]
