"""Libraries of both back ends, empty and bound to the embedder of first letters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from rag.library.library import Library
from rag.library.opening import open_library
from rag.library.store import LibraryStore
from rag.system.server_address import ServerAddress, parse_address
from rag.types import Chunk
from tests.rag.library.stores import put_note

MakeStore = Callable[..., LibraryStore]


@pytest.fixture(scope="module")
def course_address(make_database: Callable[[], str]) -> Callable[[], ServerAddress]:
    """Gives addresses of courses that are not there yet, in one database of this module."""
    base, made = make_database(), count()
    return lambda: parse_address(f"{base}#course {next(made)}")


@pytest.fixture
def opened() -> Iterator[list[LibraryStore]]:
    """Libraries that are closed at the end."""
    stores: list[LibraryStore] = []
    yield stores
    for store in stores:
        store.close()


@pytest.fixture
def make_folder(tmp_path: Path, opened: list[LibraryStore]) -> MakeStore:
    """Makes a new library in a folder, or opens one again."""

    def make(again: LibraryStore | None = None) -> LibraryStore:
        folder = again.folder if again else tmp_path / f"library {len(opened)}"
        store = Library.open(folder, create=True)
        opened.append(store)
        store.bind("first letters", 8, "by hand")
        return store

    return make


@pytest.fixture
def make_course(
    tmp_path: Path, opened: list[LibraryStore], course_address: Callable[[], ServerAddress]
) -> MakeStore:
    """Makes a new course on the server, or opens one again."""

    def make(again: LibraryStore | None = None) -> LibraryStore:
        address = parse_address(again.place) if again else course_address()
        store = open_library(tmp_path / "beside", address, create=True)
        opened.append(store)
        store.bind("first letters", 8, "by hand")
        return store

    return make


@pytest.fixture(params=["folder", "server"])
def make_store(request: pytest.FixtureRequest) -> MakeStore:
    """Makes libraries of one back end, then of the other."""
    made: MakeStore = request.getfixturevalue("make_folder" if request.param == "folder" else "make_course")
    return made


@pytest.fixture
def put_in() -> Callable[..., list[Chunk]]:
    """Saves a document: one chunk for each of the given texts."""
    return put_note
