"""The ingest: reads, cuts, embeds and saves the notes that changed.

Notes are read and embedded ahead by an `IngestExecutor`; each document is saved in one transaction.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from ingest.chunker import chunker_fingerprint
from ingest.discover import Discovery, discover, source_text
from ingest.embed_ahead import PART_CHUNKS, EmbedAhead, Embedding, Stored
from ingest.executor import IngestExecutor, LocalExecutor
from ingest.failures import parser_name, settled_failures, without_known_failures
from ingest.plan import Plan, Task, make_plan, names_itself
from ingest.read_ahead import could_read_more, read_ahead
from ingest.report import Complaint, IngestEvent, IngestReport, Listener, Stage
from ingest.skipped import keep_passed_over
from rag.aliases import Vectors
from rag.embedding.embedder import Embedder
from rag.library.renames import Move
from rag.library.rows import FailureRecord, passage_key
from rag.library.store import LibraryStore
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
    library: LibraryStore,
    paths: Sequence[Path],
    embedder: Embedder,
    settings: Settings,
    on_event: Listener | None = None,
) -> IngestReport:
    """Bring the library up to date with the notes under `paths`.

    Unchanged notes are not read, damaged ones are read again, and notes that are gone are removed; one bad
    file never stops the rest. After a kill at any instant, the next run does the rest.

    Raises:
        InputError: a path does not exist, or there is no note under any of them; nothing was changed.
        LibraryBusy: another process is writing.
        LibraryMismatch: the library was made by another embedder or chunker.
        LibraryDamaged: the disk is full.
    """
    return ingest_notes(library, discover(paths), embedder, settings, on_event)


def ingest_notes(
    library: LibraryStore,
    discovery: Discovery,
    embedder: Embedder,
    settings: Settings,
    on_event: Listener | None = None,
    executor: IngestExecutor | None = None,
) -> IngestReport:
    """Ingest found notes: paths are checked before a library or a model is opened.

    Without an `executor` this machine reads and embeds.

    Raises:
        LibraryBusy, LibraryMismatch, LibraryDamaged: as there.
    """
    from rag.search.index import keep_index

    with library.writing():
        library.bind(embedder.fingerprint, embedder.dim, chunker_fingerprint(settings.chunk))
        library.mend({source_text(file.source) for file in discovery.files})
        run = _Run(library, embedder, settings, on_event, executor)
        done = run.execute(discovery)
        run.report(Stage.INDEXING)
        library.keep_words()
        keep_index(library)
        run.report(Stage.DONE)
        return replace(done, seconds=run.seconds)


class _Run:
    """One ingest while it runs: the counters and what waits to be embedded."""

    def __init__(
        self,
        library: LibraryStore,
        embedder: Embedder,
        settings: Settings,
        on_event: Listener | None,
        executor: IngestExecutor | None,
    ) -> None:
        self._library = library
        self._embedder = embedder
        self._settings = settings
        self._listen = on_event
        self._executor = executor
        self._started = time.monotonic()
        self._files_total = self._files_done = 0
        self._chunks_known = self._chunks_done = self._added = self._updated = 0
        self._failures: list[FailureRecord] = []
        self._failed: list[Complaint] = []
        self._warnings: list[Complaint] = []
        self._gone: dict[str, str] = {}
        self._parser = parser_name(settings.ingest)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def report(self, stage: Stage, path: str = "", reason: str = "") -> None:
        """Report a step to the listener."""
        if self._listen is not None:
            totals = (self._files_done, self._files_total, self._chunks_done, self._chunks_known)
            self._listen(IngestEvent(stage, *totals, self.seconds, path, reason))

    def execute(self, discovery: Discovery) -> IngestReport:
        """Do all but the FAISS file."""
        plan = make_plan(
            discovery, self._library.documents(), partial(could_read_more, settings=self._settings.ingest)
        )
        self._files_total = len(discovery.files) + len(discovery.unreadable)
        self._gone = {record.path: record.source for record in plan.gone}
        self.report(Stage.FOUND)
        for entry in discovery.unreadable:
            self._failures.append(
                FailureRecord(source_text(entry.source), entry.name, entry.reason, 0, 0, "")
            )
            self._complain(entry.name, entry.reason)
        self._settle(plan)
        self._move(plan)
        left, known = without_known_failures(plan.read, self._library, self._parser)
        for task, old in known:
            self._fail(task, old.reason, old.parser)
        self._read_and_save(left)
        self._library.record_failures(self._failures, forget=settled_failures(self._library, discovery))
        for path, source in self._gone.items():
            self._library.remove_document(path, source=source)
            self.report(Stage.REMOVED, path)
        keep_passed_over(self._library.folder, discovery.skipped, whole=bool(discovery.folders))
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
        """Store new time stamps of files that need not be read."""
        for task in plan.unchanged:
            known, file = task.known, task.file
            if known is not None and (known.mtime_ns, known.size_bytes) != (file.mtime_ns, file.size_bytes):
                self._library.touch_document(
                    known.path, size_bytes=file.size_bytes, mtime_ns=file.mtime_ns, source=known.source
                )
            self._files_done += 1
            self.report(Stage.UNCHANGED, task.name)

    def _move(self, plan: Plan) -> None:
        """Give moved documents their new names, all at once.

        One may get the old name of another, so a gone document with such a name is removed first.
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
                self.report(Stage.SAVED, task.name)

    def _read_and_save(self, tasks: Sequence[Task]) -> None:
        """Read, cut, embed and save; embed the next documents while saving the last."""
        if not tasks:
            return
        given = self._executor
        with nullcontext(given) if given else LocalExecutor(self._settings, self._embedder) as executor:
            self._run_on(executor, tasks)

    def _run_on(self, executor: IngestExecutor, tasks: Sequence[Task]) -> None:
        # `start` comes first, so that it never waits for the disk, and gets what is not in the library yet.
        ahead = EmbedAhead(self._library, executor.embed)
        waiting: deque[tuple[Sequence[_Cut], Embedding]] = deque()
        for cuts in self._batches(tasks, executor):
            chunks = (chunk for cut in cuts for chunk in cut.chunks)
            waiting.append((cuts, ahead.start(chunks, [embedding for _, embedding in waiting])))
            if len(waiting) > executor.batches_ahead:
                self._save(*waiting.popleft())
        while waiting:
            self._save(*waiting.popleft())

    def _batches(self, tasks: Sequence[Task], executor: IngestExecutor) -> Iterator[list[_Cut]]:
        """Yield documents cut into passages, enough at once to be worth embedding.

        What cannot be read is reported.
        """
        waiting: list[_Cut] = []
        for outcome in read_ahead(tasks, executor.read, executor.notes_ahead):
            if outcome.document is None:
                self._fail(outcome.task, outcome.reason, self._parser if outcome.verdict else "")
                continue
            self._chunks_known += len(outcome.chunks)
            waiting.append(_Cut(outcome.task, outcome.document, outcome.chunks))
            self.report(Stage.READ, outcome.task.name)
            if sum(len(cut.chunks) for cut in waiting) >= PART_CHUNKS:
                yield waiting
                waiting = []
        if waiting:
            yield waiting

    def _fail(self, task: Task, reason: str, parser: str) -> None:
        """Count a file that could not be read.

        With an empty `parser` it is tried again whether it changed or not.
        """
        file = task.file
        self._failures.append(
            FailureRecord(source_text(file.source), task.name, reason, file.size_bytes, file.mtime_ns, parser)
        )
        self._complain(task.name, reason if task.known is None else reason + _KEPT)

    def _complain(self, name: str, reason: str) -> None:
        self._failed.append(Complaint(name, reason))
        self._files_done += 1
        self.report(Stage.FAILED, name, reason)

    def _save(self, batch: Sequence[_Cut], embedding: Embedding) -> None:
        """Wait for the vectors of a batch, then save each document in a transaction."""
        ready: Stored = {}
        for count, found in embedding.finished():
            ready.update(found)
            self._chunks_done += count
            self.report(Stage.EMBEDDED)
        late = {passage_key(chunk) for cut in batch for chunk in cut.chunks} - ready.keys()
        ready.update(self._library.embeddings(list(late)))  # made for a batch before this one
        self._chunks_done += len(late)
        for cut in batch:
            rows = [ready[passage_key(chunk)] for chunk in cut.chunks]
            empty = np.empty((0, self._embedder.dim), np.float32)
            vectors = np.stack([row[0] for row in rows]) if rows else empty
            self._save_one(cut, vectors, [row[1] for row in rows])

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
        self._warnings += [Complaint(cut.task.name, str(one), one) for one in cut.document.warnings]
        self._files_done += 1
        if known is None:
            self._added += 1
        elif known.source == source_text(file.source):
            self._updated += 1
        self.report(Stage.SAVED, cut.task.name)
