"""The plan of an ingest: the files on disk compared with the library.

Nothing is read for it but contents that size and time stamp leave open. A file is the same by time stamp and
size, else by its content; it may have been moved; a document's file may be gone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from pathlib import Path, PurePosixPath

from ingest.archives import source_parts
from ingest.discover import Discovery, is_there, source_path, source_text
from ingest.walk import FoundFile, printable
from rag.errors import UnreadableNote
from rag.library.rows import DocumentRecord

_CLOCK_NANOSECONDS = 2_000_000_000
"""Coarsest time stamp of a file system in use: FAT has steps of two seconds."""
_READ_BYTES = 1 << 20
"""Bytes read at a time for the hash."""


@dataclass(frozen=True, slots=True)
class Task:
    """A file to read as the document `name`.

    `known` is the library's record of it, under an older name if it was moved.
    """

    file: FoundFile
    name: str
    known: DocumentRecord | None = None


@dataclass(slots=True)
class Plan:
    """The files to read and the documents that changed without being read.

    `unchanged` and `moved` documents need only a new time stamp or place; `gone` ones have no file. The names
    of `moved` and `gone` documents may be given to others: the moves are to be done together and first, and a
    gone document is to be known by its source.
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
    """Return the cheapest way from the library's `records` to the found files.

    A document of which the parsers `could_read_more` than last time (OCR was installed since) is read again.
    """
    kept = list(records)
    by_source = {record.source: record for record in kept}
    plan, new = Plan(), []
    for file in discovery.files:
        known = by_source.get(source_text(file.source))
        if known is None:
            new.append(file)
            continue
        same = not could_read_more(known) and _is_same(file, known)
        (plan.unchanged if same else plan.read).append(Task(file, known.path, known))
    lost = _lost(discovery, kept)
    moved = _moved(new, lost)
    moved_names = {record.path for record in moved.values()}
    plan.gone = [
        record
        for record in lost
        if record.path not in moved_names and discovery.covers(source_path(record.source))
    ]
    taken = {record.path for record in kept} - moved_names - {record.path for record in plan.gone}
    for file in new:
        name = _free_name(file, taken)
        taken.add(name)
        known = moved.get(file.source)
        (plan.read if known is None else plan.moved).append(Task(file, name, known))
    return plan


def names_itself(task: Task) -> bool:
    """Return whether a moved document's passages depend on the file's name.

    They do if the title is the name or another parser reads the new one.
    """
    if task.known is None:
        return False
    old, new = PurePosixPath(task.known.path), task.file.source
    if old.suffix.lower() != new.suffix.lower():
        return True
    return task.known.title == old.stem != printable(new.stem)


def file_hash(path: Path) -> str:
    """Return a file's `ingest.parsers.content_hash`; empty if it cannot be read."""
    digest = blake2b(digest_size=16)
    try:
        for part in source_parts(path, _READ_BYTES):
            digest.update(part)
    except (OSError, UnreadableNote):
        return ""
    return digest.hexdigest()


def _same_stamp(file: FoundFile, known: DocumentRecord) -> bool:
    """Return whether size and time stamp prove that nothing changed.

    A stamp from the moment of reading itself does not.
    """
    settled = (
        known.mtime_ns < datetime.fromisoformat(known.ingested_at).timestamp() * 1e9 - _CLOCK_NANOSECONDS
    )
    return settled and (file.size_bytes, file.mtime_ns) == (known.size_bytes, known.mtime_ns)


def _is_same(file: FoundFile, known: DocumentRecord) -> bool:
    """Return whether the file's content is what was read.

    A document without a content hash is to be read again.
    """
    if not known.content_hash:
        return False
    return _same_stamp(file, known) or file_hash(file.source) == known.content_hash


def _lost(discovery: Discovery, records: Iterable[DocumentRecord]) -> list[DocumentRecord]:
    """Return the documents whose file is not in its place any more."""
    present = {source_text(file.source) for file in discovery.files}
    missing = [(record, source_path(record.source)) for record in records if record.source not in present]
    return [record for record, source in missing if not discovery.hides(source) and not is_there(source)]


def _moved(new: Iterable[FoundFile], lost: Iterable[DocumentRecord]) -> dict[Path, DocumentRecord]:
    """Return new files with the content of a document whose own file is gone."""
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
    """Return the file's name, made unique.

    If another document has it, it gets the name of its root folder in front, and then a number.
    """
    name = file.name
    if name in taken:
        name = f"{file.root.name}/{file.name}"
    number = 2
    while name in taken:
        name = f"{file.root.name} ({number})/{file.name}"
        number += 1
    return name
