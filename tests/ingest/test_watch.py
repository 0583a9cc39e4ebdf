"""A folder that is followed: bursts are one change, notes of any name count, the library's own files do not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.watch import changes
from tests.patience import PATIENCE_SECONDS

QUIET_SECONDS = 1.5


class Follower:
    """Counts the bursts under a folder in a thread of its own."""

    def __init__(self, folder: Path, quiet_milliseconds: int = 200) -> None:
        self._quiet_milliseconds = quiet_milliseconds
        self._folder, self._stop, self._seen = folder, threading.Event(), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def _follow(self) -> None:
        for _ in changes([self._folder], self._stop, quiet_milliseconds=self._quiet_milliseconds):
            self._seen.release()

    def burst(self, seconds: float = PATIENCE_SECONDS) -> bool:
        """Whether one comes within so many seconds."""
        return self._seen.acquire(timeout=seconds)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(timeout=PATIENCE_SECONDS)


@pytest.fixture
def follower(tmp_path: Path) -> Iterator[Follower]:
    made = Follower(tmp_path)
    assert made.burst()  # the watch stands
    yield made
    made.close()


def test_a_burst_of_changes_is_one_change(tmp_path: Path) -> None:
    follower = Follower(
        tmp_path, quiet_milliseconds=3000
    )  # a busy machine may pause between two of the changes
    try:
        assert follower.burst()
        for number in range(20):
            (tmp_path / f"synced{number}.md").write_text(f"# {number}\n")
        assert follower.burst()
        assert not follower.burst(3.0 + QUIET_SECONDS)
    finally:
        follower.close()


def test_the_library_s_own_files_do_not_count(tmp_path: Path, follower: Follower) -> None:
    for name in ("library.sqlite", "library.sqlite-wal", "library.sqlite-shm", "library.lock"):
        (tmp_path / name).write_text("x")
    for name in ("library.lock.holder", "vectors.faiss", "vectors.faiss.12-ab.part", "~$deck.pptx"):
        (tmp_path / name).write_text("x")
    assert not follower.burst(QUIET_SECONDS)


@pytest.mark.parametrize("name", ["vectors.pdf", "library.md", "library.ipynb", "vectors.md"])
def test_notes_about_vectors_and_libraries_count(tmp_path: Path, follower: Follower, name: str) -> None:
    (tmp_path / name).write_text("x")
    assert follower.burst()
