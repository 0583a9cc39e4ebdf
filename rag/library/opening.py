"""The library of a place: a folder, or a course of a server."""

from __future__ import annotations

from pathlib import Path

from rag.errors import LibraryMissing
from rag.extras import missing_extra
from rag.library.library import Library
from rag.library.store import LibraryStore
from rag.system.server_address import ServerAddress


def open_library(folder: Path, server: ServerAddress | None = None, *, create: bool = False) -> LibraryStore:
    """Return the library in `folder`, or with `server` the course there.

    A course has `folder` for its conversations and other files.

    Raises:
        LibraryError: it is missing, damaged, made by another version or cannot be reached.
    """
    if server is None:
        return Library.open(folder, create=create)
    if missing := missing_extra("A library on a PostgreSQL server", "postgres"):
        raise LibraryMissing(missing)
    from rag.library.postgres.library import PostgresLibrary

    return PostgresLibrary.open(server, folder, create=create)
