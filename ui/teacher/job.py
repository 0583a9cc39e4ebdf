"""Work in the background of a page, with progress and cancel."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass, replace

from rag.errors import InputError, LecternError
from ui.web.language import gettext as _
from ui.web.language import number

_log = logging.getLogger("lectern.teacher")


class Cancelled(LecternError):
    """A person stopped the work."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of the work: `done` of `total`, in `unit`.

    Work without a unit has no steps and cannot be stopped. `problem` is the reason why it ended early, `result` the
    sentence of its end.
    """

    title: str = ""
    done: int = 0
    total: int = 0
    unit: str = ""
    running: bool = False
    cancelled: bool = False
    problem: str = ""
    result: str = ""

    @property
    def share(self) -> int:
        """The part that is done, in percent."""
        return min(100, 100 * self.done // self.total) if self.total else 0


class Job:
    """At most one piece of work under way. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._progress = Progress()
        self._stop = threading.Event()

    @property
    def progress(self) -> Progress:
        """The state now."""
        return self._progress

    def start(self, title: str, unit: str, work: Callable[[], object], result: str = "") -> None:
        """Begin work in a thread of its own; it calls `step` as it goes.

        `result` is shown once it has ended. Its words are in the language of the request that began it.

        Raises:
            InputError: something is under way.
        """
        with self._lock:
            if self._progress.running:
                raise InputError(
                    _(
                        "%(work)s is under way. Wait for its end, or cancel it first.",
                        work=self._progress.title,
                    )
                )
            self._progress = Progress(title, unit=unit, running=True)
            self._stop.clear()
        context = copy_context()
        given = (self._work, work, result)
        threading.Thread(target=context.run, args=given, name="lectern-job", daemon=True).start()

    def step(self, done: int, total: int) -> None:
        """Publish the progress.

        Raises:
            Cancelled: a person stopped the work.
        """
        self._progress = replace(self._progress, done=done, total=total)
        if self._stop.is_set():
            raise Cancelled(
                _(
                    "Stopped at %(done)s of %(n)s %(unit)s; what is done is kept.",
                    done=number(done),
                    n=number(total),
                    unit=self._progress.unit,
                )
            )

    def cancel(self) -> None:
        """Stop the work at its next step."""
        self._stop.set()

    def _work(self, work: Callable[[], object], result: str) -> None:
        problem, cancelled = "", False
        try:
            work()
        except Cancelled as exc:
            problem, cancelled = str(exc), True
        except LecternError as exc:
            problem = str(exc)
        except Exception as exc:  # noqa: BLE001 - a bug must end as a sentence on the page, not as an endless wait
            _log.exception("%s failed", self._progress.title)
            error = f"{type(exc).__name__}: {exc}"
            problem = _(
                "That failed unexpectedly (%(error)s). lectern --verbose chat logs more.", error=error
            )
        self._progress = replace(
            self._progress,
            running=False,
            problem=problem,
            cancelled=cancelled,
            result="" if problem else result,
        )
