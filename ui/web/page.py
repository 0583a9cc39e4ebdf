"""The page: its head line, its two rooms, and the state of the models, which load while it is already in use."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import wait
from typing import Any

import gradio as gr

from ui.web.adapter_view import adapters_html
from ui.web.chat_events import ChatEvents
from ui.web.chat_part import ChatPart
from ui.web.components import QUIET, data, forwarding, html, told_while
from ui.web.desk import Desk, Stage
from ui.web.note_events import NoteEvents
from ui.web.notes_part import NotesPart
from ui.web.status_view import status_html

_QUEUE_LENGTH = 64
_LOOK_SECONDS = 0.3
_UPLOAD_KEPT_SECONDS = 3600
_LOOK_AGAIN = "addEventListener('focus', () => trigger('look'));"
"""Another tab may have changed the adapter: who comes back to this one is told of it."""
_HEADER = (
    '<header class="masthead"><h1><span class="mark" aria-hidden="true"></span>Lectern</h1>'
    "<p>Your notes answer. Nothing leaves this machine.</p>"
    '<button type="button" class="theme" aria-label="Switch between light and dark">◐</button></header>'
    '<div class="spoken" id="announcer" role="status" aria-live="polite"></div>'
)


def build_page(desk: Desk, *, local: bool) -> gr.Blocks:
    """The page for one library. Only a `local` one, which no other machine reaches, adds folders by their path and offers adapters."""
    page = gr.Blocks(
        title="Lectern",
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(_UPLOAD_KEPT_SECONDS, _UPLOAD_KEPT_SECONDS),
    )
    with page:
        html(_HEADER, elem_id="masthead")
        status = html(status_html(desk.status()), elem_id="status")
        adapters = html(elem_id="adapters", js_on_load=forwarding("adapt") + _LOOK_AGAIN)
        timer = gr.Timer(1.0)
        with gr.Tabs(elem_id="rooms"):
            with gr.Tab("Ask", id="ask"):
                chat = ChatPart(ChatEvents(desk))
            with gr.Tab("Notes", id="notes") as notes_tab:
                notes = NotesPart(NoteEvents(desk), local)
        look = _Look(desk, local)
        shown: dict[str, Any] = {"outputs": [status, timer, adapters], "queue": False, **QUIET}
        gr.on([page.load, timer.tick], look.now, **shown)
        adapters.look(look.now, **shown)
        if local:
            adapters.adapt(look.adapt, outputs=[status, adapters], **QUIET)
        chat.wire(page)
        notes.wire(page, notes_tab)
        notes.then_refresh(chat)
    page.queue(max_size=_QUEUE_LENGTH, default_concurrency_limit=4, api_open=False)
    return page


class _Look:
    """How far the models are, looked at until they are ready or have failed, and which adapter they have."""

    def __init__(self, desk: Desk, local: bool) -> None:
        self._desk = desk
        self._local = local

    def now(self) -> tuple[str, gr.Timer, str]:
        """The status line, a timer that ends when there is nothing more to wait for, and the choice of an adapter."""
        status = self._desk.status()
        waiting = status.stage in (Stage.OPENING, Stage.LOADING)
        return status_html(status), gr.Timer(active=waiting), self._adapters()

    @told_while
    def adapt(self, event: gr.EventData) -> Iterator[tuple[str, str]]:
        """The status line and the choice while the adapter that was clicked is loaded, and once it is in use or refused."""
        coming = self._desk.use_adapter(data(event, "adapter"))
        while not coming.done():
            yield status_html(self._desk.status()), self._adapters()
            wait([coming], _LOOK_SECONDS)
        yield status_html(self._desk.status()), self._adapters()
        coming.result()

    def _adapters(self) -> str:
        return adapters_html(self._desk.adapters() if self._local else ())
