"""What has to be done: the files on disk held against the library, before anything is read.

It knows when a file is the same (time stamp and size, else content), when it was moved, and when a document's file is gone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from pathlib import Path, PurePosixPath

from ingest.discover import Discovery, FoundFile, is_there, printable, source_path, source_text
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
    """Files to read, documents whose file only got a new time stamp or place, documents that are gone.

    The names of `moved` and `gone` documents may be given to others: the moves are to be done together and first, and what is
    gone is to be known by its source.
    """

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
    held = list(records)
    by_source = {record.source: record for record in held}
    plan, new = Plan(), []
    for file in discovery.files:
        known = by_source.get(source_text(file.source))
        if known is None:
            new.append(file)
            continue
        same = not could_read_more(known) and _is_same(file, known)
        (plan.unchanged if same else plan.read).append(Task(file, known.path, known))
    lost = _lost(discovery, held)
    moved = _moved(new, lost)
    moved_names = {record.path for record in moved.values()}
    plan.gone = [
        record
        for record in lost
        if record.path not in moved_names and discovery.covers(source_path(record.source))
    ]
    taken = {record.path for record in held} - moved_names - {record.path for record in plan.gone}
    for file in new:
        name = _free_name(file, taken)
        taken.add(name)
        known = moved.get(file.source)
        (plan.read if known is None else plan.moved).append(Task(file, name, known))
    return plan


def names_itself(task: Task) -> bool:
    """Whether a moved document's passages hold what its file is called or how it is read by that, so that they change with it."""
    if task.known is None:
        return False
    old, new = PurePosixPath(task.known.path), task.file.source
    if old.suffix.lower() != new.suffix.lower():
        return True
    return task.known.title == old.stem != printable(new.stem)


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


def _is_same(file: FoundFile, known: DocumentRecord) -> bool:
    """Whether the file's content is what was read; a document without a content hash is to be read again."""
    if not known.content_hash:
        return False
    return _same_stamp(file, known) or file_hash(file.source) == known.content_hash


def _lost(discovery: Discovery, records: Iterable[DocumentRecord]) -> list[DocumentRecord]:
    """The documents whose file is not at its place any more."""
    present = {source_text(file.source) for file in discovery.files}
    missing = [(record, source_path(record.source)) for record in records if record.source not in present]
    return [record for record, source in missing if not discovery.hides(source) and not is_there(source)]


def _moved(new: Iterable[FoundFile], lost: Iterable[DocumentRecord]) -> dict[Path, DocumentRecord]:
    """New files whose content is that of a document whose own file is gone."""
    orphans: dict[str, list[DocumentRecord]] = defaultdict(list)
    for record in lost:
        if record.content_hash:
            orphans[record.content_hash].append(record)
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
