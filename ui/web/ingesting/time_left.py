"""The time that an ingest still takes, from its pace so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.report import IngestEvent

_LEAST_SECONDS, _LEAST_SHARE = 3.0, 0.04
"""Time and share of the work from which the pace is known. Chosen, not measured."""


class TimeLeft:
    """Estimate of the time left, by passages.

    Files that had not changed take no time, so the pace is counted from the first one that was read. Files are read ahead
    of their passages: those that were read show how many passages the others will have.
    """

    def __init__(self) -> None:
        self._start: tuple[float, int] | None = None
        self._read = 0

    def after(self, event: IngestEvent) -> float | None:
        """Return the seconds left after an event, None while the pace is not known."""
        from ingest.report import Stage

        if event.stage in (Stage.FOUND, Stage.UNCHANGED) or self._start is None:
            self._start = (event.seconds, event.files_done)
            return None
        self._read += event.stage is Stage.READ
        since, before = self._start
        took, done = event.seconds - since, event.files_done - before
        work = event.files_total - before
        if took < _LEAST_SECONDS or work <= 0 or done / work < _LEAST_SHARE:
            return None
        if self._read and event.chunks_done:
            passages = event.chunks_known * work / self._read
            return took * max(passages - event.chunks_done, 0.0) / event.chunks_done
        return took * (work - done) / done
