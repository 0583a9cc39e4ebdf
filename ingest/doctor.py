"""What is wrong with a library, and the command that mends each thing.

It only looks: nothing is changed, no model is loaded, and a library that cannot be opened is a finding like any other.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ingest.plan import file_hash
from rag.errors import LibraryError
from rag.library import Library
from rag.records import DocumentRecord


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, the documents or files it concerns, and the command that mends it."""

    severity: Severity
    subject: str
    what: str
    mend: str
    items: tuple[str, ...] = ()


def examine_library(folder: Path, embedder: str, dim: int, chunker: str) -> list[Finding]:
    """Everything wrong with the library in `folder`, worst first; empty if nothing is.

    `embedder`, `dim` and `chunker` are what the settings would make a library with today.
    """
    try:
        with Library.open(folder) as library:
            found = [
                *_soundness(library),
                *_mismatches(library, embedder, dim, chunker),
                *_index(library),
                *_documents(library),
            ]
    except LibraryError as exc:
        return [Finding(Severity.ERROR, "library", str(exc), f"lectern ingest FOLDER --library {folder}")]
    order = list(Severity)
    return sorted(found, key=lambda finding: order.index(finding.severity))


def _soundness(library: Library) -> Iterator[Finding]:
    """SQLite's own check, and the lexical index against the passages."""
    again = f"move {library.folder} away and run: lectern ingest FOLDER --library {library.folder}"
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
        what = f"the lexical index holds {indexed} of {passages} passages"
        yield Finding(Severity.ERROR, "library", what, again)


def _mismatches(library: Library, embedder: str, dim: int, chunker: str) -> Iterator[Finding]:
    made = library.manifest
    mend = f"set the settings back, or: lectern ingest FOLDER --library {library.folder}-new"
    if made.embedder and (made.embedder, made.dim) != (embedder, dim):
        what = f"made with the embedder {made.embedder} ({made.dim}), the settings name {embedder} ({dim})"
        yield Finding(Severity.ERROR, "embedder", what, mend)
    if made.chunker and made.chunker != chunker:
        what = f"cut into passages by {made.chunker}, the settings say {chunker}"
        yield Finding(Severity.ERROR, "passages", what, mend)


def _index(library: Library) -> Iterator[Finding]:
    """Whether the FAISS file is there and near enough to the library; a little behind is as it should be."""
    from rag.vectors import far_behind, pending_changes

    count = library.chunk_count()
    if not count:
        return
    mend = f"lectern ingest FOLDER --library {library.folder} (a search mends it too)"
    pending = pending_changes(library)
    if pending is None:
        yield Finding(Severity.NOTE, "index", "the FAISS file is missing or cannot be trusted", mend)
    elif far_behind(pending, count):
        what = f"the FAISS file lacks {pending} changes of a library of {count} passages"
        yield Finding(Severity.NOTE, "index", what, mend)


def _documents(library: Library) -> Iterator[Finding]:
    """Files that failed, documents that are stale, gone, empty, partly unread or there twice."""
    records = library.documents()
    where = f"--library {library.folder}"
    failures = library.failures()
    if failures:
        items = tuple(f"{failure.path}: {failure.reason}" for failure in failures)
        mend = f"mend the files, then: {_again([Path(failure.source) for failure in failures], where)}"
        yield Finding(Severity.WARNING, "failed", f"{len(failures)} files could not be read", mend, items)
    gone = [record for record in records if not Path(record.source).exists()]
    stale = [record for record in records if record not in gone and _changed(record)]
    if stale:
        mend = _again([Path(record.source) for record in stale], where)
        yield _about(Severity.WARNING, "stale", "changed since they were read", stale, mend)
    if gone:
        mend = f"lectern documents remove {_quoted(gone[0].path)} {where}"
        yield _about(Severity.WARNING, "gone", "no longer have a file", gone, mend)
    empty = [record for record in records if not record.chunks and record not in gone]
    if empty:
        mend = f"lectern documents remove {_quoted(empty[0].path)} {where}"
        yield _about(Severity.NOTE, "empty", "hold nothing to search", empty, mend)
    partly = [record for record in records if any("OCR" in warning for warning in record.warnings)]
    if partly:
        mend = (
            f"pip install 'lectern[ocr]', then: {_again([Path(record.source) for record in partly], where)}"
        )
        yield _about(Severity.NOTE, "ocr", "have pages that only OCR can read", partly, mend)
    yield from _duplicates(records, where)


def _duplicates(records: Sequence[DocumentRecord], where: str) -> Iterator[Finding]:
    same = defaultdict(list)
    for record in records:
        if record.chunks:
            same[record.content_hash].append(record)
    groups = [group for group in same.values() if len(group) > 1]
    if groups:
        items = tuple(" = ".join(record.path for record in group) for group in groups)
        mend = f"lectern documents remove {_quoted(groups[0][-1].path)} {where}"
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
    """Whether the file's content is another one now."""
    try:
        status = Path(record.source).stat()
    except OSError:
        return False
    if (status.st_size, status.st_mtime_ns) == (record.size_bytes, record.mtime_ns):
        return False
    return file_hash(Path(record.source)) != record.content_hash


def _again(sources: Sequence[Path], where: str) -> str:
    """The command that reads these files once more."""
    return f"lectern ingest {' '.join(_quoted(str(source)) for source in sources[:3])} {where}"


def _quoted(text: str) -> str:
    return f"'{text}'" if any(character in text for character in " ()&;") else text
