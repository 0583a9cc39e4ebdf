"""Notes read ahead while earlier ones are embedded.

An outcome also says whether it lasts: a parser's verdict on a file does, the bounds of this run do not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from ingest.archives import may_be_read
from ingest.chunker import chunk_document
from ingest.discover import source_text
from ingest.extras import ocr_is_installed, speech_is_installed
from ingest.kinds import kind_of
from ingest.plan import Task
from ingest.walk import printable
from ingest.worker import Cutting, ParserProcess
from rag.aliases import TokenCounter
from rag.errors import UnreadableNote
from rag.library.rows import DocumentRecord
from rag.note_warnings import WarningCode
from rag.settings import IngestSettings, Settings
from rag.types import Chunk, Document, DocumentKind


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of reading a file: a document with its passages, or a reason.

    `verdict` is True if another try would give the same.
    """

    task: Task
    document: Document | None = None
    chunks: Sequence[Chunk] = ()
    reason: str = ""
    verdict: bool = True


class NoteReader:
    """Reads notes and cuts them into passages, in a process of its own."""

    def __init__(self, settings: Settings, tokens: Path | TokenCounter) -> None:
        """Take the folder of a tokenizer, or a function that counts tokens."""
        self._settings = settings
        self._tokens = tokens
        self._parser = ParserProcess(settings.ingest)

    def read(self, task: Task) -> Outcome:
        """Return the document of a task, or why there is none."""
        return _read(self._parser, task, self._settings, self._tokens)

    def close(self) -> None:
        """End the process and the read that is under way."""
        self._parser.close()


def read_ahead(
    tasks: Sequence[Task], read: Callable[[Task], Future[Outcome]], notes: int
) -> Iterator[Outcome]:
    """Yield the outcome of each task in order.

    Meanwhile `read` is at work on the next `notes`, which bounds the memory for texts that wait.
    """
    left = iter(tasks)
    pending: deque[Future[Outcome]] = deque()

    def submit(count: int) -> None:
        pending.extend(read(task) for task in islice(left, count))

    try:
        submit(notes)
        while pending:
            outcome = pending.popleft().result()
            submit(1)
            yield outcome
    finally:
        for future in pending:
            future.cancel()


def lacks_ocr(record: DocumentRecord) -> bool:
    """Return whether the document has pages that only the extra `ocr` can read."""
    return any(warning.code is WarningCode.OCR_MISSING for warning in record.warnings)


def seconds_too_short(record: DocumentRecord) -> float | None:
    """Return the `ingest.max_seconds` that were too few; None if they were enough.

    It is 0 if the time is not known.
    """
    short = (WarningCode.OCR_TIME, WarningCode.SPEECH_TIME)
    times = [warning.seconds for warning in record.warnings if warning.code in short]
    return times[0] if times else None


def could_read_more(record: DocumentRecord, settings: IngestSettings) -> bool:
    """Return whether the document can be read better now.

    It has pages that OCR can read, or was read as plain text by a version without a parser for it.
    """
    if record.kind is not kind_of(record.path):
        return True
    given = seconds_too_short(record)
    late = given is not None and given < settings.max_seconds
    if record.kind is DocumentKind.RECORDING:
        return late and speech_is_installed()
    return (lacks_ocr(record) or late) and ocr_is_installed()


def _read(parser: ParserProcess, task: Task, settings: Settings, tokens: Path | TokenCounter) -> Outcome:
    """Return the document of a task, or why there is none."""
    source, most_bytes = task.file.source, settings.ingest.max_file_bytes
    if task.file.size_bytes > most_bytes:
        size, most = task.file.size_bytes / 1e6, most_bytes / 1e6
        return Outcome(
            task, reason=f"It has {size:,.1f} MB; at most {most:,.1f} MB are read (ingest.max_file_bytes)."
        )
    if not may_be_read(source):
        reason = "It cannot be opened: it may not be read, or went meanwhile."
        return Outcome(task, reason=reason, verdict=False)
    try:
        if isinstance(tokens, Path):
            cutting = Cutting(settings.chunk, tokens)
            document, chunks = parser.read_and_cut(source, task.name, cutting)
            document = _printable(document, task)
            return Outcome(task, document, [replace(chunk, title=document.title) for chunk in chunks])
        document = _printable(parser.read(source, task.name), task)
    except UnreadableNote as exc:
        return Outcome(task, reason=str(exc), verdict=not exc.passing)
    return Outcome(task, document, chunk_document(document, settings.chunk, tokens))


def _printable(document: Document, task: Task) -> Document:
    """Return the document with names that are valid UTF-8, as the library stores them."""
    return replace(document, title=printable(document.title), source=source_text(task.file.source))
