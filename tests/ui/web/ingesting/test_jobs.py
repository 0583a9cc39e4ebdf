"""Ingests as jobs: in turn, followed from anywhere, cancelled with what was saved."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ingest.report import IngestEvent, IngestReport, Listener, Stage
from rag.errors import LibraryBusy
from tests.patience import PATIENCE_SECONDS
from ui.web.ingesting.jobs import IngestJobs, JobStage, Request
from ui.web.ingesting.time_left import TimeLeft

REPORT = IngestReport(1, 0, 0, 0, 0, (), (), (), 1, 1, 0.1)


def event(done: int, seconds: float = 0.0, stage: Stage = Stage.SAVED, total: int = 10) -> IngestEvent:
    return IngestEvent(stage, done, total, 0, 0, seconds)


class Gate:
    """Work that reports a file whenever it is let through."""

    def __init__(self) -> None:
        self.began = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)
        self.requests: list[Request] = []

    def __call__(self, request: Request, listen: Listener) -> IngestReport:
        self.requests.append(request)
        self.began.release()
        for done in (1, 2):
            assert self.go_on.acquire(timeout=PATIENCE_SECONDS)
            listen(event(done))
        return REPORT


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def jobs(gate: Gate) -> IngestJobs:
    return IngestJobs(gate)


def request(name: str = "notes") -> Request:
    return Request((Path(name),))


def test_everyone_follows_a_job_from_where_it_is_to_its_report(jobs: IngestJobs, gate: Gate) -> None:
    job = jobs.start(request())
    assert gate.began.acquire(timeout=PATIENCE_SECONDS)
    assert next(iter(job.values())).stage is JobStage.OPENING
    gate.go_on.release(2)
    (first, second) = (list(job.values())[-1] for _ in range(2))
    assert first == second
    assert (first.stage, first.report, first.event) == (JobStage.DONE, REPORT, event(2))
    assert jobs.latest is job
    jobs.dismiss()
    assert jobs.latest is None


def test_jobs_of_a_course_wait_for_each_other(jobs: IngestJobs, gate: Gate) -> None:
    first, second = jobs.start(request("one")), jobs.start(request("two"))
    assert gate.began.acquire(timeout=PATIENCE_SECONDS)
    assert second.value.stage is JobStage.QUEUED
    gate.go_on.release(4)
    assert [state.stage for state in second.values()][-1] is JobStage.DONE
    assert first.ended
    assert [each.paths[0].name for each in gate.requests] == ["one", "two"]


def test_a_cancelled_job_ends_with_what_was_done(jobs: IngestJobs, gate: Gate) -> None:
    job = jobs.start(request())
    gate.go_on.release()
    for state in job.values():
        if state.event is not None:
            break
    jobs.cancel()
    gate.go_on.release()
    last = list(job.values())[-1]
    assert (last.stage, last.event, last.report) == (JobStage.CANCELLED, event(1), None)


def test_a_job_that_waits_can_be_cancelled(jobs: IngestJobs, gate: Gate) -> None:
    jobs.start(request("one"))
    assert gate.began.acquire(timeout=PATIENCE_SECONDS)
    waiting = jobs.start(request("two"))
    jobs.cancel()
    assert [state.stage for state in waiting.values()][-1] is JobStage.CANCELLED
    gate.go_on.release(2)
    assert len(gate.requests) == 1


@pytest.mark.parametrize(
    ("error", "said"),
    [(LibraryBusy("Another process is writing."), "Another process"), (KeyError("x"), "KeyError: 'x'")],
)
def test_an_error_is_the_end_of_its_job_alone(error: Exception, said: str) -> None:
    outcomes: list[Exception | None] = [error, None]

    def work(_request: Request, _listen: Listener) -> IngestReport:
        if failed := outcomes.pop(0):
            raise failed
        return REPORT

    jobs = IngestJobs(work)
    last = list(jobs.start(request()).values())[-1]
    assert last.stage is JobStage.FAILED
    assert said in last.error
    assert list(jobs.start(request()).values())[-1].report == REPORT


def test_a_quiet_job_is_shown_only_when_it_found_something(jobs: IngestJobs, gate: Gate) -> None:
    quiet = jobs.start(request(), quiet=True)
    assert jobs.latest is None
    jobs.show(quiet)
    assert jobs.latest is quiet
    gate.go_on.release(2)
    list(quiet.values())


def test_the_time_left_counts_from_the_first_file_that_is_read() -> None:
    left = TimeLeft()
    assert left.after(event(0, 0.1, Stage.FOUND)) is None
    assert left.after(event(5, 4.0, Stage.UNCHANGED)) is None
    assert left.after(event(6, 5.0)) is None  # too early
    assert left.after(event(7, 8.0)) == pytest.approx(6.0)  # 2 of 5 files in 4 s
    assert left.after(event(10, 14.0)) == pytest.approx(0.0)


def test_a_file_with_many_passages_does_not_make_the_others_seem_as_long() -> None:
    left = TimeLeft()
    left.after(event(0, 0.0, Stage.FOUND))
    for read in (200, 210, 220, 230, 240):  # the first of five files has most of the passages
        left.after(IngestEvent(Stage.READ, 0, 10, 0, read, 1.0))
    assert left.after(IngestEvent(Stage.SAVED, 1, 10, 200, 240, 10.0)) == pytest.approx(14.0)
    assert left.after(IngestEvent(Stage.SAVED, 5, 10, 480, 480, 24.0)) == pytest.approx(24.0)
