"""The web server: the page, its files, exports, and the guard before them.

Uvicorn is run by hand instead of through Gradio's `launch`, so that a busy port is one sentence, nothing is
probed over the network at the start, and our headers come before everything Gradio serves.
"""

from __future__ import annotations

import json
import os
import webbrowser
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from markupsafe import escape

from rag.system.telemetry import switch_off_telemetry
from ui.access import Access
from ui.accounts.cookies import session_cookie
from ui.accounts.login_limit import LoginLimit
from ui.accounts.store import AccountStore
from ui.addresses import bound_socket, is_loopback, url
from ui.question_logging import prune_log, question_log
from ui.running_server import run_server
from ui.web.api_first import ApiFirst
from ui.web.export_pages import add_errors, add_export
from ui.web.gate import Gate
from ui.web.language import DIRECTION, LANGUAGE, SCRIPT_WORDS, LanguageOfRequest, marked
from ui.web.picture_pages import add_pictures
from ui.web.security import MOST_JSON_BYTES, Guard
from ui.web.study_export import add_study_export

if TYPE_CHECKING:
    from fastapi import FastAPI

    from rag.library.question_log import QuestionLog
    from ui.web.account_pages import Doors
    from ui.web.courses.desks import CourseDesks, PerCourse
    from ui.web.desk import Desk
    from ui.web.personal import Personal

    Pages = Callable[[FastAPI, CourseDesks, PerCourse[Personal], bool], None]
    """Adds pages to the web app.

    The last value is True if no other machine reaches it.
    """

STATIC = Path(__file__).parent / "static"
# These override the person's environment, where they could open the page to others.
_CLOSED = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_RUN_HISTORY": "False",
    "GRADIO_SHARE": "False",
    "GRADIO_ALLOWED_PATHS": "",
}


def silence() -> None:
    """Switch off what Gradio and the Hugging Face client would send.

    It must run before Gradio is imported.
    """
    switch_off_telemetry()
    os.environ.update(_CLOSED)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")


def build_app(desk: Desk, access: Access, uploads: Path, more: Pages | None = None) -> FastAPI:
    """Return the whole web application for a desk.

    The browser's files go to the folder of uploads, and no event or address takes a file from outside it.
    """
    # Gradio keeps what is uploaded in a folder that all users of a machine share, unless another one is set.
    uploads = uploads.resolve()
    os.environ["GRADIO_TEMP_DIR"] = str(uploads)
    import gradio
    from fastapi import FastAPI
    from fastapi.responses import FileResponse
    from fastapi.staticfiles import StaticFiles

    from ui.web.account_pages import Doors, add_account_pages
    from ui.web.courses.desks import CourseDesks, PerCourse
    from ui.web.courses.path import CoursePath
    from ui.web.page import build_page
    from ui.web.personal import Personal
    from ui.web.theme import theme

    desk.offers_models = access.local
    settings, desks = desk.settings.chat, CourseDesks(desk)
    desks.registry.purge()
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/lectern/static", StaticFiles(directory=STATIC))

    @app.get("/favicon.ico", include_in_schema=False)
    def favicon() -> FileResponse:
        return FileResponse(STATIC / "lectern.svg", media_type="image/svg+xml")

    folder, personal = desk.library.folder, PerCourse(desks, Personal)

    def logs() -> list[QuestionLog]:
        folders = (desks.registry.folder(entry.id) for entry in desks.registry.courses())
        return [question_log(each, desk.settings) for each in folders]

    for log in logs():
        prune_log(log)
    doors = Doors(AccountStore(folder), session_cookie(folder), LoginLimit(), logs, desk.settings.log.names)
    add_errors(app)
    add_export(app, personal)
    add_pictures(app, personal)
    add_study_export(app, desks)
    add_account_pages(app, doors)
    local, has_teachers = access.local, doors.accounts.required
    if more is not None:
        more(app, desks, personal, local)
    page = build_page(
        desks, personal, local=local and not has_teachers, managed=local or has_teachers, uploads=uploads
    )
    gradio.mount_gradio_app(
        app,
        page,
        path="/",
        server_name=settings.host,
        server_port=settings.port,
        theme=theme(),
        head=_head(),
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        show_error=False,
        max_file_size=settings.max_upload_bytes,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
    )
    # A character takes up to 12 bytes as escaped JSON.
    most_json_bytes = max(MOST_JSON_BYTES, 16 * desk.settings.answer.max_question_chars)
    app.add_middleware(
        Gate,
        accounts=doors.accounts,
        access=access,
        cookie=doors.cookie,
        teacher_events=page.teacher_events,
        most_json_bytes=most_json_bytes,
    )
    app.add_middleware(
        Guard, access=access, uploads=uploads, most_json_bytes=most_json_bytes, has_course=desks.has
    )
    app.add_middleware(CoursePath)
    app.add_middleware(LanguageOfRequest)
    app.add_middleware(ApiFirst, api=_api(desks, access, doors))
    return app


