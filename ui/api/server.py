"""`lectern serve`: the HTTP API in a server of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from rag.errors import LecternError
from rag.settings import ApiSettings
from ui.access import Access
from ui.addresses import bound_socket, url
from ui.api.app import build_api
from ui.api.courses import Courses
from ui.api.keys import KeyRing
from ui.model_opening import AGAIN_SECONDS, may_come_later
from ui.question_logging import prune_log, question_log
from ui.running_server import run_server

_log = logging.getLogger("lectern.api")


def serve(
    courses: Courses, access: Access, keys: KeyRing, settings: ApiSettings, opened: Callable[[str], None]
) -> None:
    """Serve the API until it is interrupted.

    `opened` is called with the address once it answers; the models are loaded in the background then.

    Raises:
        ServerError: the port is taken, or the address is not this machine's.
    """
    for course in courses:
        prune_log(question_log(course.application.folder, course.application.settings))
    bound = bound_socket(settings, "serve")
    address = url(settings.host, bound.getsockname()[1])
    app = build_api(courses, access, keys, settings)

    def started() -> None:
        opened(address)
        threading.Thread(target=_load, args=(courses,), name="lectern-models", daemon=True).start()

    try:
        with bound:
            run_server(app, bound, started)
    finally:
        app.state.service.close()


def _load(courses: Courses) -> None:
    """Load the models before the first question; an error is reported to whoever asks.

    A model server that is not there yet is asked again: a load balancer sends no question that would do so.
    """
    application = courses.default.application
    while True:
        try:
            application.chain()
        except LecternError as exc:
            _log.warning("the models cannot be loaded yet: %s", exc)
            if not may_come_later(application.settings.model, exc):
                return
        else:
            return
        time.sleep(AGAIN_SECONDS)
