"""What happens to the notes when somebody adds or removes some: ingest in the background, its progress as HTML.

Uploads are copied into the library's own `uploads` folder first, so that they can be read again when the embedding model or
the chunker changes; a folder is read where it is.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from queue import SimpleQueue
from typing import TYPE_CHECKING

from rag.errors import InputError, LecternError
from ui.web.batches import Batches
from ui.web.desk import Desk
from ui.web.notes_view import (
    library_html,
    notice_html,
    problem_html,
    progress_html,
    report_html,
    waiting_html,
)

if TYPE_CHECKING:
    from ingest.report import IngestEvent, IngestReport

UPLOADS = "uploads"


@dataclass(frozen=True, slots=True)
class NoteView:
    """What to show next; None leaves a part as it is."""

    progress: str | None = None
    library: str | None = None


class NoteEvents:
    """The events of the notes panel, for every tab."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def library(self) -> str:
        """What is in the library."""
        return library_html(self._desk.library.documents(), self._desk.library.failures())

    def upload(self, files: Sequence[str]) -> Iterator[NoteView]:
        """The views of an upload: every file kept in the library's folder, then ingested."""
        if not files:
            return
        try:
            kept = [self._kept(Path(file)) for file in files]
        except OSError as exc:
            yield NoteView(
                problem_html(
                    f"The files could not be kept in {self._uploads} ({exc.strerror}). Nothing was added."
                )
            )
            return
        yield from self._ingest(kept)

    def add_folder(self, folder: str) -> Iterator[NoteView]:
        """The views of a folder (or file) of this machine being ingested."""
        try:
            path = _folder(folder)
        except InputError as exc:
            yield NoteView(problem_html(str(exc)))
            return
        yield from self._ingest([path])

    def remove(self, document: str) -> Iterator[NoteView]:
        """The views of a document being taken out; a file that was uploaded is deleted, any other stays where it is."""
        try:
            sources = [record.source for record in self._desk.library.documents() if record.path == document]
            removed = self._desk.library.remove_document(document)
        except LecternError as exc:
            yield NoteView(problem_html(str(exc)), self.library())
            return
        for source in sources:
            if Path(source).parent == self._uploads:
                with suppress(FileNotFoundError):
                    Path(source).unlink()
        said = f"{document} was taken out." if removed else f"{document} is not in the library any more."
        yield NoteView(notice_html(said), self.library())

    @property
    def _uploads(self) -> Path:
        return self._desk.library.folder.resolve() / UPLOADS

    def _kept(self, file: Path) -> Path:
        """The uploaded file's copy in the library, under its own name; one of the same name is replaced."""
        self._uploads.mkdir(parents=True, exist_ok=True)
        kept = self._uploads / _safe_name(file.name)
        partial = kept.with_name(f".{kept.name}.part")
        shutil.copyfile(file, partial)
        partial.replace(kept)
        return kept

    def _ingest(self, paths: Sequence[Path]) -> Iterator[NoteView]:
        yield NoteView(waiting_html("Reading the notes…"))
        try:
            for events in Batches(lambda: self._events(paths), threading.Event(), interval_seconds=0.2):
                yield self._after(events[-1])
        except LecternError as exc:
            yield NoteView(problem_html(str(exc)), self.library())

    def _after(self, event: IngestEvent | IngestReport) -> NoteView:
        from ingest.report import IngestReport

        if isinstance(event, IngestReport):
            return NoteView(report_html(event), self.library())
        return NoteView(progress_html(event))

    def _events(self, paths: Sequence[Path]) -> Iterator[IngestEvent | IngestReport]:
        """The events of an ingest as it goes, its report last."""
        from ingest.pipeline import ingest_paths

        events: SimpleQueue[IngestEvent | None] = SimpleQueue()
        outcome: Future[IngestReport] = Future()

        def work() -> None:
            try:
                embedder = self._desk.embedder()
                outcome.set_result(
                    ingest_paths(self._desk.library, paths, embedder, self._desk.settings, events.put)
                )
            except BaseException as exc:  # noqa: BLE001 - raised again by `result`
                outcome.set_exception(exc)
            events.put(None)

        threading.Thread(target=work, name="lectern-ingest", daemon=True).start()
        while (event := events.get()) is not None:
            yield event
        yield outcome.result()


def _safe_name(name: str) -> str:
    """The last part of a file name, without what no file system likes."""
    kept = "".join(
        c for c in PurePath(name.replace("\\", "/")).name if c.isprintable() and c not in '<>:"|?*'
    )
    return kept.lstrip(".") or "note.txt"


def _folder(folder: str) -> Path:
    """The path that was typed.

    Raises:
        InputError: nothing was typed, or nothing is there.
    """
    if not folder.strip():
        raise InputError(
            "No folder was given. Type the path of a folder with notes, for example /home/me/course."
        )
    path = Path(folder.strip()).expanduser()
    if not path.exists():
        raise InputError(f"{path} is not there. Type the full path of a folder on this machine.")
    return path.resolve()
