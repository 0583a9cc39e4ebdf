"""Problems of a library, and the command that fixes each.

Nothing is changed and no model is loaded. A library that cannot be opened is a finding like any other.
"""

from __future__ import annotations

import os
import shlex
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ingest.archives import source_status
from ingest.discover import is_there, source_path
from ingest.plan import file_hash
from ingest.read_ahead import lacks_ocr, seconds_too_short
from ingest.skipped import kept_passed_over
from rag.errors import LibraryError, LibraryUnreachable
from rag.extras import adding
from rag.library.library import Library
from rag.library.opening import open_library
from rag.library.rows import DocumentRecord
from rag.library.store import LibraryStore
from rag.note_warnings import WarningCode
from rag.settings import IngestSettings
from rag.system.server_address import ServerAddress

_WITH_A_REMEDY = frozenset((WarningCode.OCR_MISSING, WarningCode.OCR_TIME, WarningCode.NO_TEXT))
"""Warnings that have findings of their own."""
_MORE_TIME = 5
"""Factor by which a time that was too short is raised in the proposed command."""


class Severity(StrEnum):
    """Levels of importance of a finding, worst first."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem, the documents or files that it concerns, and what fixes it.

    One command fixes it for all of them.
    """

    severity: Severity
    subject: str
    what: str
    mend: str
    items: tuple[str, ...] = ()


def examine_library(
    folder: Path, embedder: str, dim: int, chunker: str, server: ServerAddress | None = None
) -> list[Finding]:
    """Return all problems of the library in `folder` or on `server`, worst first.

    `embedder`, `dim` and `chunker` are those of the present settings; an empty `embedder` is not known,
    because its model is missing.
    """
    try:
        with closing(open_library(folder, server)) as library:
            found = [
                *(
                    [*_soundness(library), *_index(library)]
                    if isinstance(library, Library)
                    else _server(library)
                ),
                *_mismatches(library, embedder, dim, chunker),
                *_documents(library),
            ]
    except LibraryUnreachable as exc:
        return [Finding(Severity.ERROR, "library", str(exc), "make the server reachable and try again")]
    except LibraryError as exc:
        where = where_option(server.shown if server else folder)
        return [Finding(Severity.ERROR, "library", str(exc), f"lectern ingest FOLDER {where}")]
    order = list(Severity)
    return sorted(found, key=lambda finding: order.index(finding.severity))


def _server(library: LibraryStore) -> Iterator[Finding]:
    """Yield the problems of a course on a server that a person there can mend."""
    from rag.library.postgres.library import PostgresLibrary

    if not isinstance(library, PostgresLibrary):
        return
    if library.dense.needs_index():
        what = (
            f"the course has no index of vectors, so a search compares all {library.chunk_count()} passages"
        )
        mend = f"as the owner of the tables: lectern ingest FOLDER {where_option(library.place)}"
        yield Finding(Severity.NOTE, "index", what, mend)
    if not library.connections.has_checksums():
        what = "the server does not check its pages, so it would not notice damage on the disk"
        yield Finding(Severity.NOTE, "checksums", what, "stop the server, then: pg_checksums --enable")


def _soundness(library: Library) -> Iterator[Finding]:
    """Yield the problems that SQLite's own check finds, and a stale lexical index."""
    again = f"move {library.folder} away and run: lectern ingest FOLDER {where_option(library.folder)}"
    try:
        problems = [row[0] for row in library.connection.execute("PRAGMA quick_check(5)")]
        passages = library.connection.execute("SELECT COUNT(*) FROM chunks").fetchone()[0]
        indexed = library.connection.execute("SELECT COUNT(*) FROM chunks_fts_docsize").fetchone()[0]
    except sqlite3.DatabaseError as exc:
        yield Finding(Severity.ERROR, "library", f"the database is damaged: {exc}", again)
        return
    if problems != ["ok"]:
        yield Finding(Severity.ERROR, "library", f"the database is damaged: {problems[0]}", again)
    if passages != indexed:
        what = f"the lexical index has {indexed} of {passages} passages"
        yield Finding(Severity.ERROR, "library", what, again)


def _mismatches(library: LibraryStore, embedder: str, dim: int, chunker: str) -> Iterator[Finding]:
    made = library.manifest
    mend = f"set the settings back, or: lectern ingest FOLDER {where_option(f'{library.place}-new')}"
    if made.embedder and embedder and (made.embedder, made.dim) != (embedder, dim):
        what = f"made with the embedder {made.embedder} ({made.dim}), the settings name {embedder} ({dim})"
        yield Finding(Severity.ERROR, "embedder", what, mend)
    if made.chunker and made.chunker != chunker:
        what = f"cut into passages by {made.chunker}, the settings say {chunker}"
        yield Finding(Severity.ERROR, "passages", what, mend)


def _index(library: Library) -> Iterator[Finding]:
    """Yield a finding if the FAISS file is missing or far behind the library.

    A little behind is normal.
    """
    from rag.search.dense import far_behind, pending_changes

    count = library.chunk_count()
    if not count:
        return
    mend = f"lectern ingest FOLDER {where_option(library.folder)} (a search mends it too)"
    pending = pending_changes(library)
    if pending is None:
        yield Finding(Severity.NOTE, "index", "the FAISS file is missing or cannot be trusted", mend)
    elif far_behind(pending, count):
        what = f"the FAISS file lacks {pending} changes of a library of {count} passages"
        yield Finding(Severity.NOTE, "index", what, mend)


