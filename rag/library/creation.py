"""The folder and empty database of a new library, and the check that they exist."""

from __future__ import annotations

from pathlib import Path

from rag.errors import LibraryDamaged, LibraryMissing
from rag.library import schema
from rag.library.connections import DATABASE_NAME


def create_library(folder: Path, now: str) -> None:
    """Make the folder and a database without documents; keep an existing library.

    Raises:
        LibraryMissing: the folder cannot be made.
    """
    with schema.translated(folder):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as exc:
            raise LibraryMissing(
                f"{folder} is a file; a library is a folder. Name another with --library."
            ) from exc
        except OSError as exc:
            raise LibraryMissing(f"The library folder {folder} cannot be made ({exc.strerror}).") from exc
    values = {
        "schema": str(schema.SCHEMA_VERSION),
        "embedder": "",
        "dim": "0",
        "chunker": "",
        "generation": "0",
        "created_at": now,
    }
    schema.create(folder / DATABASE_NAME, values)


def has_library(folder: Path) -> bool:
    """Return whether the folder has a library whose first transaction was committed.

    Raises:
        LibraryDamaged: the file is no sound database, or may not be read.
    """
    file = folder / DATABASE_NAME
    try:
        if not file.is_file():
            return False
    except PermissionError as exc:
        raise LibraryDamaged(f"{folder} cannot be read ({exc.strerror}); check its permissions.") from exc
    with schema.translated(file):
        probe = schema.connect(file, write=False)
        found = schema.has_schema(probe)
        probe.close()
    return found
