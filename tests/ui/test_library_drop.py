"""`lectern library drop` as a person runs it: what it names, when it asks, and what it leaves."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from rag.errors import InputError, LibraryMissing
from rag.library.opening import open_library
from rag.settings_loading import library_place
from tests.rag.library.stores import put_note
from ui.cli import build_app


class _Ones:
    """An embedder whose vectors are all the same."""

    def sketch_passages(self, texts: list[str]) -> tuple[np.ndarray, list[bytes]]:
        return np.full((len(texts), 4), 0.5, np.float32), [b""] * len(texts)


def make(place: str) -> None:
    folder, server = library_place(place)
    with closing(open_library(folder, server, create=True)) as store:
        store.bind("ones", 4, "by hand")
        put_note(store, _Ones(), "a.md", "apple", "banana")
        store.add_feedback("q", "{}", "good")
        (store.folder / "people.txt").write_text("a conversation")


def drop(*arguments: str) -> Result:
    return CliRunner().invoke(build_app(), ["library", "drop", *arguments])


@pytest.fixture(params=["folder", "server"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A library with a document of two passages and a verdict."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    if request.param == "server":
        make_database: Callable[[], str] = request.getfixturevalue("make_database")
        named = f"{make_database()}#algebra"
    else:
        named = str(tmp_path / "library")
    make(named)
    return named


def test_it_asks_first_and_removes_only_the_library(place: str) -> None:
    refused = drop(place)
    assert isinstance(refused.exception, InputError)
    assert "Remove 1 documents, 2 passages and 1 verdicts of " in str(refused.exception)
    assert str(refused.exception).endswith("Without a terminal, confirm it with --yes.")
    folder, server = library_place(place)
    with closing(open_library(folder, server)) as store:
        assert store.chunk_count() == 2
    done = drop(place, "--yes", "--json")
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert (found["documents"], found["passages"], found["feedback"]) == (1, 2, 1)
    assert (Path(found["files"]) / "people.txt").read_text() == "a conversation"
    if server:
        assert isinstance(drop(place, "--yes").exception, LibraryMissing)
    else:
        assert "0 documents, 0 passages and 0 verdicts" in drop(place, "--yes").stdout
    make(place)  # the place can be used again
    assert "1 documents, 2 passages and 1 verdicts" in drop(place, "--yes").stdout


def test_a_library_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = drop(str(tmp_path / "nothing"), "--yes")
    assert isinstance(missing.exception, LibraryMissing)
    assert not (tmp_path / "nothing").exists()
