"""The download of a conversation, and the sentence for an error outside Gradio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.responses import Response

from rag.errors import LecternError
from ui.web.courses.path import course_in
from ui.web.export import EXPORTS, file_name
from ui.web.forms import page, person_of
from ui.web.language import gettext as _

if TYPE_CHECKING:
    from ui.web.courses.desks import PerCourse
    from ui.web.personal import Personal


def add_export(app: FastAPI, personal: PerCourse[Personal]) -> None:
    """Add the download of a person's own conversation.

    Its address is `/lectern/export/CONVERSATION`.
    """

    @app.get("/lectern/export/{conversation}", include_in_schema=False)
    def export(conversation: str, request: Request, form: str = "md") -> Response:
        exchanges = (
            personal.of(course_in(request.scope))
            .chat(person_of(request))
            .conversations.exchanges(conversation)
        )
        if not exchanges or form not in EXPORTS:
            return Response(_("There is no such conversation."), status_code=404, media_type="text/plain")
        written, media_type = EXPORTS[form]
        disposition = f'attachment; filename="{file_name(exchanges, form)}"'
        headers = {"content-disposition": disposition}
        return Response(written(exchanges), media_type=media_type, headers=headers)


def add_errors(app: FastAPI) -> None:
    """Show an expected error of a plain page as its one sentence."""

    @app.exception_handler(LecternError)
    async def shown(request: Request, exc: LecternError) -> Response:
        return page(request, "problem", status=400, problem=str(exc))
