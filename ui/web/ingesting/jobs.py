"""Ingests as jobs of a course, which every tab can follow and cancel.

A reload or a second tab shows the job as it is. Jobs of a course run one after another, because one writes at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import LecternError
from ui.web.feed import Feed
from ui.web.ingesting.time_left import TimeLeft
from ui.web.kept_uploads import Waiting
from ui.web.language import gettext as _

if TYPE_CHECKING:
    from ingest.report import IngestEvent, IngestReport, Listener

_LOOK_SECONDS = 0.2


class JobStage(StrEnum):
    """The stage of an ingest job."""

    QUEUED = "queued"
    OPENING = "opening"
    READING = "reading"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class JobState:
    """An ingest job as it is now.

    `event` is its last step and `left_seconds` the time that it still takes, None while that is not known. `report` is there
    at the end, `error` if it failed.
    """

    stage: JobStage = JobStage.QUEUED
    event: IngestEvent | None = None
    left_seconds: float | None = None
    report: IngestReport | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """The work of a job: the paths, and where names of single files begin.

    `waiting` are uploaded files that a person still has to decide about.
    """

    paths: tuple[Path, ...]
    below: Path | None = None
    waiting: tuple[Waiting, ...] = ()


class IngestCancelled(Exception):
    """The person cancelled the ingest; it is no error."""


Work = Callable[["Request", "Listener"], "IngestReport"]


class Job(Feed[JobState]):
    """One ingest. Safe to use from any thread."""

    def __init__(self, request: Request) -> None:
        super().__init__(JobState())
        self.request = request
        self.cancelled = threading.Event()


class IngestJobs:
    """The ingests of a course, one at a time. Safe to use from any thread."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._latest: Job | None = None

    @property
    def latest(self) -> Job | None:
        """The job that was started last, None before the first."""
        return self._latest

    def start(self, request: Request, *, quiet: bool = False) -> Job:
        """Start an ingest in a thread of its own.

        A `quiet` one is not shown to anyone unless it is followed.
        """
        job = Job(request)
        if not quiet:
            with self._lock:
                self._latest = job
        threading.Thread(target=self._run, args=(job,), name="lectern-ingest", daemon=True).start()
        return job

    def show(self, job: Job) -> None:
        """Make a quiet job the one that tabs show, unless another is under way."""
        with self._lock:
            if self._latest is None or self._latest.ended:
                self._latest = job

    def cancel(self) -> None:
        """Cancel the job under way; what it saved stays."""
        if (job := self._latest) is not None:
            job.cancelled.set()

    def dismiss(self) -> None:
        """Forget the result of the last job."""
        with self._lock:
            if self._latest is not None and self._latest.ended:
                self._latest = None

    def _run(self, job: Job) -> None:
        try:
            self._wait(job)
            try:
                job.publish(replace(job.value, stage=JobStage.OPENING))
                report = self._work(job.request, self._listener(job))
            finally:
                self._turn.release()
            job.publish(replace(job.value, stage=JobStage.DONE, report=report))
        except IngestCancelled:
            job.publish(replace(job.value, stage=JobStage.CANCELLED))
        except LecternError as exc:
            job.publish(replace(job.value, stage=JobStage.FAILED, error=str(exc)))
        except Exception as exc:  # noqa: BLE001 - a bug must end as a message on the page too, not as an endless wait
            reason = f"{type(exc).__name__}: {exc}"
            error = _("The notes could not be read (%(error)s). Run: lectern doctor", error=reason)
            job.publish(replace(job.value, stage=JobStage.FAILED, error=error))
        finally:
            job.end()

    def _wait(self, job: Job) -> None:
        while not self._turn.acquire(timeout=_LOOK_SECONDS):
            if job.cancelled.is_set():
                raise IngestCancelled

    def _listener(self, job: Job) -> Listener:
        time_left = TimeLeft()

        def listen(event: IngestEvent) -> None:
            if job.cancelled.is_set():
                raise IngestCancelled
            left = time_left.after(event)
            job.publish(replace(job.value, stage=JobStage.READING, event=event, left_seconds=left))

        return listen
