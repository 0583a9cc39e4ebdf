"""The page Evaluate: runs on a golden set, alone and beside each other."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from eval.golden.golden_file import read_golden
from eval.runs import MANIFEST, Run, read_run
from rag.errors import InputError, LecternError
from rag.library.backup import GOLDEN
from rag.system.atomic_write import write_text
from ui.teacher.job import Job
from ui.teacher.rendering import teacher_page
from ui.teacher.run_views import RunLine, compared, failures, line_of, plot_of
from ui.teacher.words import KINDS, kind_words
from ui.web.courses.desks import CourseDesks, PerCourse
from ui.web.courses.path import course_in
from ui.web.forms import form_of, go_to
from ui.web.language import gettext as _

if TYPE_CHECKING:
    from eval.records import Record
    from ui.web.desk import Desk

ADDRESS = "/lectern/evaluate"
RUNS = "runs"
"""Folder of a library with its kept runs, each as `--run-dir` writes it."""
_GOLDEN_PATH = ".golden"
"""Ending of the file beside a run with the path of its golden file."""
_NAME = re.compile(r"[\w-]{1,80}")


def add_evaluate_pages(app: FastAPI, desks: CourseDesks, local: bool) -> None:
    """Add `/lectern/evaluate` with its runs.

    On a `local` server another golden file may be named.
    """
    of = PerCourse(desks, lambda desk: _Runs(desk, local))

    def runs_of(request: Request) -> _Runs:
        return of.of(course_in(request.scope))

    @app.get(ADDRESS, include_in_schema=False)
    def overview(request: Request) -> Response:
        return _overview(request, runs_of(request))

    @app.post(ADDRESS, include_in_schema=False)
    async def start(request: Request) -> Response:
        fields = await form_of(request)
        try:
            await run_in_threadpool(runs_of(request).start, fields.get("kind", ""), fields.get("golden", ""))
        except LecternError as exc:
            return _overview(request, runs_of(request), status=400, problem=str(exc))
        return go_to(request.scope.get("root_path", "") + ADDRESS)

    @app.get(f"{ADDRESS}/progress", include_in_schema=False)
    def progress(request: Request) -> Response:
        return teacher_page(request, "job", progress=runs_of(request).job.progress, address=ADDRESS)

    @app.post(f"{ADDRESS}/cancel", include_in_schema=False)
    async def cancel(request: Request) -> Response:
        await form_of(request)
        runs_of(request).job.cancel()
        return go_to(request.scope.get("root_path", "") + ADDRESS)

    @app.get(f"{ADDRESS}/run/{{name}}", include_in_schema=False)
    def one_run(request: Request, name: str, beside: str = "") -> Response:
        runs = runs_of(request)
        run = runs.read(name)
        other = runs.read(beside) if beside else None
        values: dict[str, Any] = {
            "run": run,
            "line": line_of(run),
            "plot": plot_of(run),
            "failures": failures(run),
            "others": [
                one for one in runs.lines() if one.name != name and one.kind == run.manifest.get("kind")
            ],
            "other": other,
            "comparisons": compared(other, run) if other else [],
        }
        return teacher_page(request, "run", **values)

    @app.post(f"{ADDRESS}/run/{{name}}", include_in_schema=False)
    async def change_run(request: Request, name: str) -> Response:
        fields = await form_of(request)
        try:
            runs = runs_of(request)
            work = runs.delete if fields.get("do") == "delete" else runs.go_on
            await run_in_threadpool(work, name)
        except LecternError as exc:
            return _overview(request, runs_of(request), status=400, problem=str(exc))
        return go_to(request.scope.get("root_path", "") + ADDRESS)


def _overview(request: Request, runs: _Runs, *, status: int = 200, problem: str = "") -> Response:
    golden, wrong = runs.golden_count()
    values: dict[str, Any] = {
        "progress": runs.job.progress,
        "address": ADDRESS,
        "runs": runs.lines(),
        "golden_file": str(runs.golden),
        "golden_count": golden,
        "problem": problem or wrong,
        "local": runs.local,
    }
    return teacher_page(request, "evaluate", status=status, **values)


class _Runs:
    """The kept runs of a library, and the one under way."""

    def __init__(self, desk: Desk, local: bool) -> None:
        self._desk = desk
        self.local = local
        self.job = Job()
        self.golden = desk.library.folder / GOLDEN
        self._folder = desk.library.folder / RUNS

    def golden_count(self) -> tuple[int, str]:
        """Return the number of golden questions, and why they cannot be read."""
        if not self.golden.is_file():
            return 0, ""
        try:
            return len(read_golden(self.golden)), ""
        except LecternError as exc:
            return 0, str(exc)

    def lines(self) -> list[RunLine]:
        """Return the kept runs, the newest first; one that cannot be read is left out."""
        found = []
        for folder in sorted(self._folder.glob("*"), reverse=True):
            if (folder / MANIFEST).is_file():
                try:
                    found.append(line_of(read_run(folder)))
                except LecternError as exc:
                    found.append(RunLine(folder.name, "", "", 0, 0, problem=str(exc)))
        return found

    def read(self, name: str) -> Run:
        """Return a kept run.

        Raises:
            DatasetError: there is none of that name, or it is damaged.
        """
        return read_run(self._place(name))

    def start(self, kind: str, golden: str = "") -> None:
        """Begin a run on the library's golden questions, or on a named file.

        Raises:
            InputError: there is no such kind or file, or a run is under way.
            DatasetError: the golden file cannot be read.
        """
        if kind not in KINDS:
            raise InputError(_("%(kind)s is neither retrieval nor answers.", kind=repr(kind)))
        file = Path(golden.strip()).expanduser() if golden.strip() and self.local else self.golden
        if file == self.golden and not file.is_file():
            raise InputError(
                _(
                    "This library has no golden questions yet. Correct an answer on the page Ask (“Was this right?”), or copy a golden file to %(file)s.",
                    file=self.golden,
                )
            )
        questions = read_golden(file)
        self._folder.mkdir(exist_ok=True)
        name = self._free_name(kind)
        write_text(self._folder / f"{name}{_GOLDEN_PATH}", str(file.resolve()))
        self._start(kind, file, self._folder / name, len(questions))

    def go_on(self, name: str) -> None:
        """Go on with a run that was stopped or killed.

        Raises:
            LecternError: it cannot be read, or its golden file is gone.
        """
        run = self.read(name)
        kept = self._folder / f"{name}{_GOLDEN_PATH}"
        file = Path(kept.read_text(encoding="utf-8")) if kept.is_file() else self.golden
        self._start(str(run.manifest.get("kind")), file, run.folder, len(read_golden(file)))

    def delete(self, name: str) -> None:
        """Delete a kept run."""
        shutil.rmtree(self._place(name))
        (self._folder / f"{name}{_GOLDEN_PATH}").unlink(missing_ok=True)

    def _start(self, kind: str, golden: Path, folder: Path, total: int) -> None:
        from ui.measure.golden_runs import measure_answers, measure_retrieval

        done = 0

        def ready(record: Record) -> None:
            nonlocal done
            done += 1
            self.job.step(done, total)

        def work() -> None:
            self._desk.embedder()  # the models may still be loading
            self.job.step(0, total)
            if kind == "retrieval":
                measure_retrieval(self._desk.application, golden, folder, ready)
            else:
                self._desk.loaded()
                measure_answers(self._desk.application, golden, folder, on_record=ready)

        title = _("%(kind)s on %(file)s", kind=kind_words(kind), file=golden.name)
        self.job.start(title, _("questions"), work)

    def _free_name(self, kind: str) -> str:
        """Return the time and the kind, numbered when a run of this second has that name."""
        name = f"{datetime.now(UTC):%Y-%m-%d-%H%M%S}-{kind}"
        numbered = (f"{name}-{number}" for number in count(2))
        return next(one for one in chain((name,), numbered) if not (self._folder / one).exists())

    def _place(self, name: str) -> Path:
        folder = self._folder / name
        if not _NAME.fullmatch(name) or not folder.is_dir():
            raise InputError(
                _("There is no run %(name)s. The page Evaluate lists those that are kept.", name=repr(name))
            )
        return folder
