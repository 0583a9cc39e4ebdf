"""The page Monitor: what was asked, what was refused, what changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from markupsafe import Markup

from rag.errors import LecternError
from ui.accounts.store import AccountStore
from ui.measure.monitoring import monitored
from ui.question_logging import question_log
from ui.teacher.rendering import teacher_page
from ui.web.courses.desks import CourseDesks
from ui.web.courses.path import course_in
from ui.web.forms import form_of, go_to
from ui.web.language import gettext as _
from ui.web.language import number

if TYPE_CHECKING:
    from eval.monitoring.monitor import MonitorReport
    from rag.library.question_log import LoggedQuestion

ADDRESS = "/lectern/monitor"
_MOST_SHOWN = 200
"""Questions whose seconds are drawn, the last ones."""
_MOST_LISTED = 50


def add_monitor_pages(app: FastAPI, desks: CourseDesks) -> None:
    """Add `/lectern/monitor` and its forms."""
    accounts = AccountStore(desks.first.library.folder)

    @app.get(ADDRESS, include_in_schema=False)
    def monitor_page(request: Request, since: str = "") -> Response:
        desk = desks.desk(course_in(request.scope))
        settings, log = desk.settings, question_log(desk.library.folder, desk.settings)
        problem, report = "", None
        try:
            report = monitored(desk.application, since)
        except LecternError as exc:
            problem = str(exc)
        asked = log.questions(since if report else "")[-_MOST_SHOWN:]
        values: dict[str, Any] = {
            "report": report,
            "problem": problem,
            "since": since,
            "log": log,
            "asked": list(reversed(asked))[:_MOST_LISTED],
            "names": _names(accounts) if settings.log.names else {},
            "shows_names": settings.log.names,
            "plots": _plots(report, asked) if report else {},
        }
        return teacher_page(request, "monitor", **values)

    @app.post(f"{ADDRESS}/log", include_in_schema=False)
    async def change_log(request: Request) -> Response:
        fields = await form_of(request)
        desk = desks.desk(course_in(request.scope))
        log = question_log(desk.library.folder, desk.settings)
        if fields.get("do") == "delete":
            await run_in_threadpool(log.delete_all)
        else:
            await run_in_threadpool(log.switch, fields.get("do") == "on")
        return go_to(request.scope.get("root_path", "") + ADDRESS)


def _names(accounts: AccountStore) -> Mapping[str, str]:
    return {account.person.id: account.person.name for account in accounts.all()}


def _plots(report: MonitorReport, asked: Sequence[LoggedQuestion]) -> dict[str, Markup]:
    """Return the plots: refusals with 95 % intervals by lecture, and seconds."""
    from eval.metrics.intervals import bootstrap_interval
    from eval.report.report_plots import histogram, interval_plot

    rows = []
    for name, counts in report.lectures.items():
        refused = bootstrap_interval([1.0] * counts.refused + [0.0] * (counts.questions - counts.refused))
        rows.append(
            (
                name,
                refused.mean,
                refused.low,
                refused.high,
                _("%(done)s of %(n)s", done=number(counts.refused), n=number(counts.questions)),
            )
        )
    return {
        "refused": interval_plot(rows, _("Refused, by lecture")) if rows else Markup(),
        "seconds": histogram([one.seconds for one in asked], _("Seconds until the whole answer"), "s"),
    }
