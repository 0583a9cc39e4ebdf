"""The download of study items from the web app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.responses import Response

from rag.study.export import Form, exported
from rag.study.store import StudyStore
from ui.web.courses.path import course_in
from ui.web.forms import person_of
from ui.web.language import gettext as _

if TYPE_CHECKING:
    from ui.web.courses.desks import CourseDesks

_FILES = {
    Form.ANKI: ("lectern.apkg", "application/octet-stream"),
    Form.MOODLE: ("lectern-moodle.xml", "application/xml"),
    Form.GIFT: ("lectern.gift", "text/plain"),
    Form.CSV: ("lectern.csv", "text/csv"),
    Form.MARKDOWN: ("lectern.md", "text/markdown"),
    Form.HTML: ("", "text/html"),
}


def add_study_export(app: FastAPI, desks: CourseDesks) -> None:
    """Add the downloads of all of a person's items but removed ones.

    Their addresses are `/lectern/study/FORM`.
    """

    @app.get("/lectern/study/{form}", include_in_schema=False)
    def export(form: str, request: Request) -> Response:
        if form not in {one.value for one in _FILES}:
            return Response(_("There is no such form."), status_code=404, media_type="text/plain")
        store = StudyStore(person_of(request).folder(desks.desk(course_in(request.scope)).library.folder))
        kept = [one for one in store.kept() if one.reported is None]
        items, approved = [one.item for one in kept], frozenset(one.item.id for one in kept if one.approved)
        if not items:
            return Response(
                _("There are no items yet. Make a quiz first."), status_code=404, media_type="text/plain"
            )
        name, media = _FILES[Form(form)]
        headers = {"content-disposition": f'attachment; filename="{name}"'} if name else {}
        return Response(exported(Form(form), items, "Lectern", approved), media_type=media, headers=headers)
