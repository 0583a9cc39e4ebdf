"""Notes read ahead in the worker process while this one embeds what was read before.

It knows what of an outcome lasts: a parser's verdict on a file, and what the bounds of this run left unread.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

from ingest.discover import printable, source_text
from ingest.plan import Task
from ingest.readers.ocr import ocr_is_installed
from ingest.worker import ReaderProcess
from rag.errors import UnreadableNote
from rag.records import DocumentRecord
from rag.settings import IngestSettings
from rag.types import Document

_AHEAD_DOCUMENTS = 8
_PASSING = ("ingest.max_seconds", "ingest.max_memory_bytes", "The reader died on it", "It cannot be opened")
"""Parts of the reasons that say how the machine was, not what the file is: only their text comes back from the worker."""
_OCR_EXTRA = "pip install 'lectern[ocr]'"
_TIME_BOUND = "(ingest.max_seconds)"
_TIME_WAS_SHORT = re.compile(r"\(ingest\.max_seconds(?: = ([0-9.]+))?\)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What reading a file gave: the document, or why there is none, and whether another try would give the same `verdict`."""

    task: Task
    document: Document | None = None
    reason: str = ""
    verdict: bool = True


def read_ahead(tasks: Sequence[Task], settings: IngestSettings) -> Iterator[Outcome]:
    """The outcome of each task in order; the next few are read meanwhile."""
    if not tasks:
        return
    reader = ReaderProcess(settings)
    pool = ThreadPoolExecutor(1, thread_name_prefix="reading")
    left = iter(tasks)
    pending: deque[Future[Outcome]] = deque()

    def submit(count: int) -> None:
        pending.extend(pool.submit(_read, reader, task, settings) for task in islice(left, count))

    try:
        submit(_AHEAD_DOCUMENTS)
        while pending:
            outcome = pending.popleft().result()
            submit(1)
            yield outcome
    finally:
        for future in pending:
            future.cancel()
        reader.close()  # ends the read that is under way, if the run was broken off
        pool.shutdown(wait=True)
        reader.close()


def lacks_ocr(record: DocumentRecord) -> bool:
    """Whether the document has pages that only the extra `ocr` could read."""
    return any(_OCR_EXTRA in warning for warning in record.warnings)


def seconds_too_short(record: DocumentRecord) -> float | None:
    """The `ingest.max_seconds` in which not all of the document's pages could be read; None if all were.

    0 where it was not written down.
    """
    found = [match for warning in record.warnings if (match := _TIME_WAS_SHORT.search(warning))]
    return float(found[0][1] or 0) if found else None


def could_read_more(record: DocumentRecord, settings: IngestSettings) -> bool:
    """Whether pages that could not be read then can be now: OCR was installed, or has more time."""
    given = seconds_too_short(record)
    left = lacks_ocr(record) or (given is not None and given < settings.max_seconds)
    return left and ocr_is_installed()


def _read(reader: ReaderProcess, task: Task, settings: IngestSettings) -> Outcome:
    """The document of a task, or why there is none."""
    source = task.file.source
    if task.file.size_bytes > settings.max_file_bytes:
        size, most = task.file.size_bytes / 1e6, settings.max_file_bytes / 1e6
        return Outcome(
            task, reason=f"It has {size:,.1f} MB; at most {most:,.1f} MB are read (ingest.max_file_bytes)."
        )
    if not os.access(source, os.R_OK):
        reason = "It cannot be opened: it may not be read, or went meanwhile."
        return Outcome(task, reason=reason, verdict=False)
    try:
        return Outcome(task, _written_down(reader.read(source, task.name), task, settings))
    except UnreadableNote as exc:
        reason = str(exc)
        return Outcome(task, reason=reason, verdict=not any(part in reason for part in _PASSING))


def _written_down(document: Document, task: Task, settings: IngestSettings) -> Document:
    """The document as the library can keep it: names in UTF-8, and the bound of this run beside what it left unread."""
    bound = f"(ingest.max_seconds = {settings.max_seconds:g})"
    return replace(
        document,
        title=printable(document.title),
        source=source_text(task.file.source),
        warnings=tuple(warning.replace(_TIME_BOUND, bound) for warning in document.warnings),
    )
