"""Ingest processes that are killed at every kind of moment, a disk that is full, readers and writers at once."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from rag.errors import LibraryBusy, LibraryDamaged, LibraryMissing
from rag.library.library import Library
from rag.search.dense import VectorIndex

ROOT = Path(__file__).resolve().parents[2]
Snapshot = list[tuple[Any, ...]]


class CrashServer:
    """The process that forks ingest processes; see `crash_server.py`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("crash_server.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            text=True,
        )

    def run(self, library: Path, notes: Path, kill_after_seconds: float | None = None, **request: Any) -> int:
        """Ingests, killed after so many seconds if that is given; the signal that ended it, 0 for none."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(
            json.dumps({"library": str(library), "notes": str(notes), **request}) + "\n"
        )
        self._process.stdin.flush()
        pid = int(self._process.stdout.readline())
        if kill_after_seconds is not None:
            time.sleep(kill_after_seconds)
            with suppress(ProcessLookupError):  # it was done before
                os.kill(pid, signal.SIGKILL)
        status = int(self._process.stdout.readline())
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@pytest.fixture(scope="module")
def server() -> Iterator[CrashServer]:
    made = CrashServer()
    yield made
    made.close()


def snapshot(folder: Path) -> Snapshot:
    """Everything a library holds except rowids and times, in a fixed order."""
    with Library.open(folder) as library:
        held = []
        for record in library.documents():
            document, chunks = library.document(record.path), library.chunks_of(record.path)
            rows = library.connection.execute(
                "SELECT e.vector FROM chunks c JOIN embeddings e ON e.id = c.embedding_id "
                "JOIN documents d ON d.id = c.document_id WHERE d.path = ? ORDER BY c.ordinal",
                (record.path,),
            )
            held.append(
                (record.path, record.content_hash, record.chunks, document, chunks, [row[0] for row in rows])
            )
        return held


def check(folder: Path) -> None:
    """What must hold at any instant: sound file, whole documents, no orphans, each passage in the lexical index once."""
    if not (folder / "library.sqlite").exists():
        return
    try:
        library = Library.open(folder)
    except LibraryMissing:
        return
    with library:
        one = lambda query: library.connection.execute(query).fetchone()[0]  # noqa: E731
        assert one("PRAGMA quick_check") == "ok"
        assert library.connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert one("SELECT COUNT(*) FROM chunks") == one(
            "SELECT COALESCE(SUM(chunk_count), 0) FROM documents"
        )
        assert one("SELECT COUNT(*) FROM chunks_fts_docsize") == one("SELECT COUNT(*) FROM chunks")
        orphans = "SELECT COUNT(*) FROM embeddings e WHERE NOT EXISTS (SELECT 1 FROM chunks c WHERE c.embedding_id = e.id)"
        assert one(orphans) == 0
        for record in library.documents():
            document = library.document(record.path)
            chunks = library.chunks_of(record.path)
            assert len(chunks) == record.chunks
            assert all(chunk.text == document.text[chunk.start : chunk.end] for chunk in chunks)


def change(notes: Path, step: int) -> None:
    """Gives the next ingest something to add, change, rename and take out."""
    for part in "abcdef":
        lines = "\n\n".join(f"Line {step} {part} {n}." for n in range(40))
        (notes / f"new{step}{part}.md").write_text(f"# New {step} {part}\n\n{lines}")
    (notes / "week2.md").write_text(
        f"# Week two\n\nEdited {step}.\n\n" + "\n\n".join(f"Part {n + step}." for n in range(60))
    )
    older = notes / f"new{step - 1}a.md"
    if older.exists():
        older.rename(notes / f"moved{step - 1}.md")
    (notes / f"moved{step - 2}.md").unlink(missing_ok=True)


def kill_and_compare(
    server: CrashServer, tmp_path: Path, notes: Path, kills: int, a_round: int, kill: Callable[[Path], int]
) -> None:
    """Changes the notes and kills ingests of them, lets one finish and compares with a clean run; until so many were killed."""
    library, killed, step = tmp_path / "killed", 0, 0
    while killed < kills:
        change(notes, step)
        for _ in range(a_round):
            killed += kill(library) == signal.SIGKILL
            check(library)
        assert server.run(library, notes, in_process=True) == 0
        clean = tmp_path / f"clean{step}"
        assert server.run(clean, notes, in_process=True) == 0
        assert snapshot(library) == snapshot(clean)
        assert_index_is_whole(library)
        assert list(library.glob("*.part")) == []
        step += 1


def assert_index_is_whole(folder: Path) -> None:
    """The FAISS file finds, for every stored vector, what brute force finds."""
    with Library.open(folder) as library:
        rowids, vectors = library.vectors()
        index = VectorIndex(library)
        for vector in vectors[::7] * 3:
            found, scores = index.search(vector, 3)
            assert scores[0] == pytest.approx(3 * (vectors @ (vector / 3)).max() / 3, abs=1e-5)
            assert set(found) <= set(rowids)


def test_killed_at_sql_statements(server: CrashServer, tmp_path: Path, notes: Path) -> None:
    chance = random.Random(1)

    def kill(library: Path) -> int:
        return server.run(library, notes, in_process=True, kill_at_statement=chance.randint(1, 150))

    kill_and_compare(server, tmp_path, notes, kills=10, a_round=8, kill=kill)


@pytest.mark.parametrize("when", ["half", "before", "after"])
def test_killed_at_the_faiss_swap(server: CrashServer, tmp_path: Path, notes: Path, when: str) -> None:
    def kill(library: Path) -> int:
        signal_number = server.run(library, notes, in_process=True, kill_at_rename=when)
        assert len(list(library.glob("vectors.faiss.*.part"))) == (when != "after")
        return signal_number

    kill_and_compare(server, tmp_path, notes, kills=2, a_round=1, kill=kill)


@pytest.mark.slow
def test_killed_at_random_moments(server: CrashServer, tmp_path: Path, notes: Path) -> None:
    chance = random.Random(2)
    start = time.monotonic()
    assert server.run(tmp_path / "timed", notes) == 0
    whole_seconds = time.monotonic() - start

    def kill(library: Path) -> int:
        return server.run(library, notes, kill_after_seconds=chance.uniform(0, 0.4 * whole_seconds))

    kill_and_compare(server, tmp_path, notes, kills=39, a_round=13, kill=kill)


@pytest.mark.slow
def test_killed_at_a_hundred_sql_statements(server: CrashServer, tmp_path: Path, notes: Path) -> None:
    chance = random.Random(3)

    def kill(library: Path) -> int:
        return server.run(library, notes, in_process=True, kill_at_statement=chance.randint(1, 150))

    kill_and_compare(server, tmp_path, notes, kills=100, a_round=15, kill=kill)


def test_a_full_disk_leaves_the_library_whole(tmp_path: Path, notes: Path, embedder: Any) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1200k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("a small tmpfs can only be mounted by root")
    try:
        from ingest.pipeline import ingest_paths
        from rag.settings import Settings

        with Library.create(disk / "library") as library:
            ingest_paths(library, [notes], embedder, Settings())
        before = snapshot(disk / "library")
        words = random.Random(4)
        for number in range(30):
            text = "\n\n".join(" ".join(f"w{words.randrange(10**9)}" for _ in range(60)) for _ in range(20))
            (notes / f"big{number}.md").write_text(f"# Big {number}\n\n{text}\n")
        with Library.open(disk / "library") as library, pytest.raises(LibraryDamaged, match="full"):
            ingest_paths(library, [notes], embedder, Settings())
        check(disk / "library")
        paths = {entry[0] for entry in before}
        assert [entry for entry in snapshot(disk / "library") if entry[0] in paths] == before
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_second_writer_is_refused_and_a_reader_is_not(tmp_path: Path, library: Library) -> None:
    held = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys\nfrom pathlib import Path\nfrom rag.library.library import Library\n"
            f"with Library.open(Path({str(library.folder)!r})) as l, l.writing():\n"
            "    print('held', flush=True); sys.stdin.read()\n",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
    )
    try:
        assert held.stdout is not None
        assert held.stdout.readline() == "held\n"
        with (
            pytest.raises(LibraryBusy, match=rf"Another process \(number {held.pid}\) is writing"),
            library.writing(),
        ):
            pass
        assert library.documents() == []
        assert library.add_feedback("q", "{}", "good") == 1
    finally:
        held.kill()
        held.wait()
        held.stdout.close()
    with library.writing():  # the lock of a dead process is free
        pass


def test_reading_while_another_process_ingests(server: CrashServer, tmp_path: Path, notes: Path) -> None:
    library = tmp_path / "shared"
    assert server.run(library, notes, in_process=True) == 0
    for number in range(20):
        (notes / f"more{number}.md").write_text(f"# More {number}\n\nText of note {number}.\n")
    failures: list[BaseException] = []
    stop = threading.Event()

    def read() -> None:
        try:
            with Library.open(library) as reader:
                while not stop.is_set():
                    with reader.snapshot() as connection:
                        count = connection.execute("SELECT COUNT(*) FROM chunks").fetchone()[0]
                        assert count == len(reader.chunks(reader.chunk_rowids()))
        except (AssertionError, sqlite3.Error, LibraryBusy, LibraryDamaged) as exc:
            failures.append(exc)

    thread = threading.Thread(target=read)
    thread.start()
    assert server.run(library, notes, in_process=True) == 0
    stop.set()
    thread.join()
    assert failures == []
