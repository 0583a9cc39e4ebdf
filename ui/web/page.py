"""The page: its header, its tabs, and the state of the models.

The models load while the page is already in use.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import wait
from pathlib import Path
from typing import Any

import gradio as gr

from rag.errors import InputError
from ui.web.chat_part import ChatPart
from ui.web.components import (
    QUIET,
    data,
    errors_shown,
    errors_shown_while,
    forwarding,
    html,
    person_behind,
    shown_error,
)
from ui.web.courses.desks import CourseDesks, PerCourse
from ui.web.courses.part import CoursesPart
from ui.web.courses.path import address_of, course_of
from ui.web.desk import Desk, LoadingStage
from ui.web.language import LANGUAGES, marked, unmarked, use
from ui.web.language import gettext as _
from ui.web.note_events import NoteEvents
from ui.web.notes_part import NotesPart
from ui.web.personal import Personal
from ui.web.study_part import StudyPart
from ui.web.uploads import check_files
from ui.web.views.adapter_view import adapters_html
from ui.web.views.render import render
from ui.web.views.status_view import status_html

_QUEUE_LENGTH = 256
_QUEUE_WAIT_SECONDS = 0.02
"""Seconds between two looks of Gradio's queue for an event.

Its own 0.001 and 0.01 keep a ninth of a core busy as long as the server runs.
"""
_THREADS = 200
"""Threads of event handlers.

Each answer that a tab follows has one, and waits most of the time.
"""
_LOOK_SECONDS = 0.3
_UPLOAD_KEPT_SECONDS = 3600
_LOOK_AGAIN = "addEventListener('focus', () => trigger('look'));"
"""Script that looks for another adapter when a person comes back to the tab.

Another tab may have changed it.
"""
_HEADER = render("masthead", languages=LANGUAGES, _=marked)


def build_page(
    desks: CourseDesks, personal: PerCourse[Personal], *, local: bool, managed: bool, uploads: Path
) -> CoursePage:
    """Return the page for the courses.

    No event of it takes a file from outside the folder of uploads. Only a `local` page, which no other machine
    reaches, adds folders by their path and offers adapters. The list of courses is changed on a `managed` one, by teachers.
    """
    page = CoursePage(
        uploads,
        title="Lectern",
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(_UPLOAD_KEPT_SECONDS, _UPLOAD_KEPT_SECONDS),
    )
    with page:
        html(_HEADER, elem_id="masthead")
        pages = html(elem_id="person")
        courses = CoursesPart(desks, managed)
        status = html(elem_id="status")
        adapters = html(elem_id="adapters", js_on_load=forwarding("adapt") + _LOOK_AGAIN)
        timer = gr.Timer(1.0)
        with gr.Tabs(elem_id="rooms"):
            with gr.Tab(marked("Ask"), id="ask"):
                chat = ChatPart(lambda request: personal(request).chat(person_behind(request)))
            with gr.Tab(marked("Study"), id="study") as study_tab:
                study = StudyPart(lambda request: personal(request).study(person_behind(request)))
            with gr.Tab(marked("Notes"), id="notes") as notes_tab:
                notes = NotesPart(PerCourse(desks, lambda desk: NoteEvents(desk, uploads)), local)
        look = _Look(desks, local)
        shown: dict[str, Any] = {"outputs": [status, timer, adapters], "queue": False, **QUIET}
        gr.on([page.load, timer.tick], look.now, **shown)
        adapters.look(look.now, **shown)
        page.load(_person, outputs=[pages, notes.adding], queue=False, **QUIET)
        courses.wire_list(page)
        chat.wire(page)
        study.wire(page, study_tab)
        notes.wire_list(page, notes_tab, chat)
        before = set(page.fns)
        courses.wire()
        if local:
            adapters.adapt(look.adapt, outputs=[status, adapters], **QUIET)
        notes.wire(chat)
        page.teacher_events = frozenset(set(page.fns) - before)
    page.queue(max_size=_QUEUE_LENGTH, default_concurrency_limit=4, api_open=False)
    page._queue.sleep_when_free = _QUEUE_WAIT_SECONDS
    page._queue.progress_update_sleep_when_free = _QUEUE_WAIT_SECONDS
    return page


def _person(request: gr.Request) -> tuple[str, dict[str, Any]]:
    """Return the person's links, and the form for notes, hidden from students."""
    person = person_behind(request)
    return render("person", person=person, root=address_of(course_of(request)).rstrip("/")), gr.update(
        visible=person.teaches
    )