def _documents(library: LibraryStore) -> Iterator[Finding]:
    """Yield failed files, and documents that are stale, gone, empty or duplicates."""
    records, where = library.documents(), where_option(library.place)
    yield from _failed(library, where)
    if groups := kept_passed_over(library.folder):
        count = sum(len(group.names) for group in groups)
        what = f"files that were not read, in the last folder: {count}"
        yield Finding(Severity.NOTE, "passed over", what, "as each line says", tuple(map(str, groups)))
    gone = [record for record in records if not is_there(source_path(record.source))]
    stale = [record for record in records if record not in gone and _changed(record)]
    if stale:
        yield _about(Severity.WARNING, "stale", "changed since they were read", stale, _again(stale, where))
    if gone and isinstance(library, Library):
        mend = _remove(gone, where)
        yield _about(Severity.WARNING, "gone", "no longer have a file", gone, mend)
    elif gone:  # a course may have been ingested elsewhere
        mend = f"on the machine that has the notes: lectern doctor {where}"
        yield _about(Severity.NOTE, "gone", "have no file on this machine", gone, mend)
    empty = [record for record in records if not record.chunks and record not in gone]
    if empty:
        mend = _take_away(empty, where)
        yield _about(Severity.NOTE, "empty", "have nothing to search", empty, mend)
    yield from _partly_read(records, where)
    yield from _unread(records)
    yield from _duplicates(records, where)


def _failed(library: LibraryStore, where: str) -> Iterator[Finding]:
    failures = library.failures()
    if failures:
        items = tuple(f"{failure.path}: {failure.reason}" for failure in failures)
        mend = f"mend the files, then: {ingest_command([failure.source for failure in failures], where)}"
        yield Finding(Severity.WARNING, "failed", f"{len(failures)} files could not be read", mend, items)


def _partly_read(records: Sequence[DocumentRecord], where: str) -> Iterator[Finding]:
    """Yield documents with unread pages: OCR is missing or had too little time."""
    without = [record for record in records if lacks_ocr(record)]
    if without:
        mend = f"{adding('ocr')}, then: {_again(without, where)}"
        yield _about(Severity.NOTE, "ocr", "have pages that only OCR can read", without, mend)
    times = {record.path: seconds_too_short(record) for record in records}
    late = [record for record in records if times[record.path] is not None]
    if late:
        seconds = _MORE_TIME * max(times[record.path] or IngestSettings().max_seconds for record in late)
        mend = f"LECTERN_INGEST__MAX_SECONDS={seconds:g} {_again(late, where)}"
        yield _about(Severity.NOTE, "time", "have pages for which OCR had too little time", late, mend)


def _unread(records: Sequence[DocumentRecord]) -> Iterator[Finding]:
    """Yield the documents with pictures, charts and the like that were not read."""
    found = [
        (record.path, str(warning))
        for record in records
        for warning in record.warnings
        if warning.unread and warning.code not in _WITH_A_REMEDY
    ]
    if found:
        count, items = len({path for path, _ in found}), [f"{path}: {what}" for path, what in found]
        mend = "write what they show into the notes (a picture's description is read), or search them by hand"
        yield Finding(
            Severity.NOTE, "unread", f"{count} documents have content that was not read", mend, tuple(items)
        )


def _duplicates(records: Sequence[DocumentRecord], where: str) -> Iterator[Finding]:
    same = defaultdict(list)
    for record in records:
        if record.chunks and record.content_hash:
            same[record.content_hash].append(record)
    groups = [group for group in same.values() if len(group) > 1]
    if groups:
        items = tuple(" = ".join(record.path for record in group) for group in groups)
        mend = _take_away([record for group in groups for record in group[1:]], where)
        yield Finding(
            Severity.NOTE, "duplicate", f"{len(groups)} notes are there more than once", mend, items
        )


def _about(
    severity: Severity, subject: str, what: str, records: Sequence[DocumentRecord], mend: str
) -> Finding:
    return Finding(
        severity, subject, f"{len(records)} documents {what}", mend, tuple(r.path for r in records)
    )


def _changed(record: DocumentRecord) -> bool:
    """Return whether the file has another content now."""
    source = source_path(record.source)
    try:
        stamp = source_status(source)
    except OSError:
        return False
    if stamp == (record.size_bytes, record.mtime_ns):
        return False
    return file_hash(source) != record.content_hash


def _again(records: Sequence[DocumentRecord], where: str) -> str:
    """Return the command that reads the documents' files again."""
    return ingest_command([record.source for record in records], where)


def ingest_command(sources: Sequence[str], where: str) -> str:
    """Return the command that reads files again.

    `where` is `where_option` of the library.
    """
    return f"lectern ingest {' '.join(_quoted(str(source_path(source))) for source in sources)} {where}"


def _remove(records: Sequence[DocumentRecord], where: str) -> str:
    """Return the command that removes the documents."""
    names = " ".join(_quoted(record.path) for record in records)
    if any(record.path.startswith("-") for record in records):
        return f"lectern documents remove {where} -- {names}"
    return f"lectern documents remove {names} {where}"


def _take_away(records: Sequence[DocumentRecord], where: str) -> str:
    """Return the steps that remove the documents for good.

    With its file in place, a document comes back with the next ingest.
    """
    files = " ".join(_quoted(str(source_path(record.source))) for record in records)
    return f"delete {files} (or move them out of your notes), then: {_remove(records, where)}"


def where_option(place: Path | str) -> str:
    """Return the option that names a library, as a shell takes it."""
    return f"--library {_quoted(str(place))}"


def _quoted(text: str) -> str:
    """Return the text as a shell takes it.

    Bytes that are no UTF-8 are written as escapes, so that the text can be printed.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        plain = (
            chr(byte) if 32 <= byte < 127 and chr(byte) not in "\\'" else f"\\{byte:03o}"
            for byte in os.fsencode(text)
        )
        return f"$'{''.join(plain)}'"
    return shlex.quote(text)
