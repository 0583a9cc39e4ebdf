"""The page: its head line, its two rooms, and the state of the models, which load while it is already in use."""

from __future__ import annotations

import gradio as gr

from ui.web.chat_events import ChatEvents
from ui.web.chat_part import ChatPart
from ui.web.components import QUIET, html
from ui.web.desk import Desk, Stage
from ui.web.note_events import NoteEvents
from ui.web.notes_part import NotesPart
from ui.web.status_view import status_html

_QUEUE_LENGTH = 64
_UPLOAD_KEPT_SECONDS = 3600
_HEADER = (
    '<header class="masthead"><h1><span class="mark" aria-hidden="true"></span>Lectern</h1>'
    "<p>Your notes answer. Nothing leaves this machine.</p>"
    '<button type="button" class="theme" aria-label="Switch between light and dark">◐</button></header>'
    '<div class="spoken" id="announcer" role="status" aria-live="polite"></div>'
)


def build_page(desk: Desk, *, folders: bool) -> gr.Blocks:
    """The page for one library. `folders` allows adding a folder of the server's machine by its path."""
    page = gr.Blocks(
        title="Lectern",
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(_UPLOAD_KEPT_SECONDS, _UPLOAD_KEPT_SECONDS),
    )
    with page:
        html(_HEADER, elem_id="masthead")
        status = html(status_html(desk.status()), elem_id="status")
        timer = gr.Timer(1.0)
        with gr.Tabs(elem_id="rooms"):
            with gr.Tab("Ask", id="ask"):
                chat = ChatPart(ChatEvents(desk))
            with gr.Tab("Notes", id="notes") as notes_tab:
                notes = NotesPart(NoteEvents(desk), folders)
        look = _Look(desk)
        gr.on([page.load, timer.tick], look.now, outputs=[status, timer], queue=False, **QUIET)
        chat.wire(page)
        notes.wire(page, notes_tab)
        notes.then_refresh(chat)
    page.queue(max_size=_QUEUE_LENGTH, default_concurrency_limit=4, api_open=False)
    return page


class _Look:
    """How far the models are, looked at until they are ready or have failed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def now(self) -> tuple[str, gr.Timer]:
        """The status line, and a timer that ends when there is nothing more to wait for."""
        status = self._desk.status()
        return status_html(status), gr.Timer(active=status.stage in (Stage.OPENING, Stage.LOADING))