class CoursePage(gr.Blocks):
    """Blocks in several languages, whose events take no file but an upload.

    `teacher_events` are the numbers of the events that change the library or the model; the gate refuses them to students.

    Gradio copies or downloads what a path names before it runs the handler, so a foreign path is refused first.
    """

    def __init__(self, uploads: Path, **given: Any) -> None:
        super().__init__(**given)
        self._uploads = uploads
        self.teacher_events: frozenset[int] = frozenset()
        self.max_threads = _THREADS
        # Gradio checks no path before this is set, which only `launch` does: a mounted page would never be checked.
        self.has_launched = True

    @property
    def config(self) -> Any:
        """The description of the page's frame, in the language of the current request."""
        return unmarked(self._config)

    @config.setter
    def config(self, config: Any) -> None:
        self._config = config

    async def call_function(
        self,
        block_fn: Any,
        processed_input: list[Any],
        iterator: Any = None,
        requests: Any = None,
        *given: Any,
        **named: Any,
    ) -> Any:
        """Call the handler of an event in the language of its request."""
        first = requests[:1] if isinstance(requests, list) else [requests]
        for request in filter(None, first):
            use(request.headers)
        return await super().call_function(block_fn, processed_input, iterator, requests, *given, **named)

    async def preprocess_data(
        self, block_fn: Any, inputs: list[Any], state: Any, explicit_call: bool = False
    ) -> list[Any]:
        """Check the files of an event's data, then prepare the data for its handler.

        Raises:
            gradio.Error: a file in it is not an upload, or values are missing.
        """
        try:
            check_files(inputs, self._uploads)
            if len(inputs) < len(block_fn.inputs):
                raise InputError(_("Values are missing in what this page sent. Reload the page."))
        except InputError as exc:
            raise shown_error(exc) from exc
        prepared: list[Any] = await super().preprocess_data(block_fn, inputs, state, explicit_call)
        return prepared


class _Look:
    """The state of the models, looked at until they are ready or have failed."""

    def __init__(self, desks: CourseDesks, local: bool) -> None:
        self._desks = desks
        self._local = local

    @errors_shown
    def now(self, request: gr.Request) -> tuple[str | dict[str, Any], gr.Timer, str | dict[str, Any]]:
        """Return the status line, a timer, and the choice of an adapter.

        The timer ends when there is nothing more to wait for, or when the course of the page was removed: the page is
        being left then, and nobody asked for an error.
        """
        if not self._desks.has(course_of(request)):
            return gr.skip(), gr.Timer(active=False), gr.skip()
        desk = self._desks.of(request)
        status = desk.status()
        waiting = status.stage in (LoadingStage.OPENING, LoadingStage.LOADING)
        return status_html(status), gr.Timer(active=waiting), self._adapters(desk)

    @errors_shown_while
    def adapt(self, event: gr.EventData, request: gr.Request) -> Iterator[tuple[str, str]]:
        """Yield the status line and the choice while the chosen adapter is loading.

        The last ones are of the adapter in use, or refused.
        """
        desk = self._desks.of(request)
        coming = desk.use_adapter(data(event, "adapter"))
        while not coming.done():
            yield status_html(desk.status()), self._adapters(desk)
            wait([coming], _LOOK_SECONDS)
        yield status_html(desk.status()), self._adapters(desk)
        coming.result()

    def _adapters(self, desk: Desk) -> str:
        return adapters_html(desk.adapters() if self._local else ())
