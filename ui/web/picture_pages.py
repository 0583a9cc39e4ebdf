"""The pictures of the notes, at the addresses that the source viewer made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.responses import Response

from ui.web.courses.path import course_in
from ui.web.forms import person_of
from ui.web.language import gettext as _
from ui.web.note_pictures import ADDRESS

if TYPE_CHECKING:
    from ui.web.courses.desks import PerCourse
    from ui.web.personal import Personal


def add_pictures(app: FastAPI, personal: PerCourse[Personal]) -> None:
    """Add the pictures that a person's page shows, at `/lectern/picture/KEY`."""

    @app.get(f"/{ADDRESS}{{key}}", include_in_schema=False)
    def picture(key: str, request: Request) -> Response:
        found = personal.of(course_in(request.scope)).chat(person_of(request)).reading.picture(key)
        if found is None:
            return Response(_("There is no such picture."), status_code=404, media_type="text/plain")
        headers = {"cache-control": "private, max-age=600", "content-disposition": "inline"}
        return Response(found.content, media_type=found.media_type, headers=headers)
