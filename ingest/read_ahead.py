"""Notes read ahead in the worker process while this one embeds what was read before."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from ingest.plan import Task
from ingest.worker import ReaderProcess
from rag.errors import UnreadableNote
from rag.settings import IngestSettings
from rag.types import Document

_AHEAD_DOCUMENTS = 8


@dataclass(frozen=True, slots=True)
class Outcome:
    """What reading a file gave: the document, or why there is none."""

    task: Task
    document: Document | None = None
    reason: str = ""


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


def _read(reader: ReaderProcess, task: Task, settings: IngestSettings) -> Outcome:
    """The document of a task, or why there is none."""
    if task.file.size_bytes > settings.max_file_bytes:
        size, most = task.file.size_bytes / 1e6, settings.max_file_bytes / 1e6
        return Outcome(
            task, reason=f"It has {size:,.1f} MB; at most {most:,.1f} MB are read (ingest.max_file_bytes)."
        )
    try:
        return Outcome(task, reader.read(task.file.source, task.name))
    except UnreadableNote as exc:
        return Outcome(task, reason=str(exc))
