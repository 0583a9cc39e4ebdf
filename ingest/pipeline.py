"""Notes in, library out: reads, cuts, embeds and saves what changed, and nothing else.

It knows the order in which this is safe and quick: a process of its own reads ahead, passages of many notes are embedded
together while the notes before them are saved, and each document is saved whole in a transaction of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ingest.chunker import chunk_document, chunker_fingerprint
from ingest.discover import Discovery, Unreadable, discover, is_there, source_path, source_text
from ingest.embed_ahead import PART_CHUNKS, EmbedAhead, Embedding, Stored
from ingest.plan import Plan, Task, make_plan, names_itself
from ingest.read_ahead import could_read_more, read_ahead
from ingest.readers import READER_VERSION
from ingest.readers.ocr import ocr_is_installed
from ingest.report import Complaint, IngestEvent, IngestReport, Listener, Stage
from rag.document_moves import Move
from rag.embedder import Embedder
from rag.library import Library
from rag.library_reading import Vectors
from rag.records import DocumentRecord, FailureRecord, passage_key
from rag.settings import Settings
from rag.types import Chunk, Document

_KEPT = " The version that was read before stays in the library."


@dataclass(frozen=True, slots=True)
class _Cut:
    """A document cut into passages, waiting for their vectors."""

    task: Task
    document: Document
    chunks: Sequence[Chunk]


def ingest_paths(
    library: Library,
    paths: Sequence[Path],
    embedder: Embedder,
    settings: Settings,
    on_event: Listener | None = None,
) -> IngestReport:
    """Brings the library up to date with the notes under `paths` and says what was done.

    What is unchanged is not read; what is gone from a given folder is taken out; one bad file never stops the rest. The
    FAISS file is brought up to date at the end if it is far behind. Killed at any instant, the next run does what this one did not.

    Raises:
        InputError: a path does not exist, or there is no note under any of them; nothing was changed.
        LibraryBusy: another process is writing.
        LibraryMismatch: the library was made by another embedder or chunker.
        LibraryDamaged: the disk is full.
    """
    return ingest_notes(library, discover(paths), embedder, settings, on_event)


def ingest_notes(
    library: Library,
    discovery: Discovery,
    embedder: Embedder,
    settings: Settings,
    on_event: Listener | None = None,
) -> IngestReport:
    """As `ingest_paths`, with notes that were found before: paths are checked before a library is made or a model loaded.

    Raises:
        LibraryBusy, LibraryMismatch, LibraryDamaged: as there.
    """
    from rag.vectors import VectorIndex

    with library.writing():
        library.bind(embedder.fingerprint, embedder.dim, chunker_fingerprint(settings.chunk))
        run = _Run(library, embedder, settings, on_event)
        report = run.execute(discovery)
        run.tell(Stage.INDEXING)
        VectorIndex(library).keep_file()
        run.tell(Stage.DONE)
        return replace(report, seconds=run.seconds)


class _Run:
    """One ingest while it runs: the counters and what waits to be embedded."""

    def __init__(
        self, library: Library, embedder: Embedder, settings: Settings, on_event: Listener | None
    ) -> None:
        self._library = library
        self._embedder = embedder
        self._settings = settings
        self._listen = on_event
        self._started = time.monotonic()
        self._files_total = self._files_done = 0
        self._chunks_known = self._chunks_done = 0
        self._added = self._updated = 0
        self._failures: list[FailureRecord] = []
        self._failed: list[Complaint] = []
        self._warnings: list[Complaint] = []
        self._gone: dict[str, str] = {}
        ocr = "with OCR" if ocr_is_installed() else "without OCR"
        self._reader = f"{READER_VERSION} {ocr} {settings.ingest.model_dump_json()}"

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._started

    def tell(self, stage: Stage, path: str = "", reason: str = "") -> None:
        """Reports a step to whoever listens."""
        if self._listen is not None:
            totals = (self._files_done, self._files_total, self._chunks_done, self._chunks_known)
            self._listen(IngestEvent(stage, *totals, self.seconds, path, reason))

    def execute(self, discovery: Discovery) -> IngestReport:
        """Does it all but the FAISS file."""
        plan = make_plan(discovery, self._library.documents(), self._could_read_more)
        self._files_total = len(discovery.files) + len(discovery.unreadable)
        self._gone = {record.path: record.source for record in plan.gone}
        self.tell(Stage.FOUND)
        for entry in discovery.unreadable:
            self._fail_unreadable(entry)
        self._settle(plan)
        self._move(plan)
        self._read_and_save(self._without_known_failures(plan.read))
        self._library.record_failures(self._failures, forget=self._settled_failures(discovery))
        for path, source in self._gone.items():
            self._library.remove_document(path, source=source)
            self.tell(Stage.REMOVED, path)
        return self._report(plan, discovery)

    def _report(self, plan: Plan, discovery: Discovery) -> IngestReport:
        return IngestReport(
            added=self._added,
            updated=self._updated,
            unchanged=len(plan.unchanged),
            removed=len(plan.gone),
            renamed=len(plan.moved),
            skipped=discovery.skipped,
            failed=tuple(self._failed),
            warnings=tuple(self._warnings),
            documents=len(self._library.documents()),
            chunks=self._library.chunk_count(),
            seconds=self.seconds,
        )

    def _settle(self, plan: Plan) -> None:
        """Remembers new time stamps of what need not be read."""
        for task in plan.unchanged:
            known, file = task.known, task.file
            if known is not None and (known.mtime_ns, known.size_bytes) != (file.mtime_ns, file.size_bytes):
                self._library.touch_document(
                    known.path, size_bytes=file.size_bytes, mtime_ns=file.mtime_ns, source=known.source
                )
            self._files_done += 1
            self.tell(Stage.UNCHANGED, task.name)

    def _move(self, plan: Plan) -> None:
        """Gives moved documents their new names, all at once: one may have the old name of another.

        A document that is gone and whose name one of them gets has to go first.
        """
        moves = [
            Move(
                task.known.path,
                task.name,
                source_text(task.file.source),
                task.file.mtime_ns,
                read_again=names_itself(task),
            )
            for task in plan.moved
            if task.known is not None
        ]
        if not moves:
            return
        names = {move.new for move in moves}
        self._library.move_documents(moves, [record.path for record in plan.gone if record.path in names])
        for task in plan.moved:
            if names_itself(task):
                plan.read.append(task)
            else:
                self._files_done += 1
                self.tell(Stage.SAVED, task.name)

    def _could_read_more(self, record: DocumentRecord) -> bool:
        return could_read_more(record, self._settings.ingest)

    def _without_known_failures(self, tasks: Sequence[Task]) -> list[Task]:
        """The tasks that are worth a try: a file that these readers could not read and that did not change is not."""
        before = {failure.source: failure for failure in self._library.failures()}
        left = []
        for task in tasks:
            failure = before.get(source_text(task.file.source))
            stamp = (task.file.size_bytes, task.file.mtime_ns, self._reader)
            if failure is not None and (failure.size_bytes, failure.mtime_ns, failure.reader) == stamp:
                self._fail(task, failure.reason.replace(_KEPT, ""), failure.reader)
            else:
                left.append(task)
        return left

    def _settled_failures(self, discovery: Discovery) -> list[str]:
        """The failures of which this run knows better: it met the file, looked into the folder, or it is gone."""
        met = {source_text(file.source) for file in discovery.files} | {
            source_text(folder) for folder in discovery.listed
        }
        return [
            failure.source
            for failure in self._library.failures()
            if failure.source in met or not is_there(source_path(failure.source))
        ]

    def _read_and_save(self, tasks: Sequence[Task]) -> None:
        """Reads, cuts, embeds and saves; while documents are saved, those after them are embedded."""
        with EmbedAhead(self._library, self._embedder) as ahead:
            batch: Sequence[_Cut] = ()
            embedding: Embedding | None = None
            for cuts in self._batches(tasks):
                started = ahead.start((chunk for cut in cuts for chunk in cut.chunks), embedding)
                self._save(batch, embedding)
                batch, embedding = cuts, started
            self._save(batch, embedding)

    def _batches(self, tasks: Sequence[Task]) -> Iterator[list[_Cut]]:
        """Documents cut into passages, so many together that embedding them is worth while; what cannot be read is reported."""
        waiting: list[_Cut] = []
        for outcome in read_ahead(tasks, self._settings.ingest):
            if outcome.document is None:
                self._fail(outcome.task, outcome.reason, self._reader if outcome.verdict else "")
                continue
            chunks = chunk_document(outcome.document, self._settings.chunk, self._embedder.count_tokens)
            self._chunks_known += len(chunks)
            waiting.append(_Cut(outcome.task, outcome.document, chunks))
            if sum(len(cut.chunks) for cut in waiting) >= PART_CHUNKS:
                yield waiting
                waiting = []
        if waiting:
            yield waiting

    def _fail(self, task: Task, reason: str, reader: str) -> None:
        """Counts a file that could not be read; an empty `reader` has it tried again whether it changed or not."""
        file = task.file
        self._failures.append(
            FailureRecord(source_text(file.source), task.name, reason, file.size_bytes, file.mtime_ns, reader)
        )
        self._complain(task.name, reason if task.known is None else reason + _KEPT)

    def _fail_unreadable(self, entry: Unreadable) -> None:
        """Counts a folder or file that could not be looked at."""
        self._failures.append(FailureRecord(source_text(entry.source), entry.name, entry.reason, 0, 0, ""))
        self._complain(entry.name, entry.reason)

    def _complain(self, name: str, reason: str) -> None:
        self._failed.append(Complaint(name, reason))
        self._files_done += 1
        self.tell(Stage.FAILED, name, reason)

    def _save(self, batch: Sequence[_Cut], embedding: Embedding | None) -> None:
        """Waits for the passages of a batch, then saves each document in a transaction."""
        if embedding is None:
            return
        ready: Stored = {}
        for count, found in embedding.finished():
            ready.update(found)
            self._chunks_done += count
            self.tell(Stage.EMBEDDED)
        late = {passage_key(chunk) for cut in batch for chunk in cut.chunks} - ready.keys()
        ready.update(self._library.embeddings(list(late)))  # made for the batch before this one
        self._chunks_done += len(late)
        for cut in batch:
            rows = [ready[passage_key(chunk)] for chunk in cut.chunks]
            empty = np.empty((0, self._embedder.dim), np.float32)
            self._save_one(
                cut, np.stack([row[0] for row in rows]) if rows else empty, [row[1] for row in rows]
            )

    def _save_one(self, cut: _Cut, vectors: Vectors, sketches: Sequence[bytes]) -> None:
        file, known = cut.task.file, cut.task.known
        if cut.task.name in self._gone:  # a new note takes the name, and nothing else, of one that is gone
            self._library.remove_document(cut.task.name, source=self._gone[cut.task.name])
        self._library.replace_document(
            cut.document,
            cut.chunks,
            vectors,
            sketches=sketches,
            size_bytes=file.size_bytes,
            mtime_ns=file.mtime_ns,
        )
        self._warnings += [Complaint(cut.task.name, warning) for warning in cut.document.warnings]
        self._files_done += 1
        if known is None:
            self._added += 1
        elif known.source == source_text(file.source):
            self._updated += 1
        self.tell(Stage.SAVED, cut.task.name)
