"""The check of every byte that a library keeps, with the repairs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from ingest.doctor import Finding, Severity, ingest_command, where_option
from rag.errors import LibraryError
from rag.library.library import Library
from rag.library.soundness import DamagedDocument


def deep_findings(folder: Path) -> list[Finding]:
    """Return all damage of the library in `folder`.

    Every row of it is read and nothing is changed.
    """
    try:
        with Library.open(folder) as library:
            return list(_findings(library))
    except (LibraryError, sqlite3.Error, UnicodeDecodeError) as exc:
        return [_beyond_repair(folder, str(exc))]


def _findings(library: Library) -> Iterator[Finding]:
    soundness, where = library.soundness, where_option(library.folder)
    if problems := list(soundness.structure()):
        yield _beyond_repair(library.folder, problems[0])
        return
    library.manifest  # noqa: B018 - raises if it is damaged
    if not soundness.has_checksums:
        what = "the library was made by an earlier version and has no checksums, so damage cannot be found"
        yield Finding(Severity.NOTE, "checksums", what, f"lectern ingest FOLDER {where}")
    documents = soundness.documents()
    if known := [found for found in documents if found.known]:
        mend = ingest_command([found.source for found in known], where)
        yield _about("are damaged on the disk", known, mend)
    if unknown := [found for found in documents if not found.known]:
        yield _about("are damaged on the disk, their names too", unknown, f"lectern ingest FOLDER {where}")
    if others := soundness.others():
        what = f"rows that belong to no document are damaged on the disk ({', '.join(others)})"
        yield Finding(Severity.ERROR, "damage", what, f"lectern ingest FOLDER {where}")
    if not documents and not (soundness.words_are_sound() and soundness.words_agree()):
        what = "the index of words is damaged on the disk"
        yield Finding(Severity.ERROR, "damage", what, f"lectern ingest FOLDER {where}")


def _about(what: str, documents: list[DamagedDocument], mend: str) -> Finding:
    names = tuple(found.path for found in documents)
    return Finding(Severity.ERROR, "damage", f"{len(documents)} documents {what}", mend, names)


def _beyond_repair(folder: Path, problem: str) -> Finding:
    mend = (
        f"lectern restore BACKUP {where_option(folder)}; without a backup move {folder} away and run: lectern ingest FOLDER "
        f"{where_option(folder)}"
    )
    return Finding(Severity.ERROR, "damage", f"the database is damaged on the disk: {problem}", mend)
