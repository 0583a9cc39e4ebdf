"""Watched folders and failed files are kept in the course's library, and no page names a file of the machine."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from rag.errors import InputError
from rag.library.library import Library
from rag.library.rows import FailureRecord
from tests.patience import PATIENCE_SECONDS
from ui.web.ingesting.failures import Failures, key_of
from ui.web.ingesting.watching import WatchedFolders


def test_a_change_in_a_watched_folder_is_reported_until_it_is_watched_no_longer(tmp_path: Path) -> None:
    library, notes = tmp_path / "library", tmp_path / "notes"
    library.mkdir()
    notes.mkdir()
    changed = threading.Semaphore(0)
    watched = WatchedFolders(library, lambda _folder: changed.release())
    watched.watch(notes)
    assert changed.acquire(timeout=PATIENCE_SECONDS)  # at the start
    (notes / "a.md").write_text("# A", encoding="utf-8")
    assert changed.acquire(timeout=PATIENCE_SECONDS)
    watched.close()
    again = WatchedFolders(library, lambda _folder: changed.release())
    again.resume()
    assert again.folders() == [notes]
    assert changed.acquire(timeout=PATIENCE_SECONDS)
    again.unwatch(notes)
    assert WatchedFolders(library, lambda _folder: None).folders() == []


def test_only_folders_are_watched(tmp_path: Path) -> None:
    watched = WatchedFolders(tmp_path, lambda _folder: None)
    with pytest.raises(InputError, match="is no folder"):
        watched.watch(tmp_path / "nowhere")
    (tmp_path / "watched.json").write_text("{", encoding="utf-8")
    assert watched.folders() == []


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """A library in which two files of a folder and one of an archive failed."""
    notes = tmp_path / "notes" / "week1"
    notes.mkdir(parents=True)
    for name in ("a.ipynb", "b.ipynb"):
        (notes / name).write_text("{", encoding="utf-8")
    (tmp_path / "all.zip").write_bytes(b"PK")
    library = Library.create(tmp_path / "library")
    library.record_failures(
        [
            FailureRecord(str(notes / "a.ipynb"), "week1/a.ipynb", "no notebook", 1, 10, "p"),
            FailureRecord(str(notes / "b.ipynb"), "week1/b.ipynb", "no notebook", 1, 20, "p"),
            FailureRecord(str(tmp_path / "all.zip" / "c.md"), "all.zip/c.md", "damaged", 1, 30, "p"),
        ]
    )
    return library


def test_a_retried_file_keeps_its_name_and_nothing_else_is_read(library: Library, tmp_path: Path) -> None:
    failures = Failures(library)
    (one,) = failures.retry(key_of(str(tmp_path / "notes" / "week1" / "a.ipynb")))
    assert (one.paths, one.below) == ((tmp_path / "notes" / "week1" / "a.ipynb",), tmp_path / "notes")
    assert [each.path for each in failures.listed()] == ["all.zip/c.md", "week1/b.ipynb"]
    rest = failures.retry()
    assert {path.name for each in rest for path in each.paths} == {"b.ipynb", "all.zip"}
    assert failures.retry("../../etc/passwd") == []
    assert failures.retry() == []


def test_a_dismissed_file_is_shown_again_when_it_changed(library: Library, tmp_path: Path) -> None:
    failures, source = Failures(library), str(tmp_path / "notes" / "week1" / "a.ipynb")
    failures.dismiss(key_of(source))
    failures.dismiss("no such key")
    assert [each.path for each in Failures(library).listed()] == ["all.zip/c.md", "week1/b.ipynb"]
    assert len(library.failures()) == 3  # `lectern doctor` still names it
    library.record_failures([FailureRecord(source, "week1/a.ipynb", "no notebook", 2, 11, "p")])
    assert len(failures.listed()) == 3
    (library.folder / "dismissed.json").write_text(json.dumps([1]), encoding="utf-8")
    assert len(failures.listed()) == 3
