"""What has to be done: the files on disk held against the library, before anything is read.

It knows when a file is the same (time stamp and size, else content), when it was moved, and when a document's file is gone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from pathlib import Path

from ingest.discover import Discovery, FoundFile
from rag.records import DocumentRecord

_CLOCK_NANOSECONDS = 2_000_000_000
_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Task:
    """A file to read as the document `name`. `known` is what the library holds of it, under an older name if it was moved."""

    file: FoundFile
    name: str
    known: DocumentRecord | None = None


@dataclass(slots=True)
class Plan:
    """Files to read, documents whose file only got a new time stamp or place, documents that are gone."""

    read: list[Task] = field(default_factory=list)
    unchanged: list[Task] = field(default_factory=list)
    moved: list[Task] = field(default_factory=list)
    gone: list[DocumentRecord] = field(default_factory=list)


def make_plan(
    discovery: Discovery,
    records: Iterable[DocumentRecord],
    could_read_more: Callable[[DocumentRecord], bool] = lambda record: False,
) -> Plan:
    """The cheapest way from the library's `records` to the files that were found.

    A document of which the readers `could_read_more` than last time (OCR was installed since) is read again.
    """
    by_source = {record.source: record for record in records}
    present = {str(file.source) for file in discovery.files}
    gone = [
        record
        for record in by_source.values()
        if record.source not in present and not Path(record.source).exists()
    ]
    orphans: dict[str, list[DocumentRecord]] = defaultdict(list)
    for record in gone:
        orphans[record.content_hash].append(record)
    plan, new = Plan(), []
    for file in discovery.files:
        known = by_source.get(str(file.source))
        if known is None:
            new.append(file)
        elif could_read_more(known):
            plan.read.append(Task(file, known.path, known))
        elif _same_stamp(file, known) or file_hash(file.source) == known.content_hash:
            plan.unchanged.append(Task(file, known.path, known))
        else:
            plan.read.append(Task(file, known.path, known))
    moved = _moved(new, orphans)
    left = [record for record in gone if record.path not in {record.path for record in moved.values()}]
    plan.gone = [
        record
        for record in left
        if any(Path(record.source).is_relative_to(root) for root in discovery.folders)
    ]
    taken = {record.path for record in by_source.values()} - {
        record.path for record in (*plan.gone, *moved.values())
    }
    for file in new:
        name = _free_name(file, taken)
        taken.add(name)
        known = moved.get(file.source)
        (plan.read if known is None else plan.moved).append(Task(file, name, known))
    return plan


def file_hash(path: Path) -> str:
    """The content hash of a file as `ingest.readers.content_hash` has it; empty if the file cannot be read."""
    digest = blake2b(digest_size=16)
    try:
        with path.open("rb") as stream:
            while part := stream.read(_READ_BYTES):
                digest.update(part)
    except OSError:
        return ""
    return digest.hexdigest()


def _same_stamp(file: FoundFile, known: DocumentRecord) -> bool:
    """Whether size and time stamp prove that nothing changed: a stamp from the moment of reading itself does not."""
    settled = (
        known.mtime_ns < datetime.fromisoformat(known.ingested_at).timestamp() * 1e9 - _CLOCK_NANOSECONDS
    )
    return settled and (file.size_bytes, file.mtime_ns) == (known.size_bytes, known.mtime_ns)


def _moved(new: Iterable[FoundFile], orphans: dict[str, list[DocumentRecord]]) -> dict[Path, DocumentRecord]:
    """New files whose content is that of a document whose own file is gone."""
    sizes = {record.size_bytes for records in orphans.values() for record in records}
    found = {}
    for file in new:
        if file.size_bytes in sizes and (candidates := orphans.get(file_hash(file.source))):
            found[file.source] = candidates.pop(0)
    return found


def _free_name(file: FoundFile, taken: set[str]) -> str:
    """The file's name; behind its root folder's name, and then numbered, if another document has it."""
    name = file.name
    if name in taken:
        name = f"{file.root.name}/{file.name}"
    number = 2
    while name in taken:
        name = f"{file.root.name} ({number})/{file.name}"
        number += 1
    return name