def _api(desks: CourseDesks, access: Access, doors: Doors) -> FastAPI:
    """Return the HTTP API over the libraries and models of the courses."""
    from ui.api.app import build_api
    from ui.api.courses import Course, Courses
    from ui.api.guard import People
    from ui.api.keys import KeyRing

    folder, server = desks.first.library.folder, desks.first.application.server
    first = server.course if server else folder.resolve().name

    def course(identity: str, desk: Desk) -> Course:
        return Course(identity or first, desk.application, desk.chain)

    def others() -> list[Course]:
        found = (entry.id for entry in desks.registry.courses() if entry.id)
        return [course(identity, desks.desk(identity)) for identity in found]

    def opened() -> list[Course]:
        return [course(identity, desk) for identity, desk in desks.opened()]

    keys, people = KeyRing(folder), People(doors.accounts, doors.cookie)
    courses = Courses([course("", desks.first)], others, desks.first.turns.metrics, opened)
    return build_api(courses, access, keys, desks.first.settings.api, people)


def serve(
    desk: Desk, access: Access, *, browser: bool, opened: Callable[[str], None], more: Pages | None = None
) -> None:
    """Serve the page until it is interrupted; `more` adds pages to it.

    `opened` is called with the address once it answers.

    Raises:
        ServerError: the port is taken, or the address is not this machine's.
    """
    bound = bound_socket(desk.settings.chat)
    address = url(desk.settings.chat.host, bound.getsockname()[1])

    def started() -> None:
        opened(address)
        desk.load()
        if browser:
            webbrowser.open(address)

    with bound, TemporaryDirectory(prefix="lectern-") as temporary:
        run_server(build_app(desk, access, Path(temporary), more), bound, started)


def _head() -> str:
    """Return the additions to the page's head: our style and script, and KaTeX."""
    katex, style = _katex()
    words = json.dumps({key: marked(word) for key, word in SCRIPT_WORDS.items()}, ensure_ascii=False)
    return "".join(
        (
            f'<meta name="lectern-language" content="{marked(LANGUAGE)}">',
            f'<meta name="lectern-direction" content="{marked(DIRECTION)}">',
            f'<meta name="lectern-words" content="{escape(words)}">',
            '<link rel="stylesheet" href="/lectern/static/lectern.css">',
            f'<link rel="stylesheet" href="{style}"><meta name="lectern-katex-style" content="{style}">'
            if style
            else "",
            f'<meta name="lectern-katex" content="{katex}">' if katex else "",
            '<script type="module" src="/lectern/static/lectern.js"></script>',
        )
    )


def _katex() -> tuple[str, str]:
    """Return the addresses of Gradio's KaTeX module and style; empty without them.

    Without them formulas are shown as their source.
    """
    import gradio

    assets = Path(gradio.__file__).parent / "templates" / "frontend" / "assets"
    found = [sorted(assets.glob(pattern)) for pattern in ("katex-*.js", "katex-*.css")]
    return tuple(f"/assets/{files[0].name}" if files else "" for files in found)  # type: ignore[return-value]


def notice(host: str, access: Access) -> str:
    """Return a sentence on what other people can do on the page.

    It is empty if they cannot reach it.
    """
    if access.local:
        return ""
    plain = (
        ""
        if is_loopback(host)
        else " The password and the answers are not encrypted on the way; a proxy with TLS does that (docs/deployment.md)."
    )
    if access.has_accounts:
        return (
            "Other machines can use this page: everyone with an account can ask and read the notes, and has conversations of "
            "their own; teachers also add and remove notes. Adding folders by path and choosing an adapter are switched "
            f"off.{plain}"
        )
    if access.reachable:
        return (
            "Other machines can use this page: everyone who has the password can ask, read the notes, and add and remove notes "
            "by uploading; each browser has conversations of its own. Adding folders by path and choosing an adapter are "
            f"switched off. With accounts only teachers change the notes: lectern users add NAME --role teacher.{plain}"
        )
    who = "everyone who has the password" if access.has_password else "everyone whom the proxy lets through"
    return (
        f"Other machines can use this page: {who} can ask, read the notes and all conversations, delete conversations, and "
        f"add notes by uploading. Adding folders by path and choosing an adapter are switched off.{plain}"
    )
