"""A copy of a library in a folder or on a server, one document at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from rag.errors import InputError
from rag.library.rows import DocumentRecord
from rag.library.store import LibraryStore


@dataclass(frozen=True, slots=True)
class CopyReport:
    """The numbers of what was copied.

    `already_there` counts documents of an earlier copy that was interrupted.
    """

    documents: int
    passages: int
    already_there: int
    failures: int
    feedback: int


def copy_library(
    source: LibraryStore, target: LibraryStore, on_document: Callable[[int, int], None] | None = None
) -> CopyReport:
    """Copy documents, passages, vectors, tags, failures and feedback to `target`.

    One document is in memory at a time, and each is a transaction: a copy that was interrupted goes on where
    it ended. `on_document` gets the number of documents done and of all.

    Raises:
        InputError: `target` is another library: it has a document that `source` has not, or not so.
        LibraryBusy: another process writes to `target`.
    """
    with source.snapshot(), target.writing():
        records = {record.path: record for record in source.documents()}
        there = {record.path: record for record in target.documents()}
        _check_same(source, target, records, there)
        made = source.manifest
        if made.embedder:
            target.bind(made.embedder, made.dim, made.chunker)
        passages = 0
        for done, record in enumerate(_in_order(source, records), start=1):
            if record.path not in there:
                passages += _copy_document(source, target, record)
            if (given := source.given_tags(record.path)) != target.given_tags(record.path):
                target.tag_document(record.path, given)
            if on_document is not None:
                on_document(done, len(records))
        failures, feedback = source.failures(), source.feedback()
        target.record_failures(failures)
        target.put_feedback(feedback)
    return CopyReport(len(records) - len(there), passages, len(there), len(failures), len(feedback))


def _check_same(
    source: LibraryStore,
    target: LibraryStore,
    records: dict[str, DocumentRecord],
    there: dict[str, DocumentRecord],
) -> None:
    """Refuse a target that is not empty and not a part of the source.

    Raises:
        InputError: it is another library.
    """
    ours, theirs = source.manifest, target.manifest
    made_alike = (ours.embedder, ours.dim, ours.chunker) == (theirs.embedder, theirs.dim, theirs.chunker)
    other = next((path for path, record in there.items() if not _same(record, records.get(path))), None)
    if other is not None or (theirs.embedder and not made_alike):
        why = (
            f"its document {other} is not the same"
            if other
            else "it was made with another embedder or chunker"
        )
        raise InputError(
            f"{target.place} has another library than {source.place}: {why}. Nothing was copied; name an empty place."
        )


def _same(record: DocumentRecord, other: DocumentRecord | None) -> bool:
    """Return whether two documents are the same but for their tags.

    Those are copied after the rest.
    """
    return other is not None and replace(record, tags=()) == replace(other, tags=())


def _in_order(source: LibraryStore, records: dict[str, DocumentRecord]) -> list[DocumentRecord]:
    """Return the documents in the order of their first passages.

    So passages with equal scores keep their order.
    """
    first = {
        path: int(source.rowids_in([path])[0]) if record.chunks else 0 for path, record in records.items()
    }
    return sorted(records.values(), key=lambda record: (first[record.path], record.path))


def _copy_document(source: LibraryStore, target: LibraryStore, record: DocumentRecord) -> int:
    """Copy one document and return the number of its passages."""
    found = source.chunks_by_rowid(source.rowids_in([record.path]))
    rowids = sorted(found, key=lambda rowid: found[rowid].ordinal)
    _, vectors = source.vectors(np.array(rowids, np.int64))
    sketches = source.sketches(rowids)
    target.replace_document(
        replace(source.document(record.path), tags=source.own_tags(record.path)),
        [found[rowid] for rowid in rowids],
        vectors,
        sketches=[sketches.get(rowid, b"") for rowid in rowids],
        size_bytes=record.size_bytes,
        mtime_ns=record.mtime_ns,
        ingested_at=record.ingested_at,
    )
    return len(rowids)
