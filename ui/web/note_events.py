"""The events of the notes panel: an ingest in the background and its progress.

Uploads are copied into the library's own `uploads` folder first, so that they can be read again when the embedding model or
the chunker changes; a folder is read where it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from ingest.discover import source_path
from rag.errors import InputError, LecternError
from ui.web.desk import Desk
from ui.web.example_course import example_course
from ui.web.ingesting.failures import Failures
from ui.web.ingesting.jobs import IngestJobs, Job, JobStage, JobState, Request
from ui.web.ingesting.watching import WatchedFolders
from ui.web.kept_uploads import KeptUploads
from ui.web.language import gettext as _
from ui.web.uploads import uploaded_file
from ui.web.views.notes_view import (
    library_html,
    notice_html,
    problem_html,
    progress_html,
    result_html,
    taken_names_html,
    watched_html,
)

if TYPE_CHECKING:
    from ingest.report import IngestReport, Listener

UPLOADS = "uploads"
_SHOWN_SECONDS = 0.5
"""Time for which a step of the progress is shown.

A button that is drawn anew under the pointer takes no click.
"""


@dataclass(frozen=True, slots=True)
class NoteView:
    """The parts of the panel to change; None leaves a part as it is."""

    progress: Markup | None = None
    library: Markup | None = None
    watched: Markup | None = None


class NoteEvents:
    """The events of the notes panel, for every tab.

    The browser's files arrive in the folder `incoming`; nothing outside it is taken for an upload.
    """

    def __init__(self, desk: Desk, incoming: Path) -> None:
        self._desk = desk
        self._incoming = incoming
        self._jobs = IngestJobs(self._work)
        self._failures = Failures(desk.library)
        self._uploads = KeptUploads(desk.library.folder.resolve() / UPLOADS, incoming)
        self._watched = WatchedFolders(desk.library.folder, self._changed)
        self._watched.resume()
        self._following: set[tuple[str, Job]] = set()

    def library(self) -> Markup:
        """Return the documents of the library."""
        return library_html(self._desk.library.documents(), self._failures.listed())

    def watched(self) -> Markup:
        """Return the folders that are watched."""
        return watched_html([(str(folder), folder.is_dir()) for folder in self._watched.folders()])

    def follow(self, session: str) -> Iterator[NoteView]:
        """Yield the views of the ingest under way, or the result of the last one.

        A tab that follows it already gets nothing twice.
        """
        yield NoteView(library=self.library())
        job = self._jobs.latest
        if job is None or (session, job) in self._following:
            return
        self._following.add((session, job))
        try:
            yield from self._followed(job)
        finally:
            self._following.discard((session, job))

    def cancel(self) -> None:
        """Cancel the ingest under way."""
        self._jobs.cancel()

    def dismiss_result(self) -> NoteView:
        """Clear the result of the last ingest."""
        self._jobs.dismiss()
        return NoteView(Markup())

    def resume(self) -> Iterator[NoteView]:
        """Yield the views of a cancelled ingest that goes on."""
        job = self._jobs.latest
        if job is not None and job.ended:
            yield from self._ingest(job.request)

    def upload(self, files: Sequence[str]) -> Iterator[NoteView]:
        """Yield the views of an upload: every file is kept in the library, then ingested."""
        if not files:
            return
        try:
            uploaded = [uploaded_file(file, self._incoming) for file in files]
            kept, waiting = self._uploads.keep(uploaded)
        except InputError as exc:
            yield NoteView(problem_html(str(exc)))
            return
        except OSError as exc:
            yield NoteView(
                problem_html(
                    _(
                        "The files could not be kept in %(folder)s (%(why)s). Nothing was added.",
                        folder=self._uploads.folder,
                        why=exc.strerror,
                    )
                )
            )
            return
        yield from self._ingest(Request(tuple(kept), self._uploads.folder, tuple(waiting)))

    def decide(self, token: str, *, replace: bool) -> Iterator[NoteView]:
        """Yield the views after a person decided about a file of a name that is taken.

        With `replace` it takes the place of the earlier one, else both are kept.
        """
        try:
            kept, waiting = self._uploads.decide(token, replace=replace)
        except (InputError, OSError) as exc:
            reason = (
                str(exc)
                if isinstance(exc, InputError)
                else _("The file could not be kept (%(why)s).", why=exc.strerror)
            )
            yield NoteView(problem_html(reason))
            return
        yield from self._ingest(Request((kept,), self._uploads.folder, tuple(waiting)))

    def add_folder(self, folder: str) -> Iterator[NoteView]:
        """Yield the views of an ingest of a folder or file of this machine."""
        try:
            path = _folder(folder)
        except InputError as exc:
            yield NoteView(problem_html(str(exc)))
            return
        yield from self._ingest(Request((path,)))

    def watch(self, folder: str) -> Iterator[NoteView]:
        """Yield the views of an ingest of a folder that is watched from now on."""
        try:
            path = _folder(folder)
            self._watched.watch(path)
        except InputError as exc:
            yield NoteView(problem_html(str(exc)))
            return
        yield NoteView(watched=self.watched())
        yield from self._ingest(Request((path,)))

    def unwatch(self, folder: str) -> NoteView:
        """Watch a folder no longer.

        Raises:
            InputError: the list of folders cannot be kept.
        """
        self._watched.unwatch(Path(folder))
        return NoteView(
            notice_html(_("%(folder)s is not watched any more; its notes stay.", folder=folder)),
            watched=self.watched(),
        )

    def retry(self, key: str) -> Iterator[NoteView]:
        """Yield the views of another try to read failed files.

        It is the file of the key, or all without one.
        """
        try:
            requests = self._failures.retry(key)
        except LecternError as exc:
            yield NoteView(problem_html(str(exc)), self.library())
            return
        if not requests:
            message = _("These files are not there any more; they were taken off the list.")
            yield NoteView(notice_html(message), self.library())
        for request in requests:
            yield from self._ingest(request)

    def dismiss(self, key: str) -> NoteView:
        """Show a failed file no longer.

        Raises:
            InputError: the list of dismissed files cannot be kept.
        """
        self._failures.dismiss(key)
        return NoteView(library=self.library())

    def add_example(self) -> Iterator[NoteView]:
        """Yield the views of an ingest of the example course."""
        course = example_course()
        if course is not None:
            yield from self._ingest(Request((course,)))

    def remove(self, document: str) -> Iterator[NoteView]:
        """Yield the views of the removal of a document.

        A file that was uploaded is deleted, any other is kept.
        """
        try:
            sources = [record.source for record in self._desk.library.documents() if record.path == document]
            removed = self._desk.library.remove_document(document)
        except LecternError as exc:
            yield NoteView(problem_html(str(exc)), self.library())
            return
        for source in sources:
            with suppress(FileNotFoundError):
                self._uploads.remove(source_path(source))
        gone = _("%(document)s is not in the library any more.", document=document)
        message = _("%(document)s was taken out.", document=document) if removed else gone
        yield NoteView(notice_html(message), self.library())

    def _ingest(self, request: Request) -> Iterator[NoteView]:
        """Yield the views of an ingest, then the questions about waiting files."""
        if request.paths:
            yield from self._followed(self._jobs.start(request))
        else:
            yield NoteView(taken_names_html(request.waiting), self.library())

    def _followed(self, job: Job) -> Iterator[NoteView]:
        for state in job.values(interval_seconds=_SHOWN_SECONDS):
            yield self._view(job, state)
        if not job.ended:
            yield self._view(job, job.value)

    def _view(self, job: Job, state: JobState) -> NoteView:
        if state.stage in (JobStage.QUEUED, JobStage.OPENING, JobStage.READING):
            return NoteView(progress_html(state, cancelling=job.cancelled.is_set()))
        shown = result_html(state) + taken_names_html(job.request.waiting)
        return NoteView(shown, self.library())

    def _work(self, request: Request, listener: Listener) -> IngestReport:
        """Do an ingest."""
        from ingest.discover import discover
        from ingest.pipeline import ingest_notes

        embedder = self._desk.embedder()
        found = discover(request.paths, below=request.below)
        return ingest_notes(self._desk.library, found, embedder, self._desk.settings, listener)

    def _changed(self, folder: Path) -> None:
        """Read a watched folder again; tabs see it if anything was new."""
        job = self._jobs.start(Request((folder,)), quiet=True)
        for state in job.values():
            event = state.event
            if event is not None and (event.chunks_known or event.files_done < event.files_total):
                self._jobs.show(job)


def _folder(folder: str) -> Path:
    """Return the path that was typed.

    Raises:
        InputError: nothing was typed, or nothing is there.
    """
    if not folder.strip():
        raise InputError(
            _("No folder was given. Type the path of a folder with notes, for example /home/me/course.")
        )
    path = Path(folder.strip()).expanduser()
    if not path.exists():
        raise InputError(
            _("%(path)s is not there. Type the full path of a folder on this machine.", path=path)
        )
    return path.resolve()
