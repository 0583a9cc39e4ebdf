"""All pages of a teacher, added to the web app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ui.teacher.evaluate_pages import add_evaluate_pages
from ui.teacher.golden_pages import add_golden_pages
from ui.teacher.model_pages import add_model_pages
from ui.teacher.monitor_pages import add_monitor_pages

if TYPE_CHECKING:
    from fastapi import FastAPI

    from ui.web.courses.desks import CourseDesks, PerCourse
    from ui.web.personal import Personal


def add_teacher_pages(app: FastAPI, desks: CourseDesks, personal: PerCourse[Personal], local: bool) -> None:
    """Add the pages; on a `local` server files of the machine may be named."""
    add_golden_pages(app, desks, personal)
    add_evaluate_pages(app, desks, local)
    add_monitor_pages(app, desks)
    add_model_pages(app, desks, local)
